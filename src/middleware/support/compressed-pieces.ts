/**
 * A streamed body, compressed while it is sent. What a producer gives at once is gathered, since
 * each trip to the other thread costs some 50 µs; when it pauses, everything so far is flushed, so
 * that nobody waits for bytes that lie in a compressor. Made by `compress`.
 */
import { bytesOfPiece, type Piece, type Pieces } from "../../stream.ts";
import type { CodingName, StreamCoder } from "./coding.ts";
import { codings } from "./coding.ts";

type Step = IteratorResult<Piece, unknown>;

/** Bytes that go to the compressor together. */
const gatheredBytesMax = 32 * 1024;
/** Microtasks that a piece may take that counts as ready. */
const ticksMax = 3;

export class CompressedPieces implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: Pieces;
  readonly #coder: StreamCoder;
  readonly #flush: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #output: Buffer[] = [];
  /** The coder has taken bytes that it may not have given out. */
  #unflushed = false;
  /** The step that was asked for last, when it has not come yet. */
  #pending: Promise<Step> | undefined;
  #over = false;
  #failed: (error: unknown) => void = ignore;

  constructor(source: Pieces, name: CodingName) {
    const { stream, flush } = codings[name];
    this.#source = source;
    this.#coder = stream();
    this.#flush = flush;
    this.#coder.on("data", (chunk: Buffer) => this.#output.push(chunk));
    this.#coder.on("error", (error) => this.#failed(error));
  }

  /** Compressed bytes, as soon as there are some that should go. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#output.length === 0 && !this.#over) await this.#advance();
    const output = this.#output.splice(0);
    if (output.length === 0) return { done: true, value: undefined };
    return { done: false, value: output.length === 1 ? output[0]! : Buffer.concat(output) };
  }

  /** Ends the producer; whoever waits for it does so as without compression. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#over = true;
    this.#output = [];
    this.#coder.destroy();
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One step of the producer, or what a pause of it asks for. */
  async #advance(): Promise<void> {
    const step = await this.#step();
    if (this.#over) return;
    if (step === undefined) await this.#flushAll();
    else if (step.done) await this.#end();
    else {
      const bytes = bytesOfPiece(step.value);
      this.#gathered.push(bytes);
      this.#gatheredBytes += bytes.length;
      if (this.#gatheredBytes >= gatheredBytesMax) await this.#write();
    }
  }

  /** The next step; undefined when the producer pauses and something waits to be flushed. */
  async #step(): Promise<Step | undefined> {
    let step = this.#pending;
    if (step === undefined) {
      const asked = this.#source.next();
      if (!(asked instanceof Promise)) return asked;
      step = asked;
    }
    if (this.#unflushed || this.#gatheredBytes > 0) {
      this.#pending = step;
      // Its failure is told when it is awaited.
      step.catch(ignore);
      for (let tick = 0; tick < ticksMax && Bun.peek.status(step) === "pending"; tick++) await null;
      if (Bun.peek.status(step) === "pending") await new Promise(setImmediate);
      if (Bun.peek.status(step) === "pending") return undefined;
    }
    this.#pending = undefined;
    return step;
  }

  async #write(): Promise<void> {
    const gathered = this.#gathered;
    if (this.#gatheredBytes === 0) return;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#unflushed = true;
    const bytes = gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered);
    await this.#done((taken) => this.#coder.write(bytes, taken));
  }

  async #flushAll(): Promise<void> {
    await this.#write();
    this.#unflushed = false;
    await this.#done((flushed) => this.#coder.flush(this.#flush, flushed));
  }

  async #end(): Promise<void> {
    await this.#write();
    await this.#done((ended) => {
      this.#coder.once("end", ended);
      this.#coder.end();
    });
    this.#over = true;
  }

  #done(run: (settle: () => void) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      run(() => resolve());
    });
  }
}

function ignore(): void {
  // Told elsewhere, or nobody waits.
}
