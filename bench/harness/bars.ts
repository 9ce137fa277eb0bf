/** The bars that Chopin has to hold, each a ratio or a difference within one run. */
import { startFigure } from "../start.ts";
import { idleFigure } from "./idle.ts";
import type { Sample } from "./measure.ts";
import type { Result } from "./result.ts";
import { type Figure, paired, seriesOf } from "./statistics.ts";

export interface Bar {
  readonly what: string;
  /** At most, or at least, this. */
  readonly limit: number;
  readonly direction: "at most" | "at least";
  readonly unit: "×" | "µs";
  /** Undefined where the run did not measure it. */
  readonly measured: Figure | undefined;
  /** What weakens the figure, such as a load too short for user time. */
  readonly caveat: string | undefined;
}

export type MeasuredBar = Bar & { readonly measured: Figure };

export const isMeasured = (bar: Bar): bar is MeasuredBar => bar.measured !== undefined;

export function verdictOf({ measured, limit, direction }: MeasuredBar): "holds" | "fails" {
  const holds = direction === "at most" ? measured.middle <= limit : measured.middle >= limit;
  return holds ? "holds" : "fails";
}

/** The kernel samples 250 times a second: with less load than this, user time is a guess. */
const userTimeSeconds = 20;
/** A throughput compares servers only where the server is the limit. */
const saturatedShare = 0.95;

const total = (sample: Sample) => sample.userUs + sample.systemUs;

function tooShort({ samples }: Result, workload: string): string | undefined {
  const series = seriesOf(samples, workload, "chopin");
  return series !== undefined && series.seconds < userTimeSeconds
    ? `${series.seconds.toFixed(0)} s of load`
    : undefined;
}

/** The middle from pooled user times, the spread from the rounds. */
function userFigure(
  { samples }: Result,
  workload: string,
  peer: string,
  compare: (ours: number, theirs: number) => number,
): Figure | undefined {
  const rounds = paired(samples, workload, ["chopin", peer], (ours, theirs) =>
    compare(ours.userUs, theirs.userUs),
  );
  const ours = seriesOf(samples, workload, "chopin");
  const theirs = seriesOf(samples, workload, peer);
  if (rounds === undefined || ours === undefined || theirs === undefined) return undefined;
  return { ...rounds, middle: compare(ours.userUs.middle, theirs.userUs.middle) };
}

function totalRatio(
  result: Result,
  workload: string,
  peer: string,
  limit: number,
  what: string,
): Bar {
  const measured = paired(
    result.samples,
    workload,
    ["chopin", peer],
    (ours, theirs) => total(ours) / total(theirs),
  );
  return { what, limit, direction: "at most", unit: "×", measured, caveat: undefined };
}

function userRatio(
  result: Result,
  workload: string,
  peer: string,
  limit: number,
  what: string,
): Bar {
  const measured = userFigure(result, workload, peer, (ours, theirs) => ours / theirs);
  const caveat = tooShort(result, workload);
  return { what, limit, direction: "at most", unit: "×", measured, caveat };
}

function userAbove(result: Result, workload: string, limit: number, what: string): Bar {
  const measured = userFigure(result, workload, "floor", (ours, theirs) => ours - theirs);
  const caveat = tooShort(result, workload);
  return { what, limit, direction: "at most", unit: "µs", measured, caveat };
}

function throughput(result: Result, workload: string, limit: number, what: string): Bar {
  const measured = paired(
    result.samples,
    workload,
    ["chopin", "bun-serve"],
    (ours, theirs) => ours.perSecond / theirs.perSecond,
  );
  const busy = seriesOf(result.samples, workload, "chopin")?.busy ?? 1;
  const percent = Math.round(busy * 100);
  const caveat =
    busy < saturatedShare ? `the load generator is the limit, Chopin ${percent}% busy` : undefined;
  return { what, limit, direction: "at least", unit: "×", measured, caveat };
}

function latency(result: Result, of: "p50Us" | "p99Us", what: string): Bar {
  const measured = paired(
    result.samples,
    "single-json",
    ["chopin", "bun-serve"],
    (ours, theirs) => (ours.latency?.[of] ?? Number.NaN) / (theirs.latency?.[of] ?? Number.NaN),
  );
  return { what, limit: 1, direction: "at most", unit: "×", measured, caveat: undefined };
}

/** For what is not measured in pairs: the spread is that of ours. */
function ratioOf(ours: Figure | undefined, theirs: Figure | undefined): Figure | undefined {
  if (ours === undefined || theirs === undefined) return undefined;
  const { middle } = theirs;
  return { middle: ours.middle / middle, low: ours.low / middle, high: ours.high / middle };
}

