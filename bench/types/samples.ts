/** What is measured of programs of many typed routes: by `compile.ts` and `complete.ts`. */
import { describeMachine, type Result } from "../harness/result.ts";
import { type Figure, figure, median } from "../harness/statistics.ts";
import type { Compiler } from "./compilers.ts";
import type { ProbeName } from "./probes.ts";
import type { Framework } from "./programs.ts";

export interface Sample {
  readonly compiler: Compiler["name"];
  readonly framework: Framework;
  readonly round: number;
  /** Largest resident memory of the process. */
  readonly peakBytes: number;
}

/** One program compiled. */
export interface CompileSample extends Sample {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
}

/** One language server, from its start to its end. */
export interface CompletionSample extends Sample {
  /** From opening the last module until its program had been read, nothing of it checked. */
  readonly readMs: number;
  /** From opening the last module until the first completion in the last handler. */
  readonly coldMs: number;
  /** From each edit until what can be completed there was answered. */
  readonly warmMs: Readonly<Record<ProbeName, readonly number[]>>;
  /** From opening the module with the client until the first completion of a path. */
  readonly clientMs: number;
  /** From an edit until the type under the cursor was told, and until the errors were. */
  readonly hoverMs: readonly number[];
  readonly errorsMs: readonly number[];
}

/** What a run leaves behind. */
export interface TypesResult {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Result["machine"];
  readonly routes: number;
  readonly rounds: number;
  /** Programs by name, with their versions. */
  readonly titles: Readonly<Record<string, string>>;
  readonly compiles: readonly CompileSample[];
  readonly completions: readonly CompletionSample[];
}

export function describeRun(
  routes: number,
  rounds: number,
  titles: TypesResult["titles"],
): Omit<TypesResult, "compiles" | "completions"> {
  const startedAt = new Date().toISOString();
  return { format: 1, startedAt, machine: describeMachine(), routes, rounds, titles };
}

/** One sample a line, so that a committed result can be compared; to hundredths. */
export function writeTypesResult({ compiles, completions, ...rest }: TypesResult): string {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" ? Math.round(value * 100) / 100 : value;
  const lines = (values: readonly unknown[]) =>
    values.map((value) => `\n  ${JSON.stringify(value, rounded)}`).join(",");
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  const lists = Object.entries({ compiles, completions });
  const parts = lists.map(([name, list]) => ` "${name}": [${lines(list)}\n ]`);
  return `${head},\n${parts.join(",\n")}\n}\n`;
}

/** What is left of the first completion when the program has been read. */
export const firstMs = ({ coldMs, readMs }: CompletionSample) => coldMs - readMs;

/** Samples of one program under one compiler. */
export function ofProgram<S extends Sample>(
  samples: readonly S[],
  compiler: Compiler["name"],
  framework: Framework,
): S[] {
  return samples.filter((one) => one.compiler === compiler && one.framework === framework);
}

/** Over the rounds; of what is measured often in a round, over their medians. */
export function figureOf<S extends Sample>(
  samples: readonly S[],
  of: (sample: S) => number | readonly number[],
): Figure {
  return figure(samples.map((sample) => median([of(sample)].flat())));
}

/** Chopin beside another framework, round by round; undefined where one was not measured. */
export function ratioOf<S extends Sample>(
  samples: readonly S[],
  compiler: Compiler["name"],
  rival: Framework,
  of: (sample: S) => number | readonly number[],
): Figure | undefined {
  const others = ofProgram(samples, compiler, rival);
  const ratios = ofProgram(samples, compiler, "chopin").flatMap((sample) => {
    const other = others.find(({ round }) => round === sample.round);
    return other === undefined ? [] : [median([of(sample)].flat()) / median([of(other)].flat())];
  });
  return ratios.length === 0 ? undefined : figure(ratios);
}
