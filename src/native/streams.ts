/**
 * Requests that are under way beyond their dispatch: what a turn tells of them (`abi.notice`), and
 * waiting for its end. Bodies that come in pieces, in `body-source.ts` and `answer-stream.ts`, and
 * signals rest on it.
 */
import type { Pointer } from "bun:ffi";
import { code, control, notice } from "./abi.ts";
import type { HeldContext } from "./held-context.ts";
import { chopin_stream_write } from "./symbols.ts";

/** Bytes that one stream moves in one turn; then others have theirs. */
export const shareBytes = 2 * 1024 * 1024;

const nothing = new Uint8Array(1);

/** Whoever wants to know what becomes of a held request. */
export interface Listener {
  /** `bits` of `abi.notice`. */
  notice(bits: number): void;
}

/** Whoever hears what becomes of WebSockets. */
export interface WebSocketListener {
  notice(slot: number, generation: number, bits: number): void;
}

/** Notices with one of these name a WebSocket, others a request. */
const websocketBits = notice.websocketOpened | notice.websocketClosed | notice.websocketDrained;

export class Streams {
  readonly handle: Pointer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /**
   * Native code is in a turn that dispatches: its requests have no connection before it returns, so
   * nothing can be sent or read for them.
   */
  dispatching = false;
  websockets: WebSocketListener | undefined;
  readonly #requestTurn: () => void;
  readonly #holders = new Map<number, HeldContext>();
  #ended: (() => void)[] = [];

  constructor(handle: Pointer, words: Uint32Array, bytes: Buffer, requestTurn: () => void) {
    this.handle = handle;
    this.words = words;
    this.bytes = bytes;
    this.#requestTurn = requestTurn;
  }

  /** From now on the context hears of its slot. */
  listen(ctx: HeldContext): void {
    this.#holders.set(ctx.slot, ctx);
  }

  forget(ctx: HeldContext): void {
    if (this.#holders.get(ctx.slot) === ctx) this.#holders.delete(ctx.slot);
  }

  /** The client of a held request is not there any more. */
  left({ slot, generation }: HeldContext): boolean {
    return chopin_stream_write(this.handle, slot, generation, nothing, 0) === code.staleHandle;
  }

  /** Runs at the end of this turn or of the next one. */
  atTurnEnd(run: () => void): void {
    this.#ended.push(run);
    this.#requestTurn();
  }

  /** Fulfilled at the end of this turn or of the next one. */
  turnEnd(): Promise<void> {
    return new Promise((resolve) => this.atTurnEnd(resolve));
  }

  /** Pieces that were queued are sent with the next turn at the latest. */
  wake(): void {
    this.#requestTurn();
  }

  /**
   * Fulfilled by the function that `register` is given, which a notice calls. Meanwhile native code
   * may wait for the network: nothing but a notice ends this.
   */
  async noticed(register: (wake: () => void) => void): Promise<void> {
    const { words } = this;
    words[control.streamsWaiting]! += 1;
    await new Promise<void>(register);
    words[control.streamsWaiting]! -= 1;
  }

  /** A turn has ended: tells what it brought. */
  afterTurn(): void {
    const { words } = this;
    const count = words[control.noticesCount]!;
    if (count > 0) {
      words[control.noticesCount] = 0;
      const end = control.notices + count * control.noticeWords;
      // A copy: who hears of one may run Bun's loop, and a turn of it brings others.
      this.#tell(words.slice(control.notices, end));
    }
    if (this.#ended.length === 0) return;
    const ended = this.#ended;
    this.#ended = [];
    for (const run of ended) run();
  }

  #tell(notices: Uint32Array): void {
    for (let at = 0; at < notices.length; at += control.noticeWords) {
      const [slot, generation, bits] = [notices[at]!, notices[at + 1]!, notices[at + 2]!];
      if ((bits & websocketBits) !== 0) this.websockets?.notice(slot, generation, bits);
      else {
        const ctx = this.#holders.get(slot);
        if (ctx?.generation === generation) ctx.notice(bits);
      }
    }
  }
}
