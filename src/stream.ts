/**
 * What can be sent piece by piece: the forms that a handler may return, and one way to read them.
 * Read by `native/answer-stream.ts` and `fetch.ts`, and by middleware that transforms bodies.
 */

/** One piece of a streamed body; text is sent as UTF-8. */
export type Piece = Uint8Array | string;

/**
 * A body that is produced while it is sent: a `ReadableStream`, anything that can be iterated
 * asynchronously, or a running generator.
 */
export type StreamSource = ReadableStream<Piece> | AsyncIterable<Piece> | Generator<Piece>;

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
 * a stream is cancelled, a generator runs its `finally` blocks.
 */
export function iterate(source: StreamSource): AsyncIterator<Piece> | Iterator<Piece> {
  if (Symbol.asyncIterator in source) {
    return (source as AsyncIterable<Piece>)[Symbol.asyncIterator]();
  }
  return source as Generator<Piece>;
}
