/** The parts of the HTML report that draw: bars of CPU time, latency curves, start times. */
import { startFigure } from "../start.ts";
import { type Bar, barsOf, verdictOf } from "./bars.ts";
import type { Result } from "./result.ts";
import type { Figure, Series } from "./statistics.ts";
import { micro, spread } from "./terminal.ts";

export interface Row {
  readonly series: Series;
  readonly title: string;
}

const text = (value: string) => Bun.escapeHTML(value);
const percent = (share: number) => `${(Math.max(0, Math.min(share, 1)) * 100).toFixed(2)}%`;

/** A track ends here, in multiples of the bar; what lies beyond is drawn at the end. */
const trackEnd = 2;

/** Good is always to the left: a figure that has to be large is turned round. */
function position(bar: Bar, value: number): number {
  const multiple = bar.direction === "at most" ? value / bar.limit : bar.limit / value;
  return multiple / trackEnd;
}

function track(bar: Bar, { middle, low, high }: Figure): string {
  const ends = [position(bar, low), position(bar, high)].sort((a, b) => a - b);
  const [from = 0, to = 0] = ends.map((end) => Math.max(0, Math.min(end, 1)));
  return `<i class="spread" style="left:${percent(from)};width:${percent(to - from)}"></i>
<i class="dot" style="left:${percent(position(bar, middle))}"></i>`;
}

export function barRows(result: Result): string {
  const rows = barsOf(result).map((bar) => {
    const verdict = verdictOf(bar);
    const { measured } = bar;
    const unit = bar.unit === "×" ? "" : " µs";
    const sign = bar.direction === "at most" ? "≤" : "≥";
    const shown = measured === undefined ? "" : `${measured.middle.toFixed(2)}${unit}`;
    const caveat = bar.caveat === undefined ? "" : `<em>${text(bar.caveat)}</em>`;
    return `<tr class="${verdict.replace(" ", "-")}"><td>${text(bar.what)}${caveat}</td>
<td class="track"><div><i class="limit"></i>${measured === undefined ? "" : track(bar, measured)}</div></td>
<td class="number strong">${shown}</td>
<td class="number soft">${measured === undefined ? "" : spread(measured, (value) => value.toFixed(2))}</td>
<td class="number">${sign} ${bar.limit.toFixed(2)}${unit}</td><td class="verdict">${verdict}</td></tr>`;
  });
  return `<table class="bars"><tr><th></th><th></th><th class="number">measured</th>
<th class="number">min–max</th><th class="number">bar</th><th></th></tr>${rows.join("")}</table>`;
}

/** Bars are not longer than this many times the shortest, or the differences of the quick vanish. */
const longest = 4;

function remarkOf(series: Series): string {
  const remarks = [
    ...(series.failed > 0 ? [`${series.failed} failed`] : []),
    ...(series.missed > 0.01 ? [`${(series.missed * 100).toFixed(0)}% not answered in time`] : []),
  ];
  return remarks.length === 0 ? "" : `<em>${remarks.join(", ")}</em>`;
}

export function workloadRows(rows: readonly Row[]): string {
  const totals = rows.map(({ series }) => series.totalUs.middle);
  const scale = Math.min(Math.max(...totals), Math.min(...totals) * longest);
  const body = rows.map(({ series, title }) => {
    const { totalUs, userUs, systemUs, latency } = series;
    const cut = totalUs.middle > scale * 1.001;
    // The split is pooled over rounds, the total a median: the parts are scaled to the total.
    const parts = userUs.middle + systemUs.middle;
    const share = Math.min(totalUs.middle, scale) / scale / parts;
    return `<tr class="${series.peer}"><td>${text(title)}${remarkOf(series)}</td>
<td class="stack${cut ? " cut" : ""}"><div><i class="user" style="width:${percent(userUs.middle * share)}"></i><i
 class="system" style="width:${percent(systemUs.middle * share)}"></i></div></td>
<td class="number strong">${micro(totalUs.middle)}</td><td class="number soft">${spread(totalUs, micro)}</td>
<td class="number">${micro(userUs.middle)}</td><td class="number">${micro(systemUs.middle)}</td>
<td class="number">${Math.round(series.perSecond.middle).toLocaleString("en")}</td>
<td class="number soft">${Math.round(series.busy * 100)}%</td>
<td class="number">${micro(latency?.p50Us.middle)}</td><td class="number">${micro(latency?.p99Us.middle)}</td>
<td class="number">${(series.residentBytes / 1048576).toFixed(0)}</td></tr>`;
  });
  return `<table class="work"><tr><th></th><th><i class="key user"></i> user <i class="key system"></i> system</th>
<th class="number">CPU µs</th><th class="number">min–max</th><th class="number">user</th><th class="number">system</th>
<th class="number">req/s</th><th class="number">busy</th><th class="number">p50 µs</th><th class="number">p99 µs</th>
<th class="number">RSS MiB</th></tr>${body.join("")}</table>`;
}

