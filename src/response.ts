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
import { type FieldsInit, fieldsFrom, setField } from "./answer-fields.ts";
import type { AnswerInit, Bytes } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { kind } from "./native/abi.ts";
import { isStreamSource, type StreamSource } from "./stream.ts";
import { checkLength, prepareResponse } from "./web-response.ts";

/** Options of an answer whose body comes in pieces. */
export interface StreamInit {
  readonly status?: number;
  readonly headers?: FieldsInit;
  /** Bytes that the body will have, when that is known; another number breaks the connection. */
  readonly length?: number;
}

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

function isWebBody(value: object): value is Blob | URLSearchParams | FormData {
  return value instanceof Blob || value instanceof URLSearchParams || value instanceof FormData;
}
