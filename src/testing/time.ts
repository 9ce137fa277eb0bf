/**
 * Time under a test's control. Bun's test runner stops clocks and timers in the engine, so that
 * functions which a program took from `performance` before are stopped too, and `Bun.sleep`, which
 * libraries that replace globals do not reach. What it lacks is here: that work goes on between two
 * timers, and that clocks never go back.
 */
import { goneRound, settled } from "./calls.ts";
import { checkNames, fault } from "./options.ts";

/** Options of `controlTime`. */
export interface TimeOptions {
  /** What `Date` says at first: milliseconds, a date, or its text; the present time unless told. */
  readonly now?: number | string | Date;
}

/** Options of `Clock.until`. */
export interface UntilOptions {
  /** Milliseconds that may pass on the stopped clock; a day unless told. */
  readonly withinMs?: number;
}

/** The time of this process, while it is stopped. */
export interface Clock extends Disposable {
  /**
   * Lets time pass. Timers run one after another, each at its own time; before the next one, what
   * they have set off goes on until it waits again, also in clients and servers of `test`.
   *
   * @throws ChopinError `invalid_option` for what is no whole number of milliseconds, while another
   * `advance` or `until` runs, and after `restore`.
   */
  advance(ms: number): Promise<void>;
  /**
   * Lets time pass from timer to timer until a promise settles, and gives what it gives.
   *
   * @throws Error when it is not settled in time, or no timer is left.
   * @example
   * const answer = await clock.until(api.get("/slow"));
   */
  until<T>(promise: PromiseLike<T>, options?: UntilOptions): Promise<T>;
  /** Time goes on as it does for others. Timers that did not run by then never do. */
  restore(): void;
}

type Timers = typeof import("bun:test")["jest"];

/** What `setTimeout` can count to. */
const timerMostMs = 2 ** 31 - 1;
/** A century. */
const advanceMostMs = 3_155_760_000_000;
const dayMs = 86_400_000;
/** Rounds of the event loop in which sockets and files of `until` may come. */
const roundsPatient = 200;
/** The same where nothing but they can settle the promise: some 100 ms. */
const roundsLast = 20_000;

let current: StoppedClock | undefined;
/** Where clocks that never go back stood when time was stopped for the last time. */
let lastMs = 0;

/**
 * Stops the time of this process: `Date`, `performance.now` and all other clocks, `setTimeout`,
 * `setInterval`, `Bun.sleep` and `AbortSignal.timeout`. They stand until the clock that is returned
 * moves them. `setImmediate`, promises, sockets and files go on, and so do the deadlines of the
 * server's connections. Timers that were set before keep to the real time. A clock from before is
 * restored: there is one at a time.
 *
 * @throws ChopinError `invalid_option`, also where somebody else stopped time.
 * @example
 * using clock = controlTime({ now: "2030-01-01T00:00:00Z" });
 * await clock.advance(60_000);
 */
export function controlTime(options: TimeOptions = {}): Clock {
  checkNames("controlTime", options, ["now"]);
  const now = options.now === undefined ? Date.now() : new Date(options.now).getTime();
  if (Number.isNaN(now)) throw fault("controlTime", `now is no date: ${String(options.now)}`);
  const { jest } = import.meta.require("bun:test") as typeof import("bun:test");
  // Of a test that ran out of time, and so never came to its end.
  current?.restore();
  if (jest.isFakeTimers()) {
    throw fault("controlTime", "somebody else stopped time: call useRealTimers() first");
  }
  current = new StoppedClock(jest, now);
  return current;
}

class StoppedClock implements Clock {
  readonly #timers: Timers;
  #running = false;
  #restored = false;

  constructor(timers: Timers, now: number) {
    const startMs = Math.ceil(Math.max(performance.now(), lastMs));
    this.#timers = timers;
    timers.useFakeTimers({ now: now - startMs });
    // It begins at 0: what was measured before would lie in the future.
    for (let left = startMs; left > 0; left -= timerMostMs) {
      timers.advanceTimersByTime(Math.min(left, timerMostMs));
    }
  }

  advance(ms: number): Promise<void> {
    return this.#run(async () => {
      if (!Number.isInteger(ms) || ms < 0 || ms > advanceMostMs) {
        throw fault("advance", `milliseconds are a whole number, 0 at least, not ${String(ms)}`);
      }
      await settled();
      for (let left = ms; left > 0; left -= timerMostMs) {
        await this.#pass(Math.min(left, timerMostMs));
      }
    });
  }

  until<T>(promise: PromiseLike<T>, options: UntilOptions = {}): Promise<T> {
    return this.#run(async () => {
      checkNames("until", options, ["withinMs"]);
      const { withinMs = dayMs } = options;
      if (!Number.isInteger(withinMs) || withinMs < 1 || withinMs > timerMostMs) {
        throw fault("until", "withinMs is a whole number of milliseconds, 1 to 2,147,483,647");
      }
      await this.#passUntil(promise, withinMs);
      return promise;
    });
  }

  restore(): void {
    if (this.#restored) return;
    this.#restored = true;
    lastMs = performance.now();
    this.#timers.useRealTimers();
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  /**
   * A timer of our own marks the end: Bun runs the next one, and does not tell of it before. It is
   * set anew for each step, to come behind all others of the same time.
   */
  async #pass(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    let over = false;
    let end: ReturnType<typeof setTimeout> | undefined;
    try {
      while (!over) {
        const leftMs = endMs - performance.now();
        if (leftMs > 0) {
          clearTimeout(end);
          end = setTimeout(() => {
            over = true;
          }, leftMs);
        }
        await this.#next();
      }
    } finally {
      clearTimeout(end);
    }
  }

  async #passUntil(promise: PromiseLike<unknown>, withinMs: number): Promise<void> {
    let [done, over] = [false, false];
    const finish = () => {
      done = true;
    };
    promise.then(finish, finish);
    const end = setTimeout(() => {
      over = true;
    }, withinMs);
    try {
      for (;;) {
        await settled();
        const isLast = this.#timers.getTimerCount() <= 1;
        await goneRound(isLast ? roundsLast : roundsPatient, () => done);
        if (done) return;
        if (over) throw unsettled(`within ${withinMs.toLocaleString("en")} ms`);
        // One may have been set meanwhile.
        if (isLast && this.#timers.getTimerCount() <= 1) throw unsettled("and no timer is left");
        await this.#next();
      }
    } finally {
      clearTimeout(end);
    }
  }

  async #next(): Promise<void> {
    this.#check();
    if (this.#timers.getTimerCount() === 0) throw fault("clock", "somebody cleared all timers");
    this.#timers.advanceTimersToNextTimer();
    await settled();
  }

  #check(): void {
    const stopped = !this.#restored && this.#timers.isFakeTimers();
    if (!stopped)
      throw fault("clock", "it no longer stops time: it was restored, or another one came");
  }

  async #run<T>(move: () => Promise<T>): Promise<T> {
    this.#check();
    if (this.#running) throw fault("clock", "time is moved already: await that first");
    this.#running = true;
    try {
      return await move();
    } finally {
      this.#running = false;
    }
  }
}

function unsettled(reason: string): Error {
  return new Error(`clock.until: the promise was not settled, ${reason}.`);
}