function start({ starts }: Result, form: "source" | "compiled"): Bar {
  const ours = startFigure(starts, "chopin", form);
  const theirs = startFigure(starts, "bun-serve", form);
  const measured = ratioOf(ours, theirs);
  const what = `start to first answer, ${form}, against Bun.serve`;
  return { what, limit: 1.2, direction: "at most", unit: "×", measured, caveat: undefined };
}

const counted = [
  ["json", "GET /json"],
  ["pipelined-json", "GET /json ×16"],
  ["constant", "constant answer"],
  ["single-json", "one connection"],
] as const;

/** What counting costs. */
function metrics({ samples }: Result, workload: string, name: string): Bar {
  const measured = paired(
    samples,
    workload,
    ["chopin-metrics", "chopin"],
    (on, off) => total(on) / total(off),
  );
  const what = `metrics on against off, ${name}, CPU`;
  return { what, limit: 1.02, direction: "at most", unit: "×", measured, caveat: undefined };
}

const inRust = [
  ["actix", "Actix Web"],
  ["axum", "Axum"],
  ["hyper", "Hyper"],
] as const;

const workloadsInRust = [
  ["json", "GET /json"],
  ["baseline", "baseline"],
  ["pipeline", "GET /pipeline ×16"],
  ["pipelined-json", "GET /json ×16"],
] as const;

const filesAgainstNginx = [
  ["static-3k", "file of 3 KiB"],
  ["static-16k", "file of 16 KiB"],
  ["static-64k", "file of 64 KiB"],
  ["static-300k", "file of 300 KiB"],
  ["static-1m", "file of 1 MiB"],
  ["static", "20 files, compressed beforehand"],
] as const;

/** Memory of an idle connection. */
function idle({ idles = [] }: Result, peer: string, name: string): Bar {
  const ours = idleFigure(idles, "chopin");
  const theirs = idleFigure(idles, peer);
  const measured = ratioOf(ours, theirs);
  const what = `private memory of an idle connection, against ${name}`;
  return { what, limit: 1, direction: "at most", unit: "×", measured, caveat: undefined };
}

/** Every bar of the server's core, each as measured in this run. */
export function barsOf(result: Result): Bar[] {
  const bars = [
    ...againstFloor(result),
    ...againstBun(result),
    ...againstRust(result),
    ...counted.map(([workload, title]) => metrics(result, workload, title)),
    totalRatio(result, "constant", "nginx", 0.85, "constant answer, CPU against nginx"),
    // All send the same bytes: the ratio by request is the ratio by byte.
    ...filesAgainstNginx.map(([workload, title]) =>
      totalRatio(result, workload, "nginx", 1, `${title}, CPU against nginx`),
    ),
    idle(result, "nginx", "nginx"),
    idle(result, "bun-serve", "Bun.serve"),
    start(result, "source"),
    start(result, "compiled"),
  ];
  return bars.map((bar) => (bar.measured === undefined ? { ...bar, caveat: undefined } : bar));
}

function againstFloor(result: Result): Bar[] {
  return [
    totalRatio(result, "json", "floor", 1.2, "GET /json, CPU against the floor, saturated"),
    userAbove(result, "json", 0.8, "GET /json, user time above the floor, saturated"),
    totalRatio(result, "paced-json", "floor", 1.2, "GET /json, CPU against the floor, half rate"),
    userAbove(result, "paced-json", 0.8, "GET /json, user time above the floor, half rate"),
  ];
}

function againstBun(result: Result): Bar[] {
  return [
    ...(["json", "plaintext", "users"] as const).flatMap((workload) => [
      userRatio(result, workload, "bun-serve", 1 / 3, `${workload}, user CPU against Bun.serve`),
      userRatio(result, workload, "elysia", 1 / 4, `${workload}, user CPU against Elysia`),
    ]),
    throughput(result, "pipelined-json", 10, "GET /json ×16, throughput against Bun.serve"),
    totalRatio(result, "pipelined-json", "bun-serve", 0.1, "GET /json ×16, CPU against Bun.serve"),
    throughput(result, "pipelined-plaintext", 10, "plaintext ×16, throughput against Bun.serve"),
    userRatio(result, "create", "elysia", 1 / 4, "validated POST, user CPU against Elysia"),
    latency(result, "p50Us", "one connection, p50 against Bun.serve"),
    latency(result, "p99Us", "one connection, p99 against Bun.serve"),
  ];
}

function againstRust(result: Result): Bar[] {
  return workloadsInRust.flatMap(([workload, title]) =>
    inRust.map(([peer, name]) =>
      totalRatio(result, workload, peer, 1, `${title}, CPU against ${name}`),
    ),
  );
}
