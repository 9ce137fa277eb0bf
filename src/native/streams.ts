/**
 * Requests that are under way beyond their dispatch: what a turn tells of them (`abi.notice`), and
 * waiting for its end. Bodies that come in pieces, in `body-source.ts` and `answer-stream.ts`, and
 * signals rest on it.
 */
import type { Pointer } from "bun:ffi";
import { control } from "./abi.ts";
import type { NativeServer } from "./contract.ts";
import type { NativeContext } from "./exchange.ts";

/** Bytes that one stream moves in one turn; then others have theirs. */
export const shareBytes = 512 * 1024;

/** Whoever wants to know what becomes of a held request. */
export interface Listener {
  /** `bits` of `abi.notice`. */
  notice(bits: number): void;
}

export class Streams {
  readonly handle: Pointer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /**
   * Native code is in a turn that dispatches: its requests have no connection before it returns, so
   * nothing can be sent or read for them.
   */
  dispatching = false;
  readonly #native: NativeServer;
  readonly #holders = new Map<number, NativeContext>();
  #ended: (() => void)[] = [];

  constructor(native: NativeServer) {
    this.#native = native;
    this.handle = native.handle;
    this.words = native.view;
    this.bytes = native.bytes;
  }

  /** From now on the context hears of its slot. */
  listen(ctx: NativeContext): void {
    this.#holders.set(ctx.slot, ctx);
  }

  forget(ctx: NativeContext): void {
    if (this.#holders.get(ctx.slot) === ctx) this.#holders.delete(ctx.slot);
  }

  /** Runs at the end of this turn or of the next one. */
  atTurnEnd(run: () => void): void {
    this.#ended.push(run);
    this.#native.requestTurn();
  }

  /** Fulfilled at the end of this turn or of the next one. */
  turnEnd(): Promise<void> {
    return new Promise((resolve) => this.atTurnEnd(resolve));
  }

  /** Pieces that were queued are sent with the next turn at the latest. */
  wake(): void {
    this.#native.requestTurn();
  }

  /** A turn has ended: tells what it brought. */
  afterTurn(): void {
    const { words } = this;
    const count = words[control.noticesCount]!;
    words[control.noticesCount] = 0;
    for (let at = 0; at < count; at++) {
      const word = control.notices + at * control.noticeWords;
      const ctx = this.#holders.get(words[word]!);
      if (ctx?.generation === words[word + 1]!) ctx.notice(words[word + 2]!);
    }
    if (this.#ended.length === 0) return;
    const ended = this.#ended;
    this.#ended = [];
    for (const run of ended) run();
  }
}
