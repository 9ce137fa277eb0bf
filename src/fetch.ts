/**
 * Requests without a socket: the native router and the same chains, over a Web `Request` and back
 * to a `Response`. What the library answers by itself on a socket is answered here with the same
 * bytes.
 */

import { bodyOf, type PreparedAnswer } from "./answer.ts";
import { type Field, hasField, mergeFields } from "./answer-fields.ts";
import { failed, finish } from "./compose.ts";
import { problem, problemBody, problems } from "./errors.ts";
import { kind } from "./native/abi.ts";
import type { Match } from "./native/router.ts";
import type { Program, Target } from "./program.ts";
import { bodyIsStreamed, wholeBody } from "./request-body.ts";
import { RequestContext } from "./request-context.ts";
import { isStreamSource, iterate, readable, type StreamSource } from "./stream.ts";
import type { ProxyTrust } from "./trust-proxy.ts";

/** Content-Type of each kind of body, as `zig/http/encoder.zig` writes it. */
const contentTypes: Readonly<Record<number, string>> = {
  [kind.json]: "application/json",
  [kind.text]: "text/plain; charset=utf-8",
  [kind.html]: "text/html; charset=utf-8",
  [kind.bytes]: "application/octet-stream",
  [kind.problem]: "application/problem+json",
};

/** Statuses whose answers have no content (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
const bodiless: readonly number[] = [204, 205, 304];

const noBytes = new Uint8Array(0);
const decoder = new TextDecoder();

/**
 * Answers a request by a compiled application; `ip` is what its context has as the address of the
 * other end, `trust` how far it believes proxies.
 */
export async function answerRequest(
  program: Program,
  request: Request,
  ip: string,
  trust: ProxyTrust | undefined,
): Promise<Response> {
  const target = targetOf(request.url);
  const match = program.router.match(request.method, target);
  if (match === undefined) return refusal(request, "bad_path");
  const end = program.target(match.handler);
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > match.bodyLimit) return refusal(request, "body_too_large");
  const body = match.streamBody
    ? limited(request.body, match.bodyLimit)
    : await readBody(request, match.bodyLimit);
  if (body === undefined) return refusal(request, "body_too_large");
  const ctx = new WebContext(request, target, match, end, body, ip, trust);
  const chain = end.chain(match.coverage);
  let answer: PreparedAnswer;
  try {
    answer = await finish(ctx, chain.step(ctx), chain.scope);
  } catch (error) {
    answer = await failed(ctx, error, chain.scope);
  }
  try {
    return await responseOf(ctx, answer);
  } catch (error) {
    // The body cannot be written as JSON, which is found out only now.
    return responseOf(ctx, await failed(ctx, error, chain.scope));
  }
}

/** Path and query as they would stand in a request line. */
function targetOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.indexOf("#", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

/** The whole body; undefined when it exceeds the limit. */
async function readBody(
  request: Request,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (request.body === null) return noBytes;
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let total = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    total += chunk.byteLength;
    if (total > limit) return undefined;
    sink.write(chunk);
  }
  return sink.end() as Uint8Array<ArrayBuffer>;
}

/** A body that its handler takes as it comes. */
function limited(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = limit;
  const check = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left < 0) controller.error(problem("body_too_large"));
      else controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
    },
  });
  return (body ?? wholeBody(noBytes)).pipeThrough(check);
}

function refusal(request: Request, code: "bad_path" | "body_too_large"): Response {
  const [status] = problems[code];
  const body = problemBody(status, code);
  return makeResponse(request.method, status, kind.problem, undefined, body);
}

function responseOf(ctx: WebContext, answer: PreparedAnswer): Response | Promise<Response> {
  const status = answer.statusOver(ctx);
  const fields = mergeFields(ctx.draftFields, answer.fields);
  const method = ctx.method;
  const source = answer.body;
  if (isStreamSource(source)) return streamedResponse(ctx, answer, fields, source);
  const body = bodyOf(answer.kind, source);
  ctx.answered = true;
  ctx.release();
  return makeResponse(method, status, answer.kind, fields, body);
}

