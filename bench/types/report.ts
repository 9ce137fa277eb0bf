/** The report of `run.ts` and `complete.ts` in a terminal. */
import type { Figure } from "../harness/statistics.ts";
import {
  bold,
  type Cell,
  cyan,
  dim,
  green,
  red,
  spread,
  table,
} from "../harness/terminal-table.ts";
import { holds, typesBars } from "./bars.ts";
import type { Compiler } from "./compilers.ts";
import type { Framework } from "./programs.ts";
import {
  type CompileSample,
  type CompletionSample,
  figureOf,
  ofProgram,
  type Sample,
  type TypesResult,
} from "./samples.ts";
import { frameworks, titles } from "./workspace.ts";

type Of<S> = (sample: S) => number | readonly number[];

/** A figure of each program: its column, its unit, and how it is written. */
interface Column<S> {
  readonly title: string;
  readonly of: Of<S>;
  readonly digits?: number;
}

const mebibytes = ({ peakBytes }: { readonly peakBytes: number }) => peakBytes / 1048576;

const compileColumns: readonly Column<CompileSample>[] = [
  { title: "seconds", of: ({ seconds }) => seconds, digits: 2 },
  { title: "CPU s", of: ({ cpuSeconds }) => cpuSeconds, digits: 2 },
  { title: "peak MiB", of: mebibytes },
];

const handlerColumns: readonly Column<CompletionSample>[] = [
  { title: "params.", of: ({ warmMs }) => warmMs.params },
  { title: "body.", of: ({ warmMs }) => warmMs.body },
  { title: "hover", of: ({ hoverMs }) => hoverMs },
  { title: "errors", of: ({ errorsMs }) => errorsMs },
  { title: "read", of: ({ readMs }) => readMs },
  { title: "first", of: ({ coldMs }) => coldMs },
];

const clientColumns: readonly Column<CompletionSample>[] = [
  { title: "path", of: ({ warmMs }) => warmMs.path },
  { title: "answer.", of: ({ warmMs }) => warmMs.answer },
  { title: "first", of: ({ clientMs }) => clientMs },
  { title: "peak MiB", of: mebibytes },
];

/** Each column is the median over the rounds, and the spread of all that was measured. */
function row<S extends Sample>(
  own: readonly S[],
  framework: Framework,
  columns: readonly Column<S>[],
): Cell[] {
  const paint = framework === "chopin" ? bold : String;
  const cells = columns.flatMap(({ of, digits = 0 }): Cell[] => {
    const write = (value: number) => value.toFixed(digits);
    const figure = figureOf(own, of);
    return [
      { text: write(figure.middle), paint },
      { text: spread(range(own, of, figure), write), paint: dim },
    ];
  });
  return [{ text: titles[framework], paint: framework === "chopin" ? cyan : String }, ...cells];
}

/** The lowest and highest of all that was measured, edits one by one. */
function range<S extends Sample>(own: readonly S[], of: Of<S>, figure: Figure): Figure {
  const all = own.flatMap((sample) => [of(sample)].flat());
  return { ...figure, low: Math.min(...all), high: Math.max(...all) };
}

function printTable<S extends Sample>(
  title: string,
  samples: readonly S[],
  compiler: Compiler["name"],
  columns: readonly Column<S>[],
): void {
  const rows = frameworks.flatMap((framework) => {
    const own = ofProgram(samples, compiler, framework);
    return own.length === 0 ? [] : [row(own, framework, columns)];
  });
  if (rows.length === 0) return;
  const head = ["", ...columns.flatMap(({ title }) => [title, "min–max"])];
  console.log(`\n${bold(title)}`);
  console.log(table(head, rows, head.length));
}

function bars(result: TypesResult): string {
  const rows = typesBars(result).map((bar): Cell[] => {
    const write = (value: number) =>
      bar.unit === "ms" ? `${value.toFixed(0)} ms` : value.toFixed(2);
    const verdict = holds(bar);
    return [
      { text: bar.what },
      { text: result.titles[bar.compiler] ?? "", paint: dim },
      { text: write(bar.measured.middle), paint: bold },
      { text: spread(bar.measured, write), paint: dim },
      { text: `≤ ${write(bar.limit)}` },
      { text: verdict ? "holds" : "fails", paint: verdict ? green : red },
    ];
  });
  return table(["", "", "measured", "min–max", "bar", ""], rows, 5);
}

export function printTypes(result: TypesResult): void {
  const { machine, routes, rounds, compiles, completions } = result;
  console.log(`\n${bold(`${routes} typed routes`)}  ${machine.processor}, ${machine.cores} cores`);
  console.log(dim(`${rounds} rounds, medians of their medians; milliseconds from an edit`));
  for (const compiler of ["native", "classic"] as const) {
    const name = result.titles[compiler] ?? "";
    printTable(`tsc, ${name}`, compiles, compiler, compileColumns);
    printTable(`in the last handler, ${name}`, completions, compiler, handlerColumns);
    printTable(`calls of the client, ${name}`, completions, compiler, clientColumns);
  }
  console.log(`\n${bold("Bars")}`);
  console.log(bars(result));
}
