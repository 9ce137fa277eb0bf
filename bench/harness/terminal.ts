/** The report in a terminal: one table for each workload, then the bars. */
import { barsOf, isMeasured, verdictOf } from "./bars.ts";
import { printIdle } from "./idle.ts";
import { disturbanceOf, type Result } from "./result.ts";
import { type Series, seriesOf } from "./statistics.ts";
import { bold, type Cell, cyan, dim, green, red, spread, table, yellow } from "./terminal-table.ts";
import { type Workload, workloads } from "./workloads.ts";

/** Microseconds with as many digits as mean something. */
export function micro(value: number | undefined): string {
  if (value === undefined) return "–";
  return value >= 100 ? whole(value) : value.toFixed(2);
}
const whole = (value: number) => Math.round(value).toLocaleString("en");
const mebibytesOf = (bytes: number) => (bytes / 1048576).toFixed(0);

/** Mean body of a request in KiB. */
export function kibibytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : (bytes / 1024).toLocaleString("en", fraction);
}
const fraction = { maximumFractionDigits: 1 };

/** One contender under one workload. */
export interface Row {
  readonly series: Series;
  readonly title: string;
}

/** One column: its title, and its cell for a contender beside Chopin. */
interface Column {
  readonly title: string;
  readonly cell: (row: Row, ours: Series | undefined) => Cell;
}

const isOwn = ({ series }: Row) => series.peer === "chopin";
const strong = (row: Row) => (isOwn(row) ? bold : String);

function remarksOf({ failed, missed }: Series): string {
  const remarks = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(missed > 0.01 ? [`${(missed * 100).toFixed(0)}% missed`] : []),
  ];
  return remarks.join(", ");
}

function ratio({ series }: Row, ours: Series | undefined): string {
  return ours === undefined ? "" : `${(series.totalUs.middle / ours.totalUs.middle).toFixed(2)}×`;
}

const nameColumn: Column = {
  title: "",
  cell: (row) => ({
    text: row.title,
    paint: isOwn(row) ? cyan : row.series.peer === "floor" ? dim : String,
  }),
};

const columns: readonly Column[] = [
  { title: "req/s", cell: ({ series }) => ({ text: whole(series.perSecond.middle) }) },
  {
    title: "busy",
    cell: ({ series }) => ({ text: `${Math.round(series.busy * 100)}%`, paint: dim }),
  },
  {
    title: "CPU µs",
    cell: (row) => ({ text: micro(row.series.totalUs.middle), paint: strong(row) }),
  },
  {
    title: "min–max",
    cell: ({ series }) => ({ text: spread(series.totalUs, micro), paint: dim }),
  },
  { title: "user", cell: (row) => ({ text: micro(row.series.userUs.middle), paint: strong(row) }) },
  { title: "system", cell: ({ series }) => ({ text: micro(series.systemUs.middle) }) },
  { title: "Chopin = 1", cell: (row, ours) => ({ text: ratio(row, ours), paint: dim }) },
  { title: "p50 µs", cell: ({ series }) => ({ text: micro(series.latency?.p50Us.middle) }) },
  { title: "p99 µs", cell: ({ series }) => ({ text: micro(series.latency?.p99Us.middle) }) },
  { title: "RSS MiB", cell: ({ series }) => ({ text: mebibytesOf(series.residentBytes) }) },
];

/** Only where bodies are what a workload is about. */
const byteColumns: readonly Column[] = [
  { title: "body KiB", cell: ({ series }) => ({ text: kibibytes(series.bodyBytes) }) },
  { title: "CPU µs/MiB", cell: ({ series }) => ({ text: micro(series.mebibyteUs) }) },
];

const remarkColumn: Column = {
  title: "",
  cell: ({ series }) => ({ text: remarksOf(series), paint: red }),
};

function workloadTable(rows: readonly Row[], perByte: boolean): string {
  const ours = rows.find(isOwn)?.series;
  const shown = [nameColumn, ...columns, ...(perByte ? byteColumns : []), remarkColumn];
  return table(
    shown.map(({ title }) => title),
    rows.map((row) => shown.map(({ cell }) => cell(row, ours))),
    shown.length - 1,
  );
}

/** Contenders of one workload, the cheapest first. */
export function ranked(result: Result, workload: string): Row[] {
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
  const all = barsOf(result);
  const rows = all.filter(isMeasured).map((bar): Cell[] => {
    const verdict = verdictOf(bar);
    const write = (value: number) => `${value.toFixed(2)}${bar.unit === "×" ? "" : " µs"}`;
    const sign = bar.direction === "at most" ? "≤" : "≥";
    const paintVerdict = verdict === "holds" ? green : red;
    return [
      { text: bar.what },
      { text: write(bar.measured.middle), paint: bold },
      { text: spread(bar.measured, (x) => x.toFixed(2)), paint: dim },
      { text: `${sign} ${write(bar.limit)}` },
      { text: verdict, paint: paintVerdict },
      { text: bar.caveat === undefined ? "" : `(${bar.caveat})`, paint: yellow },
    ];
  });
  const left = all.length - rows.length;
  const remark = left === 0 ? "" : dim(`\n  ${left} not measured in this run`);
  return table(["", "measured", "min–max", "bar", "", ""], rows, 4) + remark;
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
    const load = loadOf(workload, result.settings.rate);
    console.log(`\n${bold(workload.title)}  ${dim(load)}`);
    console.log(workloadTable(rows, workload.perByte === true));
  }
  printIdle(result.idles ?? []);
  console.log(`\n${bold("Bars")}`);
  console.log(bars(result));
  if (result.skipped.length > 0) console.log(`\n${bold("Left out")}`);
  for (const { name, reason } of result.skipped) {
    console.log(`  ${name}: ${reason.split("\n")[0]}`);
  }
}
