/**
 * Calls of test clients that are under way: where each of them is, and what was thrown in it.
 * Followed by `transport.ts` and `watched.ts`; `time.ts` waits until none of them is on its way.
 */
import { HTTPError } from "../errors.ts";

/** Calls that have not reached the application. */
const coming = new Set<TestCall>();
/** Calls whose answers have not reached the client. */
const leaving = new Set<TestCall>();

/** Rounds of the event loop in which what was set off goes on to where it waits. */
const roundsLeast = 10;
/** After that many an answer does not move by itself: its first piece may wait for a timer. */
const roundsLeaving = 5_000;
/**
 * After that many a call waits for others: `fetch` has 256 of them on their way at most. About a
 * second, more than a machine with much to do may take for a connection.
 */
const roundsComing = 100_000;

/**
 * Another thread digests it, and so wakes this one. Bun waits for promises that are given to
 * `expect(…).rejects` by a loop of its own, which sleeps until the next timer is due in earnest,
 * whatever was asked for by `setImmediate`.
 */
const something = new Uint8Array(1);

let count = 0;

/** One request of a test client. */
export class TestCall {
  readonly id = String(++count);
  /** What was thrown where its answer is a failure of the server. */
  thrown: { readonly error: unknown } | undefined;
  #ended = false;

  constructor() {
    coming.add(this);
  }

  /** Middleware and handler begin. */
  arrived(): void {
    coming.delete(this);
  }

  /** They have their answer, which is still to reach the client. */
  answered(): void {
    if (!this.#ended) leaving.add(this);
  }

  /** The client has the answer, or none will come. */
  ended(): void {
    this.#ended = true;
    coming.delete(this);
    leaving.delete(this);
  }
}

/** Until everything that goes on by itself waits: for a timer, or for somebody else. */
export async function settled(): Promise<void> {
  await goneRound(roundsLeast, () => false);
  if (coming.size + leaving.size === 0) return;
  await goneRound(roundsComing, () => coming.size === 0);
  // An answer may lead to a further call, as attempts do.
  await goneRound(roundsLeaving, () => coming.size + leaving.size === 0);
  coming.clear();
  leaving.clear();
  await goneRound(roundsLeast, () => false);
}

/** Lets the event loop go round, for so many times at most. */
export async function goneRound(rounds: number, enough: () => boolean): Promise<void> {
  for (let round = 0; round < rounds && !enough(); round++) {
    const gone = new Promise((resolve) => setImmediate(resolve));
    await Promise.all([gone, crypto.subtle.digest("SHA-1", something)]);
  }
}

/** Errors that nobody foresaw: others are answers by intent, and a client may always leave. */
export function isUnforeseen(error: unknown): boolean {
  if (error === undefined || error instanceof HTTPError) return false;
  return !(error instanceof DOMException && error.name === "AbortError");
}
