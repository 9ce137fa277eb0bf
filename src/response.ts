/**
 * From what a handler returned to the one form of answers, and helpers that make answers outside of
 * a context. Called by `compose.ts`, `static.ts` and the dispatch.
 */

import { type Answer, bytesOf, checkStatus, isBytes, kindOf, PreparedAnswer } from "./answer.ts";
import { type Field, fieldsFrom, hasField, isReserved, setField } from "./answer-fields.ts";
import type { AnswerInit, Bytes } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { kind } from "./native/abi.ts";

/** Bytes of one `Response` that are gathered before it is sent. */
const gatheredBytesMax = 64 * 1024 * 1024;

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
      if (isWebBody(value)) return prepareResponse(new Response(value), drafted);
    }
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
export function text(value: string, init?: AnswerInit): Answer {
  return answerOf(kind.text, value, init);
}

/** An answer with `application/json`, made without a context. */
export function json(value: unknown, init?: AnswerInit): Answer {
  return answerOf(kind.json, value, init);
}

/** An answer with `text/html`, made without a context. */
export function html(value: string, init?: AnswerInit): Answer {
  return answerOf(kind.html, value, init);
}

/** An answer with `application/octet-stream`, made without a context. */
export function bytes(value: Bytes, init?: AnswerInit): Answer {
  return answerOf(kind.bytes, bytesOf(value), init);
}

/**
 * An answer that sends the client elsewhere. Characters beyond ASCII are percent-encoded.
 *
 * @throws ChopinError `invalid_header` for a location with control characters, `invalid_status` for
 * a status other than 301, 302, 303, 307 and 308.
 */
export function redirect(location: string, status = 302): Answer {
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

export function answerOf(kindOfBody: number, body: unknown, init: AnswerInit | undefined): Answer {
  if (init === undefined) return new PreparedAnswer(kindOfBody, body, 0, undefined);
  if (typeof init === "number") {
    return new PreparedAnswer(kindOfBody, body, checkStatus(init), undefined);
  }
  const status = init.status === undefined ? 0 : checkStatus(init.status);
  return new PreparedAnswer(kindOfBody, body, status, fieldsFrom(init.headers));
}

function isWebBody(value: object): value is Blob | ReadableStream | URLSearchParams | FormData {
  return (
    value instanceof Blob ||
    value instanceof ReadableStream ||
    value instanceof URLSearchParams ||
    value instanceof FormData
  );
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
  return gather(body).then((gathered) => {
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

/** Reads a stream to its end, so that its length is known when the head is written. */
async function gather(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let total = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
    total += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
    if (total > gatheredBytesMax) {
      throw new ChopinError(
        "answer_too_large",
        `A Response is gathered up to ${gatheredBytesMax} bytes before it is sent.`,
      );
    }
    sink.write(chunk);
  }
  return sink.end() as Uint8Array<ArrayBuffer>;
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
