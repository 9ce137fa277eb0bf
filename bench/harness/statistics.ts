/** Medians and spreads over the rounds of a run. */
import { mebibyte } from "./content.ts";
import type { Sample } from "./measure.ts";

/** A middle value with the smallest and largest of the rounds. */
export interface Figure {
  readonly middle: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  const lower = sorted[half - 1] ?? upper;
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}

export function figure(values: readonly number[]): Figure {
  return { middle: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** All samples of one contender under one workload, over the rounds. */
export interface Series {
  readonly peer: string;
  readonly perSecond: Figure;
  readonly totalUs: Figure;
  /** The middle is pooled: CPU time of all rounds over requests of all rounds. */
  readonly userUs: Figure;
  readonly systemUs: Figure;
  readonly busy: number;
  readonly residentBytes: number;
  /** Bytes of bodies for each request; undefined where the generator did not count them. */
  readonly bodyBytes: number | undefined;
  /** CPU time for a mebibyte of bodies, in the median round. */
  readonly mebibyteUs: number | undefined;
  readonly failed: number;
  /** Share of the requests due that were not answered in time; fixed rate only. */
  readonly missed: number;
  /** Load in all rounds together. */
  readonly seconds: number;
  /** Undefined where it was not measured. */
  readonly latency: LatencyFigures | undefined;
}

export interface LatencyFigures {
  readonly p50Us: Figure;
  readonly p99Us: Figure;
  /** Median over the rounds at each half per cent; empty where the generator keeps none. */
  readonly curveUs: readonly number[];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The kernel tells user from system time by sampling 250 times a second, so one short round says
 * little: user and system time are pooled over the rounds.
 */
function pooled(samples: readonly Sample[], of: (sample: Sample) => number): Figure {
  const requests = sum(samples.map((sample) => sample.requests));
  const middle = sum(samples.map((sample) => of(sample) * sample.requests)) / requests;
  return { ...figure(samples.map(of)), middle };
}

export function seriesOf(
  all: readonly Sample[],
  workload: string,
  peer: string,
): Series | undefined {
  const samples = all.filter((sample) => sample.workload === workload && sample.peer === peer);
  if (samples.length === 0) return undefined;
  const each = (of: (sample: Sample) => number) => figure(samples.map(of));
  const totalUs = each((sample) => sample.userUs + sample.systemUs);
  const counted = samples.flatMap(({ bodyBytes }) => (bodyBytes === undefined ? [] : [bodyBytes]));
  const bodyBytes = counted.length === 0 ? undefined : median(counted);
  const missed = sum(samples.map((sample) => sample.missed));
  return {
    peer,
    perSecond: each((sample) => sample.perSecond),
    totalUs,
    userUs: pooled(samples, (sample) => sample.userUs),
    systemUs: pooled(samples, (sample) => sample.systemUs),
    busy: median(samples.map((sample) => sample.busy)),
    residentBytes: median(samples.map((sample) => sample.residentBytes)),
    bodyBytes,
    mebibyteUs: bodyBytes === undefined ? undefined : (totalUs.middle * mebibyte) / bodyBytes,
    failed: sum(samples.map((sample) => sample.failed)),
    missed: missed / (missed + sum(samples.map((sample) => sample.requests))),
    seconds: sum(samples.map((sample) => sample.seconds)),
    latency: latencyOf(samples),
  };
}

function latencyOf(samples: readonly Sample[]): LatencyFigures | undefined {
  const known = samples.flatMap(({ latency }) => (latency === null ? [] : [latency]));
  const first = known[0];
  if (first === undefined) return undefined;
  return {
    p50Us: figure(known.map(({ p50Us }) => p50Us)),
    p99Us: figure(known.map(({ p99Us }) => p99Us)),
    curveUs: first.curveUs.map((_, index) =>
      median(known.map(({ curveUs }) => curveUs[index] ?? Number.NaN)),
    ),
  };
}

/**
 * Compares two contenders round by round: what `compare` gives for each round in which both were
 * measured.
 */
export function paired(
  all: readonly Sample[],
  workload: string,
  peers: readonly [string, string],
  compare: (ours: Sample, theirs: Sample) => number,
): Figure | undefined {
  const values: number[] = [];
  for (const ours of all) {
    if (ours.workload !== workload || ours.peer !== peers[0]) continue;
    const theirs = all.find(
      (sample) =>
        sample.workload === workload && sample.peer === peers[1] && sample.round === ours.round,
    );
    if (theirs !== undefined) values.push(compare(ours, theirs));
  }
  return values.length === 0 ? undefined : figure(values);
}
