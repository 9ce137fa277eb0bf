/**
 * What can be sent piece by piece: the forms that a handler may return, and one way to read them.
 * Read by `native/answer-stream.ts` and `fetch.ts`, and by middleware that transforms bodies.
 */

import { ChopinError } from "./errors.ts";

/** One piece of a streamed body; text is sent as UTF-8. */
export type Piece = Uint8Array | string;

/**
 * A body that is produced while it is sent: a `ReadableStream`, anything that can be iterated
 * asynchronously, or a running generator.
 */
export type StreamSource = ReadableStream<Piece> | AsyncIterable<Piece> | Generator<Piece>;

/** Pieces in order; `return` ends the producer early. */
export interface Pieces {
  next(): Promise<IteratorResult<Piece, unknown>> | IteratorResult<Piece, unknown>;
  return?(value?: unknown): unknown;
}

/** What this module uses of a stream's reader. */
export interface PieceReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Piece | undefined }>;
  cancel(): Promise<void>;
}

/** Pieces that are gathered before the head goes out. */
export const gatheredBytesMax = 64 * 1024;

/** Arrays, sets and other collections are values; only what runs is a stream. */
export function isStreamSource(value: unknown): value is StreamSource {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof ReadableStream) return true;
  if (typeof (value as Partial<AsyncIterable<Piece>>)[Symbol.asyncIterator] === "function") {
    return true;
  }
  const generator = value as Partial<Generator<Piece>>;
  return typeof generator.next === "function" && typeof generator[Symbol.iterator] === "function";
}

/**
 * The pieces of a source in order. Whoever stops early calls `return()`, so that the producer ends:
 * a stream is cancelled at once, a generator runs its `finally` blocks.
 */
export function iterate(source: StreamSource): Pieces {
  if (source instanceof ReadableStream) return readerOf(source.getReader());
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  return source as Generator<Piece, unknown, void>;
}

/** A reader as pieces: unlike the stream's own iterator, it can be cancelled while it waits. */
function readerOf(reader: PieceReader): Pieces {
  return {
    next: () => reader.read() as Promise<IteratorResult<Piece, unknown>>,
    return: () => reader.cancel(),
  };
}

/** Ends a producer early. The promise is rejected when the producer fails at that. */
export async function endPieces(pieces: Pieces): Promise<void> {
  await pieces.return?.();
}

const encoder = new TextEncoder();

/**
 * The bytes of a piece.
 *
 * @throws ChopinError `invalid_answer` for what is neither text nor bytes.
 */
export function bytesOfPiece(piece: Piece): Uint8Array {
  if (typeof piece === "string") return encoder.encode(piece);
  if (piece instanceof Uint8Array) return piece;
  if (ArrayBuffer.isView(piece)) {
    const view = piece as ArrayBufferView;
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }
  if ((piece as unknown) instanceof ArrayBuffer) return new Uint8Array(piece);
  throw new ChopinError(
    "invalid_answer",
    `A streamed body has pieces of text or bytes, not ${piece === null ? "null" : typeof piece}.`,
  );
}

/** Gathered pieces as one body: text stays text. */
export function joined(pieces: readonly Piece[]): string | Uint8Array<ArrayBuffer> {
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  return Buffer.concat(pieces.map(bytesOfPiece));
}

/** A stream that was complete before its head has another length than was said. */
export function wrongLength(promised: number, length: number): ChopinError {
  return new ChopinError(
    "invalid_answer",
    `A stream was said to have ${promised} bytes and has ${length}.`,
  );
}

/** The error of a stream that does not keep to its promise. */
export function tooLong(): ChopinError {
  return new ChopinError("invalid_answer", "A stream has more bytes than it was said to have.");
}

export function tooShort(): ChopinError {
  return new ChopinError("invalid_answer", "A stream has fewer bytes than it was said to have.");
}

/** Pieces as a stream of bytes that are produced when they are read; `first` was read before. */
export function readable(
  pieces: Pieces,
  first?: IteratorResult<Piece, unknown>,
): ReadableStream<Uint8Array> {
  let ready = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = ready ?? (await pieces.next());
        ready = undefined;
        if (done) controller.close();
        else controller.enqueue(bytesOfPiece(value));
      },
      cancel: () => endPieces(pieces),
    },
    { highWaterMark: 0 },
  );
}

const leavings = new WeakSet<WeakKey>();

/** The error of a body, or an answer, whose client has left. */
export function clientLeft(): DOMException {
  const text = "The client has left before its request was answered.";
  const error = new DOMException(text, "AbortError");
  leavings.add(error);
  return error;
}

/** Tells an operator of an error; that clients leave is none. */
export function reportUnlessLeft(error: unknown): void {
  if (!(error instanceof DOMException && leavings.has(error))) console.error(error);
}
