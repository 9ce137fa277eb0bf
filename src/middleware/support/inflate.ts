/**
 * Bodies of requests, decoded within a cap: nothing is inflated beyond it, however little was sent.
 * Used by `decompress`.
 */
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import { type HTTPError, problem } from "../../errors.ts";
import { bytesOfPiece, type Pieces } from "../../stream.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** Codings that requests may come in. */
export type RequestCodingName = "zstd" | "br" | "gzip" | "deflate";

type Bytes = Uint8Array<ArrayBuffer>;
type Decoder = ReturnType<typeof createGunzip>;

interface RequestCoding {
  readonly now: (bytes: Bytes, options: object) => unknown;
  readonly stream: (options: object) => Decoder;
}

/**
 * Inflated bytes that are made on this thread: they take 0.1 to 0.2 ms, and a trip to another one
 * about as long.
 */
const nowBytesMax = 64 * 1024;
/** Sent bytes from which so few inflated ones are unlikely. */
const nowSentBytesMax = 16 * 1024;
/** A thread's step; the default of 16 KiB makes four times as many. */
const chunkSize = 64 * 1024;

/** A decoder of zstd allocates what a frame asks for: not above 8 MiB (RFC 9659 3). */
const zstd = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/** RFC 9110 8.4.1; "deflate" is the zlib format (8.4.1.2). */
export const requestCodings: Readonly<Record<RequestCodingName, RequestCoding>> = {
  zstd: {
    now: (bytes, options) => zstdDecompressSync(bytes, { ...options, ...zstd }),
    stream: (options) => createZstdDecompress({ ...options, ...zstd }),
  },
  br: { now: brotliDecompressSync, stream: createBrotliDecompress },
  gzip: { now: gunzipSync, stream: createGunzip },
  deflate: { now: inflateSync, stream: createInflate },
};

/**
 * A whole body decoded: at once when it is small, otherwise on another thread.
 *
 * @throws HTTPError 413 `body_too_large`, 400 `invalid_encoding`.
 */
export function inflate(
  bytes: Bytes,
  name: RequestCodingName,
  maxBytes: number,
): Bytes | Promise<Bytes> {
  if (bytes.length <= nowSentBytesMax) {
    const inflated = inflateNow(bytes, name, Math.min(maxBytes, nowBytesMax));
    if (inflated !== undefined) return inflated;
    if (maxBytes <= nowBytesMax) throw tooLarge(maxBytes);
  }
  return gather(new InflatedPieces(once(bytes), name, maxBytes));
}

/** Undefined: there is more than `maxBytes`. */
function inflateNow(bytes: Bytes, name: RequestCodingName, maxBytes: number): Bytes | undefined {
  try {
    const options = { maxOutputLength: maxBytes, info: true };
    const result = requestCodings[name].now(bytes, options);
    // What `info` asks for, and what the declarations do not know.
    const { buffer, engine } = result as { buffer: Bytes; engine: { bytesWritten: number } };
    if (engine.bytesWritten !== bytes.length) throw new TypeError("bytes behind the end");
    checkFrames(name, bytes);
    return buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw corrupt(error);
  }
}

function checkFrames(name: RequestCodingName, bytes: Bytes): void {
  if (name !== "zstd") return;
  const frames = new ZstdFrames();
  frames.push(bytes);
  if (!frames.complete) throw new TypeError("unexpected end");
}

/** Pieces decoded as they are asked for; the source is read only as far as that takes. */
export class InflatedPieces implements Pieces {
  readonly #source: Pieces;
  readonly #decoder: Decoder;
  readonly #frames: ZstdFrames | undefined;
  readonly #maxBytes: number;
  readonly #output: AsyncIterator<Buffer>;
  #sentBytes = 0;
  #inflatedBytes = 0;
  #started = false;
  #over = false;
  /** The source has ended without a byte. */
  #empty = false;
  /** The source failed, which is no fault of the encoding. */
  #failure: { readonly error: unknown } | undefined;

  constructor(source: Pieces, name: RequestCodingName, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#decoder = requestCodings[name].stream({ chunkSize });
    this.#frames = name === "zstd" ? new ZstdFrames() : undefined;
    this.#output = this.#decoder[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#over) return { done: true, value: undefined };
    if (!this.#started) {
      this.#started = true;
      void this.#feed();
    }
    try {
      const step = await this.#output.next();
      if (step.done === true) return this.#ended();
      this.#inflatedBytes += step.value.length;
      if (this.#inflatedBytes <= this.#maxBytes) return step;
    } catch (error) {
      this.#stop();
      // Nothing at all is an empty body in any coding.
      if (this.#empty) return { done: true, value: undefined };
      throw this.#failure === undefined ? corrupt(error) : this.#failure.error;
    }
    this.#stop();
    throw tooLarge(this.#maxBytes);
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stop();
    return { done: true, value: undefined };
  }

  #ended(): IteratorResult<Uint8Array, undefined> {
    const whole = this.#frames?.complete ?? true;
    if (!whole) throw new TypeError("unexpected end");
    if (this.#decoder.bytesWritten !== this.#sentBytes) throw new TypeError("bytes behind the end");
    this.#over = true;
    return { done: true, value: undefined };
  }

  /** Hands pieces over, each once what came of those before was taken. */
  async #feed(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#source.next();
        if (this.#over) return;
        if (done) break;
        const bytes = bytesOfPiece(value);
        this.#sentBytes += bytes.length;
        this.#frames?.push(bytes);
        if (bytes.length > 0) await this.#write(bytes);
      }
      this.#empty = this.#sentBytes === 0;
      if (this.#empty) this.#decoder.destroy();
      else this.#decoder.end();
    } catch (error) {
      this.#failure = { error };
      this.#decoder.destroy();
    }
  }

  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#decoder.write(bytes, () => resolve());
    });
  }

  #stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#decoder.destroy();
    Promise.resolve(this.#source.return?.()).catch(ignore);
  }
}

async function gather(pieces: InflatedPieces): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) return Buffer.concat(chunks);
    chunks.push(value);
  }
}

function once(bytes: Bytes): Pieces {
  return [bytes][Symbol.iterator]();
}

function tooLarge(maxBytes: number): HTTPError {
  return problem("body_too_large", `The body may have ${maxBytes} bytes when it is decoded.`);
}

function corrupt(cause: unknown): HTTPError {
  return Object.assign(problem("invalid_encoding"), { cause });
}

function ignore(): void {
  // Nobody waits.
}
