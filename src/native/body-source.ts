/**
 * The body of a request as it comes: bytes are read from the socket only when the stream's reader
 * asks for them, so a slow handler slows its client down. Made by `exchange.ts`.
 */
import { ChopinError, HTTPError, type ProblemCode } from "../errors.ts";
import { clientLeft } from "../stream.ts";
import { code, control, notice } from "./abi.ts";
import type { NativeContext } from "./native-context.ts";
import { type Listener, type Streams, shareBytes } from "./streams.ts";
import { chopin_body_read } from "./symbols.ts";

/** One read of a socket, of whichever body: what its buffer holds when a client is quick. */
const room = new Uint8Array(512 * 1024);

/**
 * Pieces are cut out of it. Large ones would save the copy and cost more: the memory of each is new
 * to the processor, and the collector gives it back late. With these the first upload of 1 GiB
 * takes 30 MiB above an idle process, with 64 KiB 37, which would save a tenth of the CPU time.
 */
const pieceBytes = 16 * 1024;

export class BodySource implements Listener {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #streams: Streams;
  readonly #ctx: NativeContext;
  #wake: (() => void) | undefined;
  /** Bytes that were read since a turn ended. */
  #share = 0;

  constructor(streams: Streams, ctx: NativeContext) {
    this.#streams = streams;
    this.#ctx = ctx;
    this.stream = new ReadableStream(
      { pull: (controller) => this.#pull(controller) },
      { highWaterMark: 0 },
    );
  }

  /** Tells a client that waits for it to send the body: not possible behind the answer's head. */
  goOn(): void {
    const { slot, generation } = this.#ctx;
    chopin_body_read(this.#streams.handle, slot, generation, room, 0);
  }

  notice(bits: number): void {
    if ((bits & (notice.readable | notice.gone)) === 0) return;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    const { handle } = this.#streams;
    if (this.#share >= shareBytes || this.#streams.dispatching) {
      await this.#streams.turnEnd();
      this.#share = 0;
    }
    while (!this.#ctx.answered) {
      const { slot, generation } = this.#ctx;
      const count = chopin_body_read(handle, slot, generation, room, room.length);
      if (count > 0) {
        this.#share += count;
        for (let at = 0; at < count; at += pieceBytes) {
          controller.enqueue(room.slice(at, Math.min(at + pieceBytes, count)));
        }
        return;
      }
      if (count === code.endOfBody) {
        controller.close();
        return;
      }
      if (count < 0) throw this.#failure(count);
      this.#share = 0;
      await this.#streams.noticed((wake) => {
        this.#wake = wake;
      });
    }
    throw new ChopinError(
      "context_used_after_answer",
      "This request was answered, so the rest of its body was dropped.",
    );
  }

  #failure(result: number): Error {
    if (result === code.staleHandle) {
      // The notice would come after the reader's failure.
      this.#ctx.notice(notice.gone);
      return clientLeft();
    }
    const { words, bytes } = this.#streams;
    const start = words[control.result + 1]!;
    const name = bytes.latin1Slice(start, start + words[control.result + 2]!);
    return new HTTPError(words[control.result]!, name as ProblemCode);
  }
}
