/** Latency curves of the HTML report, as SVG. */
import { escapeText } from "./html.ts";
import type { Row } from "./terminal.ts";

const width = 980;
const height = 300;
const left = 52;
/** Room for the names at the ends of the curves. */
const right = width - 130;
const top = 14;
const base = height - 34;
const shares = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995];
/** A curve has one point for each half per cent below 100. */
const steps = 200;

/** Each step to the right leaves half as many slower answers. */
function across(share: number): number {
  return left + ((right - left) * Math.log2(1 - share)) / Math.log2(1 / steps);
}

/** 1, 2 and 5 of each power of ten, inside the range. */
function ticksOf(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    ticks.push(...[power, 2 * power, 5 * power].filter((tick) => tick >= low && tick <= high));
  }
  return ticks;
}

interface Label {
  readonly at: number;
  readonly text: string;
  readonly peer: string;
}

/** Moves labels apart that would lie on one another; `at` grows from the top. */
function spaced(labels: readonly Label[]): Label[] {
  const step = 14;
  let last = Number.NEGATIVE_INFINITY;
  const apart = labels
    .toSorted((a, b) => a.at - b.at)
    .map((label) => {
      last = Math.max(label.at, last + step);
      return { ...label, at: last };
    });
  const over = Math.max(0, last - base);
  return apart.map((label) => ({ ...label, at: label.at - over }));
}

const rule = (x1: number, y1: number, x2: number, y2: number) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"/>`;

const mark = (x: number, y: number, anchor: "end" | "middle", content: string) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>\n`;

/** Latency over the share of answers that were at least as quick; empty without curves. */
export function latencyPlot(rows: readonly Row[]): string {
  const curves = rows.flatMap(({ series, title }) => {
    const curve = series.latency?.curveUs ?? [];
    return curve.length === 0 ? [] : [{ peer: series.peer, title, curve }];
  });
  if (curves.length === 0) return "";
  const all = curves.flatMap(({ curve }) => curve);
  const low = Math.min(...all) * 0.9;
  const high = Math.max(...all) * 1.1;
  const down = (us: number) => base - ((base - top) * Math.log(us / low)) / Math.log(high / low);

  const grid = ticksOf(low, high).map(
    (tick) =>
      rule(left, down(tick), right, down(tick)) +
      mark(left - 8, down(tick) + 4, "end", tick.toLocaleString("en")),
  );
  const axis = shares.map(
    (share) =>
      rule(across(share), top, across(share), base) +
      mark(across(share), base + 18, "middle", `${share * 100}%`),
  );
  const lines = curves.map(({ peer, curve }) => {
    const point = (us: number, index: number) =>
      `${across((index + 1) / steps).toFixed(1)},${down(us).toFixed(1)}`;
    return `<polyline class="curve ${peer}" points="${curve.map(point).join(" ")}"/>\n`;
  });
  const ends = curves.map(({ peer, title, curve }) => {
    return { at: down(curve.at(-1) ?? low) + 4, text: title.replace(/ \(.*/, ""), peer };
  });
  const labels = spaced(ends).map(({ at, text, peer }) => {
    const place = `x="${right + 8}" y="${at.toFixed(1)}"`;
    return `<text class="label ${peer}" ${place}>${escapeText(text)}</text>\n`;
  });
  const drawn = [`<g class="grid">`, ...grid, ...axis, "</g>", ...lines, ...labels].join("");
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img">${drawn}</svg>
<figcaption>Latency in µs (logarithmic) that the given share of answers did not exceed.</figcaption>
</figure>`;
}
