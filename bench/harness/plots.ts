/** The parts of the HTML report that draw figures: the bars, CPU time, start times. */
import { startFigure } from "../start.ts";
import { type Bar, barsOf, isMeasured, type MeasuredBar, verdictOf } from "./bars.ts";
import { type Cell, escapeText, percent, section, table, tableRow } from "./html.ts";
import { idleRows, mebibytes, wholeBytes } from "./idle.ts";
import type { Result } from "./result.ts";
import type { Series } from "./statistics.ts";
import { kibibytes, micro, type Row } from "./terminal.ts";
import { spread } from "./terminal-table.ts";

const number = (content: string): Cell => ["number", content];
const soft = (content: string): Cell => ["number soft", content];
const strong = (content: string): Cell => ["number strong", content];
const two = (value: number) => value.toFixed(2);

/** A track ends here, in multiples of the bar; what lies beyond is drawn at the end. */
const trackEnd = 2;

/** Good is always to the left: a figure that has to be large is turned round. */
function position(bar: Bar, value: number): number {
  const multiple = bar.direction === "at most" ? value / bar.limit : bar.limit / value;
  return Math.max(0, Math.min(multiple / trackEnd, 1));
}

function track(bar: MeasuredBar): string {
  const figure = bar.measured;
  const low = Math.min(position(bar, figure.low), position(bar, figure.high));
  const high = Math.max(position(bar, figure.low), position(bar, figure.high));
  const place = `left:${percent(low)};width:${percent(high - low)}`;
  return `<div><i class="limit"></i><i class="spread" style="${place}"></i>
<i class="dot" style="left:${percent(position(bar, figure.middle))}"></i></div>`;
}

export function barRows(result: Result): string {
  const all = barsOf(result);
  const rows = all.filter(isMeasured).map((bar) => {
    const verdict = verdictOf(bar);
    const { measured } = bar;
    const unit = bar.unit === "×" ? "" : " µs";
    const sign = bar.direction === "at most" ? "≤" : "≥";
    const caveat = bar.caveat === undefined ? "" : `<em>${escapeText(bar.caveat)}</em>`;
    return tableRow(verdict, [
      ["", escapeText(bar.what) + caveat],
      ["track", track(bar)],
      strong(two(measured.middle) + unit),
      soft(spread(measured, two)),
      number(`${sign} ${two(bar.limit)}${unit}`),
      ["verdict", verdict],
    ]);
  });
  const head = [["", ""], ["", ""], number("measured"), number("min–max"), number("bar")] as const;
  return table("bars", [...head, ["", ""]], rows) + unmeasured(all);
}

/** Bars that a run of a part of the workloads left out, folded. */
function unmeasured(bars: readonly Bar[]): string {
  const left = bars.filter((bar) => !isMeasured(bar));
  if (left.length === 0) return "";
  const items = left.map(({ what }) => `<li>${escapeText(what)}</li>`).join("");
  const summary = `<summary>${left.length} not measured in this run</summary>`;
  return `<details>${summary}<ul>${items}</ul></details>\n`;
}

/** Bars are not longer than this many times the shortest, or differences of the quick vanish. */
const longest = 4;

function remarkOf(series: Series): string {
  const remarks = [
    ...(series.failed > 0 ? [`${series.failed} failed`] : []),
    ...(series.missed > 0.01 ? [`${(series.missed * 100).toFixed(0)}% not answered in time`] : []),
  ];
  return remarks.length === 0 ? "" : `<em>${remarks.join(", ")}</em>`;
}

/** User and system time in one bar. They are pooled over rounds, the total is a median: scaled. */
function stack({ userUs, systemUs, totalUs }: Series, scale: number): Cell {
  const share = Math.min(totalUs.middle, scale) / scale / (userUs.middle + systemUs.middle);
  const part = (name: string, us: number) =>
    `<i class="${name}" style="width:${percent(us * share)}"></i>`;
  const cut = totalUs.middle > scale * 1.001 ? " cut" : "";
  const parts = part("user", userUs.middle) + part("system", systemUs.middle);
  return [`stack${cut}`, `<div>${parts}</div>`];
}

