/** What has to hold for the types of many routes, each within one run. */
import type { Figure } from "../harness/statistics.ts";
import type { Compiler } from "./compilers.ts";
import { type ProbeName, probeTitles } from "./probes.ts";
import {
  type CompileSample,
  type CompletionSample,
  figureOf,
  firstMs,
  ofProgram,
  ratioOf,
  type TypesResult,
} from "./samples.ts";

export interface TypesBar {
  readonly compiler: Compiler["name"];
  readonly what: string;
  /** At most this. */
  readonly limit: number;
  readonly unit: "ms" | "×";
  readonly measured: Figure;
}

export const holds = ({ measured, limit }: TypesBar) => measured.middle <= limit;

/** For each completion in the last handler. */
const completionMs = 500;
const elysiaShare = 0.5;

const warm = (name: ProbeName) => (sample: CompletionSample) => sample.warmMs[name];

const completions = [
  [probeTitles.params, warm("params")],
  [probeTitles.body, warm("body")],
  ["the first, once the program is read", firstMs],
] as const;

const compiles = [
  ["tsc, time", (sample: CompileSample) => sample.seconds],
  ["tsc, memory", (sample: CompileSample) => sample.peakBytes],
] as const;

/** Bars of everything that the run measured. */
export function typesBars(result: TypesResult): TypesBar[] {
  return (["native", "classic"] as const).flatMap((compiler) => {
    const bars = [...completionBars(result, compiler), ...compileBars(result, compiler)];
    return bars.flatMap(({ measured, ...bar }) =>
      measured === undefined ? [] : [{ ...bar, compiler, measured }],
    );
  });
}

/** A bar that the run may not have measured. */
type Wanted = Omit<TypesBar, "compiler" | "measured"> & { readonly measured: Figure | undefined };

function completionBars({ completions: samples }: TypesResult, compiler: Compiler["name"]) {
  const own = ofProgram(samples, compiler, "chopin");
  return completions.flatMap(([what, of]): Wanted[] => {
    const measured = own.length === 0 ? undefined : figureOf(own, of);
    const ratio = ratioOf(samples, compiler, "elysia", of);
    return [
      { what, limit: completionMs, unit: "ms", measured },
      { what: `${what}, against Elysia`, limit: elysiaShare, unit: "×", measured: ratio },
    ];
  });
}

function compileBars({ compiles: samples }: TypesResult, compiler: Compiler["name"]) {
  return compiles.flatMap(([what, of]): Wanted[] => [
    {
      ...{ what: `${what}, against Elysia`, limit: 1, unit: "×" },
      measured: ratioOf(samples, compiler, "elysia", of),
    },
    {
      ...{ what: `${what}, against Hono`, limit: 1, unit: "×" },
      measured: ratioOf(samples, compiler, "hono", of),
    },
  ]);
}
