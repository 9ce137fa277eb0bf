/**
 * Requests without a socket: the native router and the same chains, over a Web `Request` and back
 * to a `Response`. What the library answers by itself on a socket is answered here with the same
 * bytes.
 */

import { bodyOf, type PreparedAnswer } from "./answer.ts";
import { type Field, hasField, mergeFields } from "./answer-fields.ts";
import { failed, finish } from "./compose.ts";
import { problem, problemBody, problems } from "./errors.ts";
import { gatherTurn, streamOf } from "./fetch-stream.ts";
import { kind } from "./native/abi.ts";
import type { Program } from "./program.ts";
import { endPieces, isStreamSource, iterate, type StreamSource } from "./stream.ts";
import type { ProxyTrust } from "./trust-proxy.ts";
import { WebContext } from "./web-context.ts";

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
  const body =
    match.streamBody && request.body !== null
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
  body: ReadableStream<Uint8Array>,
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
  return body.pipeThrough(check);
}

function refusal(request: Request, code: "bad_path" | "body_too_large"): Response {
  const [status] = problems[code];
  const body = problemBody(status, code);
  return makeResponse(request.method, status, kind.problem, undefined, body);
}

function responseOf(ctx: WebContext, answer: PreparedAnswer): Response | Promise<Response> {
  const source = answer.body;
  if (isStreamSource(source)) return streamedResponse(ctx, answer, source);
  const body = bodyOf(answer.kind, source);
  const fields = mergeFields(ctx.draftFields, answer.fields);
  const { method } = ctx;
  ctx.end();
  return makeResponse(method, answer.statusOver(ctx), answer.kind, fields, body);
}

/** The context stays usable while the body is produced. */
async function streamedResponse(
  ctx: WebContext,
  answer: PreparedAnswer,
  source: StreamSource,
): Promise<Response> {
  const status = answer.statusOver(ctx);
  const pieces = iterate(source);
  if (bodiless.includes(status) || ctx.method === "HEAD") {
    await endPieces(pieces);
    const headers = headersOf(ctx, answer, answer.kind);
    if (!bodiless.includes(status)) promise(headers, answer.length);
    return new Response(null, { status, headers });
  }
  const typed = () => hasField(mergeFields(ctx.draftFields, answer.fields), "content-type");
  const { gathered, whole, rest } = await gatherTurn(pieces, answer.length, typed);
  const headers = headersOf(ctx, answer, answer.kindOfStream(gathered[0]));
  if (whole !== undefined) {
    headers.set("Content-Length", String(whole.length));
    ctx.end();
    return new Response(whole, { status, headers });
  }
  promise(headers, answer.length);
  ctx.headSent = true;
  return new Response(streamOf(rest, ctx), { status, headers });
}

function promise(headers: Headers, length: number | undefined): void {
  if (length !== undefined) headers.set("Content-Length", String(length));
}

function makeResponse(
  method: string,
  status: number,
  kindOfBody: number,
  fields: readonly Field[] | undefined,
  body: string | Uint8Array<ArrayBuffer>,
): Response {
  const empty = bodiless.includes(status);
  const headers = headersFrom(fields, empty ? undefined : contentTypes[kindOfBody]);
  if (status === 205) headers.set("Content-Length", "0");
  if (empty) return new Response(null, { status, headers });
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  headers.set("Content-Length", String(bytes.length));
  return new Response(method === "HEAD" ? null : bytes, { status, headers });
}

function headersOf(ctx: WebContext, answer: PreparedAnswer, kindOfBody: number): Headers {
  return headersFrom(mergeFields(ctx.draftFields, answer.fields), contentTypes[kindOfBody]);
}

function headersFrom(
  fields: readonly Field[] | undefined,
  contentType: string | undefined,
): Headers {
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
