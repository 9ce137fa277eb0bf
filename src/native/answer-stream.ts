/**
 * Sends an answer that comes in pieces. Pieces that come within the turn are gathered first: what
 * is complete by then is sent whole, with its length, and what failed by then is an ordinary error.
 * Otherwise the head goes out, and each piece as it comes; a client that is behind makes the
 * producer wait, and one that leaves ends it.
 */

import {
  bytesOfPiece,
  endPieces,
  gatheredBytesMax,
  iterate,
  type Piece,
  type Pieces,
  reportUnlessLeft,
  type StreamSource,
  tooLong,
  tooShort,
} from "../stream.ts";
import { code, notice } from "./abi.ts";
import type { NativeContext } from "./native-context.ts";
import { type Listener, type Streams, shareBytes } from "./streams.ts";
import { chopin_answers_flush, chopin_stream_end, chopin_stream_write } from "./symbols.ts";

/** What the dispatch does for a stream. */
export interface StreamEnds {
  /** The program named a Content-Type. Without one the head waits for the first piece. */
  typed(): boolean;
  /** The stream was complete before its head was sent. */
  whole(pieces: readonly Piece[]): void;
  /** It failed before that. */
  failed(error: unknown): void;
  /** Sends the head; `first` says whether text or bytes come. False: the client gets none. */
  head(first: Piece | undefined): void;
}

export class AnswerStream implements Listener {
  readonly #streams: Streams;
  readonly #ctx: NativeContext;
  readonly #pieces: Pieces;
  readonly #ends: StreamEnds;
  #gathered: Piece[] | undefined = [];
  /** The turn has ended, so the head goes out with the next piece. */
  #due = false;
  #size = 0;
  #share = 0;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(streams: Streams, ctx: NativeContext, source: StreamSource, ends: StreamEnds) {
    this.#streams = streams;
    this.#ctx = ctx;
    this.#ends = ends;
    this.#pieces = iterate(source);
  }

  /** The request is held. */
  start(): void {
    this.#streams.atTurnEnd(() => this.#turnEnded());
    this.#run().catch((error: unknown) => this.#fail(error));
  }

  notice(bits: number): void {
    if ((bits & notice.gone) !== 0) this.#stop();
    if ((bits & (notice.gone | notice.drained)) !== 0) this.#goOn();
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      const step = this.#pieces.next();
      const { done, value } = "then" in step ? await step : step;
      if (this.#over) return;
      if (done) {
        this.#finish();
        return;
      }
      const waits = this.#take(typeof value === "string" ? value : bytesOfPiece(value));
      if (waits) await this.#waiting();
      else if (this.#share >= shareBytes) await this.#turn();
    }
  }

  /** True: the next piece has to wait. */
  #take(piece: Piece): boolean {
    if (this.#gathered === undefined) return this.#write(piece);
    this.#size += piece.length;
    const waits = this.#due || this.#size >= gatheredBytesMax;
    // A producer that goes on may fill the same memory again.
    this.#gathered.push(waits || typeof piece === "string" ? piece : piece.slice());
    if (this.#due && !this.#streams.dispatching) return this.#sendHead();
    if (this.#due) this.#streams.atTurnEnd(() => this.#turnEnded());
    return waits;
  }

  #write(piece: Piece): boolean {
    const { handle } = this.#streams;
    const { slot, generation } = this.#ctx;
    const bytes = bytesOfPiece(piece);
    this.#share += bytes.length;
    const result = chopin_stream_write(handle, slot, generation, bytes, bytes.length);
    if (result === code.full) throw tooLong();
    if (result < 0) {
      this.#stop();
      return false;
    }
    this.#streams.wake();
    return result === 1;
  }

  /** The turn ends and the stream does not. */
  #turnEnded(): void {
    if (this.#gathered === undefined || this.#over) return;
    this.#due = true;
    if (this.#gathered.length === 0 && !this.#ends.typed()) return;
    try {
      if (!this.#sendHead()) this.#goOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends the head and what was gathered. True: the next piece has to wait. */
  #sendHead(): boolean {
    const gathered = this.#gathered ?? [];
    this.#ends.head(gathered[0]);
    this.#gathered = undefined;
    chopin_answers_flush(this.#streams.handle);
    let behind = false;
    for (const piece of gathered) behind = this.#write(piece);
    return behind;
  }

  #finish(): void {
    const gathered = this.#gathered;
    this.#over = true;
    if (gathered !== undefined) {
      this.#gathered = undefined;
      this.#ends.whole(gathered);
    } else this.#close(false);
  }

  /** The producer failed: an error answer, or a connection that breaks off within the body. */
  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    endPieces(this.#pieces).catch(() => {
      // It failed already; that error is the one to be told.
    });
    if (this.#gathered !== undefined) {
      this.#gathered = undefined;
      this.#ends.failed(error);
      return;
    }
    reportUnlessLeft(error);
    this.#close(true);
  }

  /** Nobody waits for the rest. */
  #stop(): void {
    if (this.#over) return;
    this.#over = true;
    // The producer's last steps may still look at the request.
    endPieces(this.#pieces)
      .catch(reportUnlessLeft)
      .finally(() => this.#close(true));
  }

  #close(failed: boolean): void {
    const { slot, generation } = this.#ctx;
    this.#ctx.finish();
    const short = chopin_stream_end(this.#streams.handle, slot, generation, failed ? 1 : 0);
    if (short === 1 && !failed) console.error(tooShort());
    this.#streams.wake();
  }

  #waiting(): Promise<void> {
    const register = (wake: () => void) => {
      this.#wake = wake;
    };
    // Before its head goes out, the end of the turn is what it waits for.
    return this.#gathered === undefined
      ? this.#streams.noticed(register)
      : new Promise<void>(register);
  }

  async #turn(): Promise<void> {
    await this.#streams.turnEnd();
    this.#share = 0;
  }

  #goOn(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    this.#share = 0;
    wake?.();
  }
}

/** Ends a producer whose pieces nobody will take. */
export async function cancel(source: StreamSource): Promise<void> {
  try {
    await endPieces(iterate(source));
  } catch (error) {
    reportUnlessLeft(error);
  }
}
