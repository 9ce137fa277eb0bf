/** What all workers have counted. Made by `native/metrics.ts`, told by `families.ts`. */

interface Names {
  readonly start: number;
  readonly names: readonly string[];
}

/** As `zig/c/metrics.zig` prints it: places in words of 64 bits. */
export interface MetricsLayout {
  /** Version of Chopin. */
  readonly library: string;
  readonly version: number;
  readonly sectionWords: number;
  readonly routeWords: number;
  readonly routesMost: number;
  readonly gauges: Names;
  readonly counters: Names;
  readonly rejections: Names;
  readonly closings: Names;
  readonly classes: Names;
  readonly batchSizes: { readonly start: number; readonly count: number };
  readonly lag: number;
  /** From the start of a route. */
  readonly durations: number;
  readonly histogram: { readonly sum: number; readonly buckets: number; readonly count: number };
  /** Nanoseconds, one more than there are buckets. */
  readonly bucketStarts: Float64Array;
}

const nanosecondsPerSecond = 1e9;

/** Durations in seconds, each known within 1.6 %. */
export class Durations {
  readonly #buckets: Float64Array;
  readonly #starts: Float64Array;
  readonly sum: number;
  readonly count: number;

  constructor(layout: MetricsLayout, words: Float64Array, start: number) {
    const { histogram, bucketStarts } = layout;
    const first = start + histogram.buckets;
    this.#buckets = words.subarray(first, first + histogram.count);
    this.#starts = bucketStarts;
    this.sum = words[start + histogram.sum]! / nanosecondsPerSecond;
    this.count = this.#buckets.reduce((total, count) => total + count, 0);
  }

  /**
   * How many took no longer than each of these seconds, which rise. Those in the bucket around a
   * bound, which is 3.1 % wide, count as longer.
   */
  upTo(bounds: readonly number[]): number[] {
    let index = 0;
    let total = 0;
    return bounds.map((bound) => {
      const end = bound * nanosecondsPerSecond;
      // An end that differs from the bound by no more than rounding is the bound.
      for (; index < this.#buckets.length && this.#starts[index + 1]! <= end + 1; index++) {
        total += this.#buckets[index]!;
      }
      return total;
    });
  }

  /** The duration that this share of all, from 0 to 1, did not exceed; NaN of none. */
  quantile(share: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * this.count));
    let total = 0;
    const index = this.#buckets.findIndex((count) => {
      total += count;
      return total >= rank;
    });
    return (this.#starts[index]! + this.#starts[index + 1]!) / 2 / nanosecondsPerSecond;
  }
}

/** One route's answers. */
export interface RouteSnapshot {
  /** Method token, "*" of a route for all, "" where no route was met. */
  readonly method: string;
  /** Pattern, or "(none)" and "(other)". */
  readonly route: string;
  /** Answers by class of their status, "1xx" to "5xx". */
  readonly answers: readonly number[];
  readonly durations: Durations;
}

export class MetricsSnapshot {
  readonly #layout: MetricsLayout;
  readonly #words: Float64Array;
  readonly #names: readonly string[];

  constructor(layout: MetricsLayout, words: Float64Array, names: readonly string[]) {
    this.#layout = layout;
    this.#words = words;
    this.#names = names;
  }

  get version(): string {
    return this.#layout.library;
  }

  gauge(name: string): number {
    return this.#named(this.#layout.gauges, name);
  }

  counter(name: string): number {
    return this.#named(this.#layout.counters, name);
  }

  closing(reason: string): number {
    return this.#named(this.#layout.closings, reason);
  }

  /** Refused requests by kind. */
  rejections(): readonly (readonly [kind: string, count: number])[] {
    const { start, names } = this.#layout.rejections;
    return names.map((name, index) => [name, this.#words[start + index]!]);
  }

  /** Batches of up to 1, 2, 4 … requests. */
  batchSizes(): readonly number[] {
    const { start, count } = this.#layout.batchSizes;
    return [...this.#words.subarray(start, start + count)];
  }

  lag(): Durations {
    return new Durations(this.#layout, this.#words, this.#layout.lag);
  }

  /** Routes that have answered. */
  routes(): RouteSnapshot[] {
    const { sectionWords, routeWords, classes, durations } = this.#layout;
    return this.#names.flatMap((name, index) => {
      const start = sectionWords + index * routeWords;
      const answers = [...this.#words.subarray(start, start + classes.names.length)];
      if (answers.every((count) => count === 0)) return [];
      const space = name.indexOf(" ");
      return {
        method: space < 0 ? "" : name.slice(0, space),
        route: name.slice(space + 1),
        answers,
        durations: new Durations(this.#layout, this.#words, start + durations),
      };
    });
  }

  #named({ start, names }: Names, name: string): number {
    return this.#words[start + names.indexOf(name)] ?? 0;
  }
}
