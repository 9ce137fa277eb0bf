/**
 * What a call gives: a union of answers, told apart by their status. Read by the compiler alone;
 * `receive.ts` makes the values.
 */
import type { Success } from "../status-types.ts";
import type { EventsOf } from "./event-types.ts";
import type { WireBody } from "./wire.ts";

/** How the body of a success is read; "auto" goes by its Content-Type. */
export type BodyAs = "auto" | "json" | "text" | "bytes" | "blob" | "stream" | "events";

/** One answer. */
export interface ClientAnswer<Status extends number = number, Body = unknown> {
  readonly status: Status;
  /** The status is one of success, 200 to 299. */
  readonly ok: OkOf<Status>;
  readonly headers: Headers;
  /**
   * By Content-Type, unless `as` says otherwise: JSON parsed, text as a string, anything else as
   * bytes; null when there is none.
   */
  readonly body: Body;
  /** The body of an answer with `application/problem+json`. */
  readonly problem: Problem | undefined;
  /** The `Response` itself, whose body has been read. */
  readonly response: Response;
}

/** Body of errors (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** Stable, for programs: "not_found". */
  readonly code: string;
  /** For people. */
  readonly detail?: string;
  readonly [member: string]: unknown;
}

/** Body of 422, where a request does not fit the schemas of its route. */
export interface ValidationProblem extends Problem {
  readonly errors: readonly ValidationIssue[];
}

/** One field that does not fit. */
export interface ValidationIssue {
  readonly in: "params" | "query" | "headers" | "cookies" | "body";
  /** JSON Pointer (RFC 6901) into that part. */
  readonly pointer: string;
  readonly message: string;
  readonly expected?: string;
}

/** The answers of an entry of the flat map, with successes read as `As`. */
export type AnswersTo<Entry, As extends BodyAs> = Entry extends { readonly answers: infer Answers }
  ? Declared<Answers, Entry, As> | Refused<Entry, keyof Answers> | Others<Answers, Entry, As>
  : ClientAnswer;

/** The body of a success. */
export type SuccessBody<Answer extends ClientAnswer> = Answer extends { readonly ok: false }
  ? never
  : Answer["body"];

type OkOf<Status extends number> = number extends Status
  ? boolean
  : `${Status}` extends `2${string}`
    ? true
    : false;

type Declared<Answers, Entry, As extends BodyAs> = {
  [Status in keyof Answers & number]: ClientAnswer<
    Status,
    OkOf<Status> extends false
      ? WireBody<Answers[Status]> | RefusalOf<Entry, Status>
      : Status extends 204 | 205
        ? null
        : BodyKinds<Answers[Status], Entry>[As]
  >;
}[keyof Answers & number];

/** What the server itself answers where it refuses a request; a hook may answer otherwise. */
type RefusalOf<Entry, Status> =
  Status extends RefusedStatus<Entry> ? (Status extends 422 ? ValidationProblem : Problem) : never;

/** What a route with schemas refuses, and says nothing of. */
type Refused<Entry, Known> =
  | (Validates<Entry> extends true ? Undeclared<422, Known, ValidationProblem> : never)
  | (TakesBody<Entry> extends true ? Undeclared<400 | 415, Known, Problem> : never);

/** Every other status: one of success only where the route declares none. */
type Others<Answers, Entry, As extends BodyAs> =
  | Undeclared<Exclude<OtherStatus, RefusedStatus<Entry>>, keyof Answers, unknown>
  | ([keyof Answers & Success] extends [never]
      ? ClientAnswer<Success, BodyKinds<unknown, Entry>[As]>
      : never);

type Undeclared<Status extends number, Known, Body> =
  Exclude<Status, Known> extends infer Left extends number
    ? [Left] extends [never]
      ? never
      : ClientAnswer<Left, Body>
    : never;

type RefusedStatus<Entry> =
  | (Validates<Entry> extends true ? 422 : never)
  | (TakesBody<Entry> extends true ? 400 | 415 : never);

type TakesBody<Entry> = Entry extends { readonly body: undefined } ? false : true;

type Validates<Entry> = Entry extends {
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: undefined;
  readonly headers: undefined;
  readonly cookies: undefined;
  readonly body: undefined;
}
  ? false
  : true;

interface BodyKinds<Body, Entry> {
  readonly auto: WireBody<Body>;
  readonly json: WireBody<Body>;
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly blob: Blob;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly events: AsyncIterable<EventsOf<Entry, "json">>;
}

/** What a server, or anything before it, may answer instead. */
type OtherStatus =
  | (300 | 301 | 302 | 303 | 304 | 305 | 307 | 308)
  | (400 | 401 | 402 | 403 | 404 | 405 | 406 | 407 | 408 | 409 | 410 | 411 | 412 | 413 | 414)
  | (415 | 416 | 417 | 418 | 421 | 422 | 423 | 424 | 425 | 426 | 428 | 429 | 431 | 451)
  | (500 | 501 | 502 | 503 | 504 | 505 | 506 | 507 | 508 | 510 | 511);
