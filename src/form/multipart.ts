/**
 * `multipart/form-data` (RFC 7578) as a stream of parts: Dicer of @fastify/busboy finds the
 * boundaries, this file asks it for one part after the other and keeps its caps. Read by
 * `form.ts`. The parser is loaded with the first such body, some 15 ms, and not when a program
 * starts.
 */
import type { Readable, Writable } from "node:stream";
import { type HTTPError, problem } from "../errors.ts";
import { bytesOfPiece, iterate, type Pieces } from "../stream.ts";
import type { Limits } from "./limits.ts";
import { StreamedPart } from "./part.ts";
import { invalid, partHead } from "./part-head.ts";

/** Bytes of a boundary (RFC 2046 5.1.1); the characters are taken from all that can be quoted. */
const boundaryShape = /^[\x20-\x7e]{0,69}[\x21-\x7e]$/;

/** Bytes of parts that wait to be read before the source has to: those of one read. */
const backlogBytesMax = 64 * 1024;

/**
 * Reads parts in order. The parser's own backpressure is switched off by a mark that no part
 * reaches, because of it a body can hang: when a delimiter starts exactly where a piece does, it
 * never says that it wants more. What waits is counted here instead.
 */
export class MultipartReader {
  readonly #source: Pieces;
  readonly #limits: Limits;
  readonly #parser: Writable;
  readonly #parts: StreamedPart[] = [];
  /** Those that did not end yet. */
  readonly #open = new Set<StreamedPart>();
  #count = 0;
  #totalBytes = 0;
  #backlogBytes = 0;
  /** The head of the latest part is still to come. */
  #headless = false;
  #started = false;
  /** The closing delimiter came. */
  #finished = false;
  /** The source has ended: what is behind the closing delimiter is read too, and ignored. */
  #drained = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeReader: () => void = ignore;
  #wakePump: () => void = ignore;

  private constructor(source: Pieces, limits: Limits, parser: Writable) {
    this.#source = source;
    this.#limits = limits;
    this.#parser = parser;
    parser.on("part", (stream: Readable) => this.#began(stream));
    parser.on("finish", () => this.#allParsed());
    // It says so of a body that ends before its closing delimiter, and of nothing else.
    parser.on("error", () => this.#fail(truncated()));
  }

  /** @throws HTTPError 400 `invalid_form` for a boundary that is missing or malformed. */
  static async open(
    source: AsyncIterable<Uint8Array>,
    boundary: string | null,
    limits: Limits,
  ): Promise<MultipartReader> {
    if (boundary === null || !boundaryShape.test(boundary)) {
      throw invalid("The Content-Type has no usable boundary.");
    }
    const { Dicer } = await import("@fastify/busboy");
    // The parser cuts longer heads off, and drops the line in which it did. What it keeps has to be
    // so long that what is left without that line still shows that there was too much.
    const maxHeaderSize = 2 * limits.partHeadBytesMax + "\r\n".length;
    const partHwm = Number.MAX_SAFE_INTEGER;
    const config = { boundary, maxHeaderPairs: maxHeaderSize, maxHeaderSize, partHwm };
    return new MultipartReader(iterate(source), limits, new Dicer(config as object));
  }

  /**
   * The next part; what was not read of the one before is skipped. Undefined at the end.
   *
   * @throws HTTPError for malformed and too large bodies, and whatever the source throws.
   */
  async next(): Promise<StreamedPart | undefined> {
    if (!this.#started) {
      this.#started = true;
      void this.#pump();
    }
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      if (this.#finished && this.#drained) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Ends reading, early or not; the source is cancelled. */
  close(): void {
    this.#closed = true;
    this.#wakePump();
    this.#parser.destroy();
    // A source that is waiting answers late; nobody waits for it.
    void Promise.resolve(this.#source.return?.()).catch(ignore);
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#source.next();
        if (this.#closed) return;
        if (done === true) break;
        const bytes = bytesOfPiece(value);
        this.#totalBytes += bytes.length;
        if (this.#totalBytes > this.#limits.totalBytesMax) {
          throw problem("body_too_large", `A form may have ${this.#limits.totalBytesMax} bytes.`);
        }
        if (bytes.length > 0) await this.#write(bytes);
        await this.#room();
      }
      this.#drained = true;
      this.#parser.end();
      this.#wakeReader();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What the parser's listeners throw comes out of `write`. */
  #write({ buffer, byteOffset, length }: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const chunk = Buffer.from(buffer, byteOffset, length);
      this.#parser.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when what waits has been read. */
  async #room(): Promise<void> {
    while (this.#backlogBytes > backlogBytesMax && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wakePump = resolve;
      });
    }
  }

  #began(stream: Readable): void {
    this.#checkHead();
    this.#count += 1;
    if (this.#count > this.#limits.partsMax) {
      throw problem("too_many_parts", `A form may have ${this.#limits.partsMax} parts.`);
    }
    this.#headless = true;
    // Told for the whole parser too.
    stream.on("error", ignore);
    stream.on("header", (lines: Readonly<Record<string, string[]>>) => {
      this.#headless = false;
      this.#receive(stream, new StreamedPart(partHead(lines, this.#limits), this.#limits));
    });
  }

  #receive(stream: Readable, part: StreamedPart): void {
    part.taken = (bytes) => {
      this.#backlogBytes -= bytes;
      if (this.#backlogBytes <= backlogBytesMax) this.#wakePump();
    };
    this.#open.add(part);
    stream.on("data", (chunk: Buffer<ArrayBuffer>) => {
      this.#backlogBytes += chunk.length;
      part.push(chunk);
    });
    stream.on("end", () => {
      this.#open.delete(part);
      part.end();
    });
    this.#parts.push(part);
    this.#wakeReader();
  }

  #allParsed(): void {
    try {
      this.#checkHead();
      this.#finished = true;
      this.#wakeReader();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A part that ended before its head did. */
  #checkHead(): void {
    if (this.#headless) throw invalid("A part has no head.");
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const part of this.#open) part.fail(this.#failure.error);
    this.#wakeReader();
  }
}

function truncated(): HTTPError {
  return invalid("The form ends before its closing delimiter.");
}

function ignore(): void {
  // Nobody waits, or what failed was told where it matters.
}