const workHead: readonly Cell[] = [
  ["", ""],
  ["", `<i class="key user"></i> user <i class="key system"></i> system`],
  ...["CPU µs", "min–max", "user", "system", "req/s", "busy", "p50 µs", "p99 µs", "RSS MiB"].map(
    number,
  ),
];
const byteHead = ["body KiB", "CPU µs/MiB"].map(number);

export function workloadRows(rows: readonly Row[], perByte: boolean): string {
  const totals = rows.map(({ series }) => series.totalUs.middle);
  const scale = Math.min(Math.max(...totals), Math.min(...totals) * longest);
  const body = rows.map(({ series, title }) =>
    tableRow(series.peer, [
      ["", escapeText(title) + remarkOf(series)],
      stack(series, scale),
      strong(micro(series.totalUs.middle)),
      soft(spread(series.totalUs, micro)),
      number(micro(series.userUs.middle)),
      number(micro(series.systemUs.middle)),
      number(Math.round(series.perSecond.middle).toLocaleString("en")),
      soft(`${Math.round(series.busy * 100)}%`),
      number(micro(series.latency?.p50Us.middle)),
      number(micro(series.latency?.p99Us.middle)),
      number((series.residentBytes / 1048576).toFixed(0)),
      ...(perByte ? [number(kibibytes(series.bodyBytes)), strong(micro(series.mebibyteUs))] : []),
    ]),
  );
  return table("work", [...workHead, ...(perByte ? byteHead : [])], body);
}

/** The start times, if they were measured. */
export function startRows({ starts }: Result): string {
  if (starts.length === 0) return "";
  const end = Math.max(...starts.map(({ ms }) => ms)) * 1.05;
  const dot = (ms: number) => `<i class="dot" style="left:${percent(ms / end)}"></i>`;
  const rows = (["source", "compiled"] as const).flatMap((form) =>
    (["chopin", "bun-serve"] as const).map((peer) => {
      const own = starts.filter((sample) => sample.form === form && sample.peer === peer);
      const ms = startFigure(starts, peer, form);
      return tableRow(peer, [
        ["", `${peer === "chopin" ? "Chopin" : "Bun.serve"}, ${form}`],
        ["strip", `<div>${own.map((sample) => dot(sample.ms)).join("")}</div>`],
        strong(ms?.middle.toFixed(1) ?? "–"),
        soft(ms === undefined ? "" : spread(ms, (value) => value.toFixed(1))),
      ]);
    }),
  );
  const head = [["", ""], ["", ""], number("median ms"), number("min–max")] as const;
  return section("Start to first answer", "each dot one start", table("starts", head, rows));
}

/** Memory of idle connections, if it was measured. */
export function idleSection({ idles = [] }: Result): string {
  const rows = idleRows(idles);
  const most = Math.max(...rows.map(({ perConnection }) => perConnection.middle));
  const body = rows.map(({ peer, title, perConnection, emptyBytes, fullBytes }) => {
    const width = percent(perConnection.middle / most);
    return tableRow(peer, [
      ["", title],
      ["stack", `<div><i class="user" style="width:${width}"></i></div>`],
      strong(wholeBytes(perConnection.middle)),
      soft(spread(perConnection, wholeBytes)),
      number(mebibytes(emptyBytes)),
      number(mebibytes(fullBytes)),
    ]);
  });
  const first = rows[0];
  if (first === undefined) return "";
  const count = first.connections.toLocaleString("en");
  const remark = `private memory, ${count} connections after one answer each`;
  const titles = ["bytes each", "min–max", "empty MiB", "full MiB"].map(number);
  const head = [["", ""], ["", ""], ...titles] as const;
  return section("Idle connections", remark, table("work", head, body));
}