const plot = { width: 980, height: 300, left: 52, right: 130, top: 14, bottom: 34 };
const shares = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995];

/** Distance from the left: each step to the right leaves half as many slower answers. */
function acrossOf(share: number): number {
  const span = -Math.log2(1 - 0.995);
  return plot.left + ((plot.width - plot.left - plot.right) * -Math.log2(1 - share)) / span;
}

/** Powers of ten with 2 and 5 between, inside the range. */
function ticksOf(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    ticks.push(...[power, 2 * power, 5 * power].filter((tick) => tick >= low && tick <= high));
  }
  return ticks;
}

/** Moves labels apart that would lie on one another; `at` grows from the top. */
function spaced(labels: { at: number; text: string; peer: string }[]): typeof labels {
  const sorted = labels.toSorted((a, b) => a.at - b.at);
  const step = 14;
  let last = Number.NEGATIVE_INFINITY;
  for (const label of sorted) {
    label.at = Math.max(label.at, last + step);
    last = label.at;
  }
  const over = Math.max(0, last - (plot.height - plot.bottom));
  return sorted.map((label) => ({ ...label, at: label.at - over }));
}

/** Latency over the share of answers that were at least as quick; empty without curves. */
export function latencyPlot(rows: readonly Row[]): string {
  const curves = rows.flatMap(({ series, title }) => {
    const curve = series.latency?.curveUs ?? [];
    return curve.length === 0 ? [] : [{ peer: series.peer, title, curve }];
  });
  if (curves.length === 0) return "";
  const all = curves.flatMap(({ curve }) => curve.slice(0));
  const [low, high] = [Math.min(...all) * 0.9, Math.max(...all) * 1.1];
  const tall = plot.height - plot.top - plot.bottom;
  const down = (us: number) => plot.top + tall * (1 - Math.log(us / low) / Math.log(high / low));
  const right = plot.width - plot.right;
  const grid = ticksOf(low, high).map(
    (tick) => `<line x1="${plot.left}" x2="${right}" y1="${down(tick)}" y2="${down(tick)}"/>
<text x="${plot.left - 8}" y="${down(tick) + 4}" text-anchor="end">${tick.toLocaleString("en")}</text>`,
  );
  const base = plot.height - plot.bottom;
  const axis = shares.map(
    (
      share,
    ) => `<line x1="${acrossOf(share)}" x2="${acrossOf(share)}" y1="${plot.top}" y2="${base}"/>
<text x="${acrossOf(share)}" y="${base + 18}" text-anchor="middle">${share * 100}%</text>`,
  );
  const lines = curves.map(({ peer, curve }) => {
    const points = curve.map(
      (us, index) => `${acrossOf((index + 1) / 200).toFixed(1)},${down(us).toFixed(1)}`,
    );
    return `<polyline class="curve ${peer}" points="${points.join(" ")}"/>`;
  });
  const ends = curves.map(({ peer, title, curve }) => {
    const short = title.replace(/ \(.*/, "");
    return { at: down(curve.at(-1) ?? low) + 4, text: short, peer };
  });
  const labels = spaced(ends).map(
    (label) =>
      `<text class="label ${label.peer}" x="${right + 8}" y="${label.at.toFixed(1)}">${text(label.text)}</text>`,
  );
  return `<figure><svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-label="latency by share of answers">
<g class="grid">${grid.join("")}${axis.join("")}</g>${lines.join("")}${labels.join("")}</svg>
<figcaption>Latency in µs (logarithmic) that the given share of answers did not exceed.</figcaption></figure>`;
}

/** The start times, if they were measured. */
export function startRows({ starts }: Result): string {
  if (starts.length === 0) return "";
  const forms = ["source", "compiled"] as const;
  const peers = [
    ["chopin", "Chopin"],
    ["bun-serve", "Bun.serve"],
  ] as const;
  const end = Math.max(...starts.map(({ ms }) => ms)) * 1.05;
  const rows = forms.flatMap((form) =>
    peers.map(([peer, title]) => {
      const own = starts.filter((sample) => sample.form === form && sample.peer === peer);
      const ms = startFigure(starts, peer, form);
      const dots = own.map(
        (sample) => `<i class="dot" style="left:${percent(sample.ms / end)}"></i>`,
      );
      return `<tr class="${peer}"><td>${title}, ${form}</td><td class="strip"><div>${dots.join("")}</div></td>
<td class="number strong">${ms?.middle.toFixed(1) ?? "–"}</td>
<td class="number soft">${ms === undefined ? "" : spread(ms, (value) => value.toFixed(1))}</td></tr>`;
    }),
  );
  return `<section><h2>Start to first answer <small>milliseconds, each dot one start</small></h2>
<table class="starts"><tr><th></th><th></th><th class="number">median ms</th><th class="number">min–max</th></tr>
${rows.join("")}</table></section>`;
}