/** The context stays usable while the body is produced. */
async function streamedResponse(
  ctx: WebContext,
  answer: PreparedAnswer,
  fields: readonly Field[] | undefined,
  source: StreamSource,
): Promise<Response> {
  const status = answer.statusOver(ctx);
  const { method } = ctx;
  ctx.headSent = true;
  const pieces = iterate(source);
  const length = bodiless.includes(status) ? undefined : answer.length;
  if (bodiless.includes(status) || method === "HEAD") {
    await pieces.return?.();
    const headers = headersOf(fields, contentTypes[answer.kind]);
    if (length !== undefined) headers.set("Content-Length", String(length));
    return new Response(null, { status, headers });
  }
  // Whether it is text is known only when there is some.
  const first = hasField(fields, "content-type") ? undefined : await pieces.next();
  const kindOfBody = answer.kindOfStream(first?.done ? undefined : first?.value);
  const headers = headersOf(fields, contentTypes[kindOfBody]);
  if (length !== undefined) headers.set("Content-Length", String(length));
  return new Response(readable(pieces, first), { status, headers });
}

function makeResponse(
  method: string,
  status: number,
  kindOfBody: number,
  fields: readonly Field[] | undefined,
  body: string | Uint8Array<ArrayBuffer>,
): Response {
  const empty = bodiless.includes(status);
  const headers = headersOf(fields, empty ? undefined : contentTypes[kindOfBody]);
  if (status === 205) headers.set("Content-Length", "0");
  if (empty) return new Response(null, { status, headers });
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  headers.set("Content-Length", String(bytes.length));
  return new Response(method === "HEAD" ? null : bytes, { status, headers });
}

function headersOf(fields: readonly Field[] | undefined, contentType: string | undefined): Headers {
  const headers = new Headers();
  if (contentType !== undefined) headers.set("Content-Type", contentType);
  const replaced = new Set<string>();
  for (const { name, key, value } of fields ?? []) {
    // A Content-Type of the application takes the place of ours; its own repeated fields stay.
    if (key === "content-type" && !replaced.has(key)) headers.delete(key);
    replaced.add(key);
    headers.append(name, value);
  }
  return headers;
}

/** The context of a request that came without a socket. */
class WebContext extends RequestContext {
  readonly #request: Request;
  readonly #target: string;
  readonly #match: Match;
  readonly #end: Target;
  readonly #body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #ip: string;
  readonly #trust: ProxyTrust | undefined;

  constructor(
    request: Request,
    target: string,
    match: Match,
    end: Target,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    ip: string,
    trust: ProxyTrust | undefined,
  ) {
    super();
    this.#request = request;
    this.#target = target;
    this.#match = match;
    this.#end = end;
    this.#body = body;
    this.#ip = ip;
    this.#trust = trust;
  }

  get method(): string {
    this.check();
    return this.#request.method;
  }

  get path(): string {
    this.check();
    return this.#match.path;
  }

  get socketIp(): string {
    this.check();
    return this.#ip;
  }

  protected get ownHost(): string {
    this.check();
    return this.#request.headers.get("host") ?? new URL(this.#request.url).host;
  }

  protected get trust(): ProxyTrust | undefined {
    return this.#trust;
  }

  protected get ownSecure(): boolean {
    this.check();
    return this.#request.url.startsWith("https:");
  }

  get allow(): string {
    return this.#match.allow;
  }

  /** `Headers` has joined the lines of one name already, so there is one of each. */
  fieldValue(name: string, nth: number): string | undefined {
    this.check();
    if (nth > 0) return undefined;
    try {
      return this.#request.headers.get(name) ?? undefined;
    } catch {
      // Not a token, so no field has this name.
      return undefined;
    }
  }

  fieldLines(): readonly (readonly [name: string, value: string])[] {
    this.check();
    return [...this.#request.headers];
  }

  protected get target(): string {
    this.check();
    return this.#target;
  }

  protected get search(): string {
    this.check();
    const start = this.#target.indexOf("?");
    return start === -1 ? "" : this.#target.slice(start + 1);
  }

  protected get captures(): Target {
    return this.#end;
  }

  protected capture(index: number, slash: string): string | undefined {
    return this.#match.captures[index]?.replaceAll("\0", slash);
  }

  get signal(): AbortSignal {
    this.check();
    return this.#request.signal;
  }

  protected bodyText(): string {
    return decoder.decode(this.#whole());
  }

  protected bodyBytes(): Uint8Array<ArrayBuffer> {
    return this.#whole().slice();
  }

  protected bodyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#body instanceof ReadableStream ? this.#body : wholeBody(this.bodyBytes());
  }

  #whole(): Uint8Array<ArrayBuffer> {
    if (this.#body instanceof ReadableStream) throw bodyIsStreamed();
    return this.#body;
  }
}
