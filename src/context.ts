/** What a handler sees of its request, and how it answers. */

import type { Answer, EventsAnswer, OtherAnswer } from "./answer.ts";
import type { FieldsInit } from "./answer-fields.ts";
import type { EventProducer, EventsOptions, ServerEvent } from "./events.ts";
import type { FileOptions } from "./files.ts";
import type { Form, FormLimits, FormOptions, Part } from "./form.ts";
import type { RequestHeaders } from "./headers.ts";
import type { Query } from "./query.ts";
import type { StreamInit } from "./response.ts";
import type { StreamSource } from "./stream.ts";

/**
 * State that middleware shares with handlers. Name your own members once for the whole program, or
 * give an application its own type: `new Chopin<{ user: User }>()`.
 *
 * @example
 * declare module "chopin" { interface State { user: User } }
 */
export interface State {
  [name: string]: unknown;
}

/** Captures of a path by name. */
export type Params = Readonly<Record<string, string | undefined>>;

/** A status, or a status and fields, given with an answer. */
export type AnswerInit<Status extends number = number> =
  | Status
  | { readonly status?: Status; readonly headers?: FieldsInit };

/** Cookies of a request by name; of repeated names the first value. */
export type RequestCookies = Readonly<Record<string, string | undefined>>;

/** The body of a request as it comes. */
export type BodyStream = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Bytes that an answer can have as its body. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * One request and its answer. Members read native memory only when they are used. A handler may
 * keep the context across `await`; once the answer is sent every member throws
 * `ContextUsedAfterAnswer`.
 *
 * Take single members by destructuring (`({ params }) => …`); methods need their object. Parts that
 * have a schema in the options of the route are what their schema makes of them.
 */
export interface Context<
  P = Params,
  S extends object = State,
  Q = Query,
  H = RequestHeaders,
  C = RequestCookies,
  B = BodyStream,
