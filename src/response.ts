/**
 * From what a handler returned to the one form of answers, and helpers that make answers outside of
 * a context. Called by `compose.ts`, `static.ts` and the dispatch.
 */

import {
  type Answer,
  bytesOf,
  checkStatus,
  isBytes,
  kindOf,
  type OtherAnswer,
  PreparedAnswer,
} from "./answer.ts";
import {
  type Field,
  type FieldsInit,
  fieldsFrom,
  hasField,
  isReserved,
  setField,
} from "./answer-fields.ts";
import type { AnswerInit, Bytes } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { kind } from "./native/abi.ts";
import {
  bytesOfPiece,
  isStreamSource,
  type Piece,
  type PieceReader,
  type StreamSource,
} from "./stream.ts";

/** Options of an answer whose body comes in pieces. */
export interface StreamInit {
  readonly status?: number;
  readonly headers?: FieldsInit;
  /** Bytes that the body will have, when that is known; another number breaks the connection. */
  readonly length?: number;
}

/**
 * Bytes of one `Response` that are taken out of memory before its head is sent. What lies in memory
 * already comes without waiting, and is sent with its length.
 */
const readyBytesMax = 64 * 1024 * 1024;
/** The same for what takes a moment: a stream that ends soon is sent whole. */
const awaitedBytesMax = 64 * 1024;
/** How many microtasks a piece may take that counts as ready. */
const ticksMax = 3;

const redirects: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Brings what a handler returned into the one form of answers. A `Response`, a blob or a stream is
 * read first, so it gives a promise; promises are resolved by the caller. `drafted` is the status
 * that the context was given, or 0.
 *
 * @throws ChopinError `invalid_answer` for what cannot be sent; errors that were returned are
 * thrown.
 */
export function prepare(value: unknown, drafted: number): PreparedAnswer | Promise<PreparedAnswer> {
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) {
      if (value instanceof PreparedAnswer) return value;
      if (value instanceof Response) return prepareResponse(value, drafted);
      if (value instanceof Error) throw value;
      if (isBytes(value)) return new PreparedAnswer(kind.bytes, bytesOf(value), 0, undefined);
      if (value instanceof ReadableStream)
        return new PreparedAnswer(kind.none, value, 0, undefined);
      if (isWebBody(value)) return prepareResponse(new Response(value), drafted);
    }
    if (isStreamSource(value)) return new PreparedAnswer(kind.none, value, 0, undefined);
    return new PreparedAnswer(kind.json, value, 0, undefined);
  }
  return new PreparedAnswer(kindOf(value), value, 0, undefined);
}

/**
 * An answer with `text/plain`, made without a context.
 *
 * @example
 * app.notFound(() => text("Nothing here", 404));
 */
export function text<const Status extends number = 200>(
  value: string,
  init?: AnswerInit<Status>,
): Answer<NoInfer<Status>, string> {
  return answerOf(kind.text, value, init);
}

/** An answer with `application/json`, made without a context. */
export function json<V, const Status extends number = 200>(
  value: V,
  init?: AnswerInit<Status>,
): Answer<NoInfer<Status>, V> {
  return answerOf(kind.json, value, init);
}

/** An answer with `text/html`, made without a context. */
export function html(value: string, init?: AnswerInit): OtherAnswer {
  return answerOf(kind.html, value, init);
}

/** An answer with `application/octet-stream`, made without a context. */
export function bytes(value: Bytes, init?: AnswerInit): OtherAnswer {
  return answerOf(kind.bytes, bytesOf(value), init);
}

/**
 * An answer that sends the client elsewhere. Characters beyond ASCII are percent-encoded.
 *
 * @throws ChopinError `invalid_header` for a location with control characters, `invalid_status` for
 * a status other than 301, 302, 303, 307 and 308.
 */
export function redirect(location: string, status = 302): OtherAnswer {
  if (!redirects.includes(status)) {
    throw new ChopinError(
      "invalid_status",
      `A redirect is one of ${redirects.join(", ")}: ${status}.`,
    );
  }
  const target = location.replaceAll(/[^\0-\x7f]+/g, (part) => encodeURI(part.toWellFormed()));
  const answer = new PreparedAnswer(kind.none, null, status, undefined);
  answer.fields = setField(undefined, "Location", target, false);
  return answer;
}

/**
 * An answer whose body comes in pieces, made without a context. A client that is behind makes the
 * producer wait; one that leaves ends it.
 *
 * @throws ChopinError `invalid_answer` for what is no source of pieces or a length that is none.
 */
