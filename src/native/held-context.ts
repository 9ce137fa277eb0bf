/**
 * What a request that came through a socket has to do with its connection beyond the dispatch: the
 * slot that holds it, who hears what becomes of it, and its signal. `native-context.ts` adds what
 * it says.
 */
import { RequestContext } from "../request-context.ts";
import { clientLeft } from "../stream.ts";
import { notice } from "./abi.ts";
import type { Listener, Streams } from "./streams.ts";

export abstract class HeldContext extends RequestContext {
  /** Index in the batch. */
  readonly index: number;
  /** -1 while the dispatch of its batch runs; then the slot that holds its bytes. */
  slot: number;
  generation: number;
  readonly #streams: Streams;
  /** Who hears of this request while it is held. */
  #listeners: Listener[] | undefined;
  #aborter: AbortController | undefined;
  /** The client has left. */
  #gone: boolean;

  constructor(streams: Streams, index: number) {
    super();
    this.index = index;
    this.slot = -1;
    this.generation = 0;
    this.#streams = streams;
    this.#listeners = undefined;
    this.#aborter = undefined;
    this.#gone = false;
  }

  /** Lets somebody hear of this request, now if it is held and otherwise when it will be. */
  listen(listener: Listener): void {
    const streams = this.#streams;
    if (this.#listeners === undefined) {
      this.#listeners = [];
      if (this.slot >= 0) streams.listen(this);
    }
    this.#listeners.push(listener);
    if (this.slot < 0) return;
    // Who left before somebody listened was not told of.
    if (streams.dispatching) streams.atTurnEnd(() => this.#lookForClient());
    else this.#lookForClient();
  }

  #lookForClient(): void {
    if (!this.answered && this.#streams.left(this)) this.notice(notice.gone);
  }

  /** Its bytes were given a slot. */
  held(slot: number, generation: number): void {
    this.slot = slot;
    this.generation = generation;
    if (this.#listeners !== undefined) this.#streams.listen(this);
  }

  /** The answer is complete. */
  finish(): void {
    this.answered = true;
    this.release();
    if (this.#listeners === undefined) return;
    this.#streams.forget(this);
    // Who waits for more of the body waits in vain.
    for (const listener of this.#listeners) listener.notice(notice.readable);
  }

  /** `bits` of `abi.notice`. */
  notice(bits: number): void {
    if ((bits & notice.gone) !== 0) this.#abort();
    for (const listener of this.#listeners ?? []) listener.notice(bits);
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#gone) this.#abort();
      else if (!this.answered) this.listen({ notice: ignore });
    }
    return this.#aborter.signal;
  }

  #abort(): void {
    this.#gone = true;
    this.#aborter?.abort(clientLeft());
  }
}

function ignore(): void {
  // The context itself hears of what the listener is there for.
}
