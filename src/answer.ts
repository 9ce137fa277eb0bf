/**
 * One answer in the form that is sent. `response.ts` makes it from what a handler returned,
 * middleware changes it, `native/dispatch.ts` and `fetch.ts` write it.
 */
import type { Field } from "./answer-fields.ts";
import { AnswerHeaders } from "./answer-headers.ts";
import type { Bytes } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { kind } from "./native/abi.ts";
import { errorOf } from "./refused.ts";
import { isStreamSource, type Piece } from "./stream.ts";

declare const answered: unique symbol;
declare const eventsSent: unique symbol;

/**
 * The answer of a handler as middleware sees and changes it: `const answer = await next()`. `Code`
 * and `Body` are what a route's `response` schema is compared with, where they are known.
 */
export interface Answer<Code extends number = number, Body = unknown> {
  /** For the compiler alone. */
  readonly [answered]?: readonly [code: Code, body: Body];
  /** Status that will be sent. */
  status: number;
  /** Fields that will be sent; Content-Type only where the program set it. */
  readonly headers: AnswerHeaders;
  /**
   * String, bytes, null, a stream, or a value that is sent as JSON. A new body gets the
   * Content-Type that a handler's return value would get.
   */
  body: unknown;
  /** What was thrown, when this is the answer to an error. */
  readonly error: unknown;
  /** The body's bytes as they will be sent. Throws `body_is_streamed` for a stream. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** An answer without a value that a `response` schema could be compared with. */
export type OtherAnswer = Answer<never, never>;

/** An answer with server-sent events of these types. */
export interface EventsAnswer<Event> extends OtherAnswer {
  /** For the compiler alone. */
  readonly [eventsSent]: Event;
}

/** The part of a context that decides about its answer's head. */
export interface Draft {
  draftStatus: number;
  draftFields: Field[] | undefined;
}

const encoder = new TextEncoder();

/** See `Answer`. Fields that only Chopin uses are not part of that interface. */
export class PreparedAnswer implements Answer {
  kind: number;
  /** 0: not decided. */
  ownStatus: number;
  fields: Field[] | undefined;
  /** Native code has exactly this answer too, as long as nothing changes it. */
  native: boolean;
  /** Bytes that a streamed body was said to have. */
  length: number | undefined;
  #body: unknown;
  #draft: Draft | undefined;
  #error: unknown;

  constructor(kindOfBody: number, body: unknown, status: number, fields: Field[] | undefined) {
    this.kind = kindOfBody;
    this.ownStatus = status;
    this.fields = fields;
    this.native = false;
    this.length = undefined;
    this.#body = body;
    this.#draft = undefined;
    this.#error = undefined;
  }

  /** A copy that belongs to one request: a program may return one object for many requests. */
  bind(draft: Draft): PreparedAnswer {
    if (this.#draft === draft) return this;
    const copy = new PreparedAnswer(this.kind, this.#body, this.ownStatus, this.fields?.slice());
    copy.native = this.native;
    copy.#error = this.#error;
    copy.length = this.length;
    return copy.own(draft);
  }

  /** Makes this answer itself part of a request; for one that nobody else has. */
  own(draft: Draft): this {
    this.ownStatus ||= draft.draftStatus || defaultStatus(this.kind, this.#body);
    draft.draftStatus = 0;
    this.#draft = draft;
    return this;
  }

  get status(): number {
    return this.statusOver(this.#draft);
  }

  set status(status: number) {
    this.ownStatus = checkStatus(status);
    this.native = false;
    if (this.#draft !== undefined) this.#draft.draftStatus = 0;
  }

  get error(): unknown {
    return errorOf(this.#error);
  }

  set error(error: unknown) {
    this.#error = error;
  }

  get body(): unknown {
    return this.#body;
  }

  set body(value: unknown) {
    const given = isBytes(value) ? bytesOf(value) : value;
    const kindOfBody = kindOf(given);
    this.kind = this.kind === kind.html && kindOfBody === kind.text ? kind.html : kindOfBody;
    this.#body = given;
    this.length = undefined;
    this.native = false;
    // Whoever puts a body there answers in place of a WebSocket.
    if (this.ownStatus === 101) this.ownStatus = 0;
  }

  get headers(): AnswerHeaders {
    return new AnswerHeaders(this, this.#draft);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    if (isStreamSource(this.#body)) {
      throw new ChopinError(
        "body_is_streamed",
        "This answer is a stream: its bytes exist only while it is sent. See `answer.body`.",
      );
    }
    const body = bodyOf(this.kind, this.#body);
    return typeof body === "string" ? encoder.encode(body) : body.slice();
  }

  /** The status that goes out under what the context says. */
  statusOver(draft: Draft | undefined): number {
    const drafted = draft === undefined ? 0 : draft.draftStatus;
    if (this.#draft !== undefined && drafted !== 0) return drafted;
    return this.ownStatus || drafted || defaultStatus(this.kind, this.#body);
  }

  /**
   * The kind that goes with a stream's first piece: text is known as such; of bytes that the
   * program gave no Content-Type nothing is said.
   */
  kindOfStream(first: Piece | undefined): number {
    return this.kind === kind.none && typeof first === "string" ? kind.text : this.kind;
  }

  /** Native code may give this answer by itself. */
  isUntouched(draft: Draft): boolean {
    return this.native && draft.draftStatus === 0 && draft.draftFields === undefined;
  }
}

/** The body of an answer as it is sent: text to encode as UTF-8, or bytes. */
export function bodyOf(kindOfBody: number, body: unknown): string | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  if (kindOfBody === kind.json) return JSON.stringify(body) ?? "null";
  return typeof body === "string" ? body : "";
}

/**
 * The kind of body that a plain value is sent as.
 *
 * @throws ChopinError `invalid_answer` for functions, symbols and bigints.
 */
export function kindOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return kind.text;
    case "undefined":
      return kind.none;
    case "number":
    case "boolean":
      return kind.json;
    case "object":
      if (value === null || isStreamSource(value)) return kind.none;
      return value instanceof Uint8Array ? kind.bytes : kind.json;
    default:
      throw new ChopinError("invalid_answer", `A handler cannot answer with a ${typeof value}.`);
  }
}

/** Plain objects and arrays, which are sent as JSON. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return true;
  return (prototype === Object.prototype || prototype === null) && !(Symbol.asyncIterator in value);
}

/** Buffers and views of every kind. */
export function isBytes(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/** The same memory as bytes; what lies in shared memory is copied, since it could change. */
export function bytesOf(value: Bytes): Uint8Array<ArrayBuffer> {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value.buffer instanceof ArrayBuffer) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}

/**
 * @throws ChopinError `invalid_status` for what is no status of a final answer (RFC 9110 15).
 */
export function checkStatus(status: number): number {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new ChopinError("invalid_status", `An answer has a status from 200 to 599: ${status}.`);
  }
  return status;
}

function defaultStatus(kindOfBody: number, body: unknown): number {
  return kindOfBody === kind.none && (body === null || body === undefined) ? 204 : 200;
}