export function stream(source: StreamSource, init: StreamInit = {}): OtherAnswer {
  if (!isStreamSource(source)) {
    throw new ChopinError(
      "invalid_answer",
      "A streamed answer is made of a ReadableStream, an async iterable or a generator.",
    );
  }
  const answer = answerOf(kind.none, source, init) as PreparedAnswer;
  answer.length = checkLength(init.length);
  return answer;
}

export function answerOf(
  kindOfBody: number,
  body: unknown,
  init: AnswerInit | undefined,
): OtherAnswer {
  if (init === undefined) return new PreparedAnswer(kindOfBody, body, 0, undefined);
  if (typeof init === "number") {
    return new PreparedAnswer(kindOfBody, body, checkStatus(init), undefined);
  }
  const status = init.status === undefined ? 0 : checkStatus(init.status);
  return new PreparedAnswer(kindOfBody, body, status, fieldsFrom(init.headers));
}

function checkLength(length: number | undefined): number | undefined {
  if (length === undefined || (Number.isSafeInteger(length) && length >= 0)) return length;
  throw new ChopinError(
    "invalid_answer",
    `The length of a stream is a number of bytes: ${length}.`,
  );
}

function isWebBody(value: object): value is Blob | URLSearchParams | FormData {
  return value instanceof Blob || value instanceof URLSearchParams || value instanceof FormData;
}

function prepareResponse(
  response: Response,
  drafted: number,
): PreparedAnswer | Promise<PreparedAnswer> {
  if (response.bodyUsed) {
    throw new ChopinError("invalid_answer", "The body of this Response was read before.");
  }
  // 200 is what a Response has when nobody said anything, so the context's status goes before it.
  const status = response.status === 200 && drafted !== 0 ? drafted : checkStatus(response.status);
  // Before the body is touched: Bun forgets the type of a blob then.
  const fields = fieldsOf(response);
  const body = response.body;
  if (body === null) return new PreparedAnswer(kind.none, null, status, fields);
  const promised = response.headers.get("content-length");
  return gather(body.getReader() as PieceReader).then((gathered) => {
    if (!(gathered instanceof Uint8Array)) {
      const answer = new PreparedAnswer(kind.none, gathered, status, fields);
      answer.length = promised === null ? undefined : checkLength(Number(promised));
      return answer;
    }
    // Without a Content-Type nobody can say any more whether it was text: valid UTF-8 is taken
    // as such.
    const named = hasField(fields, "content-type");
    const kindOfBody = named ? kind.none : isText(gathered) ? kind.text : kind.bytes;
    return new PreparedAnswer(kindOfBody, gathered, status, fields);
  });
}

/** The fields of a `Response` but for those that belong to the connection it came from. */
function fieldsOf(response: Response): Field[] | undefined {
  let fields: Field[] | undefined;
  for (const [name, value] of response.headers) {
    if (!isReserved(name)) fields = setField(fields, name, value, name === "set-cookie");
  }
  return fields;
}

/**
 * Reads what is there. What ends by that was in memory; of what goes on, the pieces that were read
 * come first again.
 */
async function gather(reader: PieceReader): Promise<Uint8Array<ArrayBuffer> | StreamSource> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  let most = readyBytesMax;
  while (total < most) {
    const read = reader.read();
    for (let tick = 0; tick < ticksMax && Bun.peek.status(read) === "pending"; tick++) {
      most = awaitedBytesMax;
      await null;
    }
    if (Bun.peek.status(read) === "pending") return resumed(pieces, read, reader);
    const { done, value } = await read;
    if (done || value === undefined) return Buffer.concat(pieces);
    const piece = bytesOfPiece(value);
    pieces.push(piece);
    total += piece.length;
  }
  return resumed(pieces, reader.read(), reader);
}

/** A stream of which the first pieces were read, and another read is under way. */
function resumed(
  pieces: readonly Piece[],
  read: ReturnType<PieceReader["read"]>,
  reader: PieceReader,
): StreamSource {
  // Whoever takes the pieces sees its failure; it may also be dropped before.
  read.catch(ignore);
  let at = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<Piece, undefined>> {
        if (at < pieces.length) return { done: false, value: pieces[at++]! };
        const result = at === pieces.length ? read : reader.read();
        at = pieces.length + 1;
        const { done, value } = await result;
        if (done || value === undefined) return { done: true, value: undefined };
        return { done: false, value };
      },
      async return(): Promise<IteratorResult<Piece, undefined>> {
        await reader.cancel();
        return { done: true, value: undefined };
      },
    }),
  };
}

function ignore(): void {
  // See where it is used.
}

function isText(bytesOfBody: Uint8Array): boolean {
  try {
    strict.decode(bytesOfBody);
    return true;
  } catch {
    return false;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true });
