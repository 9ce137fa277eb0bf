/** How long a call may go on: until its signal is aborted, or its time is over. */
import { ClientError } from "./error.ts";

/** Beyond it a timer would fire at once. */
const timerMostMs = 0x7fff_ffff;

/** A signal that follows another one, and a clock. */
export class Limit {
  readonly #controller = new AbortController();
  readonly #abort = () => this.abort(this.#followed?.reason);
  #followed: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  follow(signal: AbortSignal | undefined): this {
    this.#followed = signal;
    if (signal?.aborted === true) this.#abort();
    else signal?.addEventListener("abort", this.#abort);
    return this;
  }

  /** Aborts with a `ClientError` when the time is over; `place` is what its message begins with. */
  startClock(ms: number, place: string): this {
    if (ms > timerMostMs) return this;
    this.#timer = setTimeout(() => {
      const text = `${place}: there was no complete answer within ${Math.round(ms)} ms.`;
      this.abort(new ClientError("timeout", text));
    }, ms);
    return this;
  }

  stopClock(): void {
    clearTimeout(this.#timer);
  }

  /** Leaves nothing behind: a signal may outlive thousands of calls. */
  end(): void {
    this.stopClock();
    this.#followed?.removeEventListener("abort", this.#abort);
  }
}

/** What a promise gives, unless the signal is aborted first: whoever was asked may not listen. */
export function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: T | PromiseLike<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort);
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener("abort", abort));
  });
}

/** Waits; an abort ends it at once, with the signal's reason. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, timerMostMs));
  });
  return unlessAborted(signal, pause).finally(() => clearTimeout(timer));
}