> {
  /** Method token, such as "GET". */
  readonly method: string;
  /**
   * Canonical path: every segment decoded once; a slash inside a segment stays "%2F" and a percent
   * sign is "%25". It is the path that routes and middleware prefixes see.
   */
  readonly path: string;
  /** Pattern of the route, such as "/users/:id"; "" where no route has the path. */
  readonly route: string;
  /** Captures of the route's path, decoded; those of `:name?` that are absent are missing. */
  readonly params: P;
  /** Fields of the query; of repeated names the first value. See `queries`. */
  readonly query: Q;
  /** Every value of one query field, in order. */
  queries(name: string): string[];
  /** Fields of the request, read-only. */
  readonly headers: H;
  /**
   * Cookies of the request, decoded, in an object without prototype. The middleware `cookies` reads
   * signed ones and sets them.
   *
   * @throws HTTPError 400 `too_many_cookies` above 512.
   */
  readonly cookies: C;
  /**
   * Address of the client, without port; "" over a unix socket. Behind a proxy it is the proxy's,
   * unless `trustProxy` says which proxies are believed; `host`, `url` and `secure` follow the same
   * proxies.
   */
  readonly ip: string;
  /** Address of the other end of the socket, whatever proxies say. */
  readonly socketIp: string;
  /** Authority of the request: Host, or that of an absolute target; with port, when it was sent. */
  readonly host: string;
  /** The whole URL as text. */
  readonly url: string;
  /** True when the client's transport was TLS. */
  readonly secure: boolean;
  /** A Web `Request` with a copy of everything, made on first use. */
  readonly request: Request;
  /**
   * The body as a stream, which can also be iterated: `for await (const chunk of ctx.body)`. On
   * routes with `streamBody` it comes as it arrives, and only as fast as it is read; reading fails
   * with 413 `body_too_large`, 408 `request_timeout`, or an AbortError when the client leaves. With
   * a schema for the body it is the value.
   */
  readonly body: B;
  /**
   * Aborted when nobody waits for the answer any more: the connection was lost, or, while a stream
   * is sent, its client ended it.
   */
  readonly signal: AbortSignal;
  /** State shared by middleware and handler, fresh for every request. */
  readonly state: S;

  /** One capture by name. */
  param<Name extends keyof P & string>(name: Name): P[Name];

  /** A field of the request; several lines of one name are joined. */
  header(name: string): string | undefined;
  /**
   * Sets a field of the answer. It replaces others of its name; with `append` it is added beside
   * them, as Set-Cookie needs.
   *
   * @throws ChopinError `invalid_header` for what must not be sent.
   */
  header(name: string, value: string, options?: { readonly append?: boolean }): this;

  /**
   * The body as text (UTF-8). It was read completely before the handler ran, so nothing is awaited.
   */
  text(): string;
  /** An answer with `text/plain`. */
  text<const Status extends number = 200>(
    value: string,
    init?: AnswerInit<Status>,
  ): Answer<NoInfer<Status>, string>;

  /**
   * The body parsed as JSON.
   *
   * @throws HTTPError 400 `invalid_json`.
   */
  json<T = unknown>(): T;
  /** An answer with `application/json`. */
  json<V, const Status extends number = 200>(
    value: V,
    init?: AnswerInit<Status>,
  ): Answer<NoInfer<Status>, V>;

  /** The body; a copy that is yours. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** An answer with `application/octet-stream`. */
  bytes(value: Bytes, init?: AnswerInit): OtherAnswer;

  /** An answer with `text/html`. */
  html(value: string, init?: AnswerInit): OtherAnswer;
  /**
   * The body as a form, `application/x-www-form-urlencoded` or `multipart/form-data`, received
   * completely. What it keeps on disk is removed once the answer is sent.
   *
   * @throws HTTPError 415 `unsupported_media_type`, 400 `invalid_form`, 413 `too_many_parts`,
   * `part_too_large`, `body_too_large`; ChopinError `invalid_option`.
   * @example
   * const form = await ctx.form({ files: "disk" });
   * return { name: form.get("name"), bytes: form.file("picture")?.size };
   */
  form(options?: FormOptions): Promise<Form>;
  /**
   * The parts of a form one by one; on routes with `streamBody` while they arrive.
   *
   * @throws HTTPError as `form`, when a part is asked for or read.
   * @example
   * for await (const part of ctx.parts()) if (part.filename) await store(part.stream());
   */
  parts(options?: FormLimits): AsyncIterable<Part>;
  /**
   * An answer with server-sent events, from a generator function, an async iterable, or a function
   * that is given a stream to send on. What a generator yields has its types in `chopin/client`
   * too; so has what a stream sends, where it is typed: `(stream: EventStream<Price>) => …`.
   *
   * @throws ChopinError `invalid_option`.
   * @example
   * return ctx.events(async function* () {
   *   for await (const price of prices()) yield { event: "price", data: price };
   * });
   */
  events<
    const E extends ServerEvent | string = never,
    S extends ServerEvent | string = ServerEvent | string,
  >(
    producer: EventProducer<E, S>,
    options?: EventsOptions,
  ): EventsAnswer<[E] extends [never] ? S : E>;
  /**
   * An answer whose body comes in pieces of text or bytes. What can be iterated asynchronously may
   * also be returned as it is.
   *
   * @example
   * return ctx.stream(rows(), { headers: { "Content-Type": "text/csv" } });
   */
  stream(source: StreamSource, init?: StreamInit): OtherAnswer;
  /**
   * An answer with the content of a file: conditions, ranges and encodings of the request are
   * considered. See `file`.
   *
   * @throws HTTPError 404 when there is no such file, 412 and 416 for what the request asks of it.
   */
  file(path: string, options?: FileOptions): OtherAnswer;
  /**
   * An answer that sends the client elsewhere; `status` is 301, 302 (unless told), 303, 307 or 308.
   */
  redirect(location: string, status?: number): OtherAnswer;
  /** Status of the answer, unless what the handler returns has its own. */
  status(code: number): this;
  /** Closes the connection after this answer. */
  close(): this;
}

/** Any context, of a route with or without schemas: for functions that contexts are passed to. */
export type AnyContext = Context<unknown, object, unknown, unknown, unknown, unknown>;
