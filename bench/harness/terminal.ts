/** The report in a terminal: one table for each workload, then the bars. */
import { barsOf, verdictOf } from "./bars.ts";
import { disturbanceOf, type Result } from "./result.ts";
import { type Figure, type Series, seriesOf } from "./statistics.ts";
import { type Workload, workloads } from "./workloads.ts";

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number) => (text: string) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text;
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);
const yellow = paint(33);
const cyan = paint(36);

/** One cell: its text, and how it is coloured once its width is known. */
interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** The first column and those from `leftFrom` on are text; between them stand numbers. */
function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  leftFrom: number,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.text.length ?? 0)),
  );
  const align = (text: string, column: number) =>
    column === 0 || column >= leftFrom
      ? text.padEnd(widths[column] ?? 0)
      : text.padStart(widths[column] ?? 0);
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => (cell.paint ?? String)(align(cell.text, column)))
      .join("  ")
      .trimEnd();
  const titles = line(head.map((text) => ({ text, paint: dim })));
  return [titles, ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}

/** Microseconds with as many digits as mean something. */
export function micro(value: number | undefined): string {
  if (value === undefined) return "–";
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}
export const spread = ({ low, high }: Figure, write: (value: number) => string) =>
  `${write(low)}–${write(high)}`;

function row(series: Series, title: string, reference: Series | undefined): Cell[] {
  const own = series.peer === "chopin";
  const paintName = own ? cyan : series.peer === "floor" ? dim : String;
  const ratio =
    reference === undefined ? undefined : series.totalUs.middle / reference.totalUs.middle;
  const remarks = [
    ...(series.failed > 0 ? [`${series.failed} failed`] : []),
    ...(series.missed > 0.01 ? [`${(series.missed * 100).toFixed(0)}% missed`] : []),
  ].join(", ");
  return [
    { text: title, paint: paintName },
    { text: Math.round(series.perSecond.middle).toLocaleString("en") },
    { text: `${Math.round(series.busy * 100)}%`, paint: dim },
    { text: micro(series.totalUs.middle), paint: own ? bold : String },
    { text: spread(series.totalUs, micro), paint: dim },
    { text: micro(series.userUs.middle), paint: own ? bold : String },
    { text: micro(series.systemUs.middle) },
    { text: ratio === undefined ? "" : `${ratio.toFixed(2)}×`, paint: dim },
    { text: micro(series.latency?.p50Us.middle) },
    { text: micro(series.latency?.p99Us.middle) },
    { text: (series.residentBytes / 1048576).toFixed(0) },
    { text: remarks, paint: red },
  ];
}

const head = [
  "",
  "req/s",
  "busy",
  "CPU µs",
  "min–max",
  "user",
  "system",
  "Chopin = 1",
  "p50 µs",
  "p99 µs",
  "RSS MiB",
  "",
];

/** Contenders of one workload, the cheapest first. */
export function ranked(result: Result, workload: string): { series: Series; title: string }[] {
  const found = result.peers.flatMap(({ name, title }) => {
    const series = seriesOf(result.samples, workload, name);
    return series === undefined ? [] : [{ series, title }];
  });
  return found.sort((a, b) => a.series.totalUs.middle - b.series.totalUs.middle);
}

/** What the generator does, in words. */
export function loadOf({ mode, connections }: Workload, rate: number): string {
  const pace =
    mode === "paced" ? `${Math.round(rate).toLocaleString("en")} requests a second, ` : "";
  return `${pace}${connections} ${connections === 1 ? "connection" : "connections"}`;
}

function bars(result: Result): string {
  const rows = barsOf(result).map((bar): Cell[] => {
    const verdict = verdictOf(bar);
    const write = (value: number) => `${value.toFixed(2)}${bar.unit === "×" ? "" : " µs"}`;
    const sign = bar.direction === "at most" ? "≤" : "≥";
    const paintVerdict = verdict === "holds" ? green : verdict === "fails" ? red : dim;
    return [
      { text: bar.what },
      { text: bar.measured === undefined ? "" : write(bar.measured.middle), paint: bold },
      {
        text: bar.measured === undefined ? "" : spread(bar.measured, (x) => x.toFixed(2)),
        paint: dim,
      },
      { text: `${sign} ${write(bar.limit)}` },
      { text: verdict, paint: paintVerdict },
      { text: bar.caveat === undefined ? "" : `(${bar.caveat})`, paint: yellow },
    ];
  });
  return table(["", "measured", "min–max", "bar", "", ""], rows, 4);
}

export function printReport(result: Result): void {
  const { rounds, seconds } = result.settings;
  const { processor, cores, kernel } = result.machine;
  console.log(`\n${bold("Chopin bench")}  ${processor}, ${cores} cores, Linux ${kernel}`);
  console.log(dim(`${rounds} rounds of ${seconds} s, medians; CPU is the server's, per request`));
  const disturbance = disturbanceOf(result);
  if (disturbance !== undefined) console.log(yellow(disturbance));
  for (const workload of workloads) {
    const rows = ranked(result, workload.name);
    if (rows.length === 0) continue;
    const ours = rows.find(({ series }) => series.peer === "chopin")?.series;
    const load = loadOf(workload, result.settings.rate);
    console.log(`\n${bold(workload.title)}  ${dim(load)}`);
    console.log(
      table(
        head,
        rows.map(({ series, title }) => row(series, title, ours)),
        11,
      ),
    );
  }
  console.log(`\n${bold("Bars")}`);
  console.log(bars(result));
  if (result.skipped.length > 0) console.log(`\n${bold("Left out")}`);
  for (const { name, reason } of result.skipped) {
    console.log(`  ${name}: ${reason.split("\n")[0]}`);
  }
}
