/** Bodies of requests that come compressed (RFC 9110 8.4), within a cap. */

import { bodyLimitDefault } from "../environment.ts";
import { HTTPError, problems } from "../errors.ts";
import { listItems } from "../field-list.ts";
import { iterate, type Pieces, readable } from "../stream.ts";
import {
  InflatedPieces,
  inflate,
  type RequestCodingName,
  requestCodings,
} from "./support/inflate.ts";
import { type AnyContext, type AnyMiddleware, whenReady } from "./support/middleware.ts";
import { checkOptions, checkWhole, invalidOption } from "./support/options.ts";
import { gatheredBody, replaceBody } from "./support/request-body.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Options of `decompress`. */
export interface DecompressOptions {
  /**
   * Bytes that a decoded body may have: 1 MiB unless told, as many as the server takes of one that
   * is sent as it is. What is sent is limited by `bodyLimit`.
   */
  readonly maxBytes?: number;
  /** Codings that are decoded: gzip, br, zstd and deflate unless told. */
  readonly codings?: readonly RequestCodingName[];
}

/** One is usual, a second can come from a proxy; each more multiplies what a bomb can do. */
const chainMax = 2;

/**
 * Decodes bodies of requests that have a Content-Encoding. Handlers and the middleware inside see
 * the body, and its fields, as if they had been sent without. Decoding stops at `maxBytes` with 413
 * `body_too_large`; a coding that is not decoded gets 415 `unsupported_encoding` with the known
 * ones in Accept-Encoding, bytes that are no such coding 400 `invalid_encoding`. On routes with
 * `streamBody` the body is decoded while it is read, and reading it fails with these errors.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/import", decompress({ maxBytes: 16 * 1024 * 1024 }));
 */
export function decompress(options: DecompressOptions = {}): AnyMiddleware {
  checkOptions("decompress", options, ["maxBytes", "codings"]);
  const { maxBytes = bodyLimitDefault, codings = ["gzip", "br", "zstd", "deflate"] } = options;
  checkWhole("decompress", "maxBytes", maxBytes, 1, 0xffff_ffff);
  const wrong = Array.isArray(codings)
    ? codings.find((name) => !Object.hasOwn(requestCodings, name))
    : codings;
  if (wrong !== undefined || codings.length === 0) {
    throw invalidOption("decompress", 'codings is a list of "gzip", "br", "zstd" and "deflate"');
  }
  return (ctx, next) => {
    const field = ctx.header("content-encoding");
    if (field === undefined) return next();
    const chain = chainOf(field, codings);
    if (chain.length === 0) return next();
    const whole = gatheredBody(ctx);
    if (whole === undefined) {
      stream(ctx, chain, maxBytes);
      return next();
    }
    if (whole.length === 0) return next();
    return whenReady(decode(whole, chain, maxBytes), (bytes) => {
      replace(ctx, bytes, String(bytes.length));
      return next();
    });
  };
}

/**
 * The codings of a Content-Encoding in the order in which they have to be undone, the last first.
 * "identity" says nothing (RFC 9110 8.4.1).
 */
function chainOf(field: string, known: readonly RequestCodingName[]): RequestCodingName[] {
  const names = listItems([field.toLowerCase()])
    .filter((name) => name !== "identity")
    .map((name) => (name === "x-gzip" ? "gzip" : name));
  const isKnown = (name: string): name is RequestCodingName =>
    (known as readonly string[]).includes(name);
  if (names.length > chainMax || !names.every(isKnown)) throw unsupported(known);
  return names.reverse();
}

/** RFC 9110 15.5.16: Accept-Encoding says what would have been taken (12.5.3). */
function unsupported(known: readonly RequestCodingName[]): HTTPError {
  return new HTTPError(
    problems.unsupported_encoding[0],
    "unsupported_encoding",
    `The body is decoded from ${chainMax} codings at most, out of ${known.join(", ")}.`,
    { headers: { "Accept-Encoding": known.join(", ") } },
  );
}

function decode(
  bytes: Bytes,
  chain: readonly RequestCodingName[],
  maxBytes: number,
): Bytes | Promise<Bytes> {
  const [name, ...rest] = chain;
  if (name === undefined) return bytes;
  return whenReady(inflate(bytes, name, maxBytes), (inner) => decode(inner, rest, maxBytes));
}

function stream(ctx: AnyContext, chain: readonly RequestCodingName[], maxBytes: number): void {
  let pieces: Pieces = iterate(ctx.body);
  for (const name of chain) pieces = new InflatedPieces(pieces, name, maxBytes);
  replace(ctx, readable(pieces) as ReadableStream<Bytes>, undefined);
}

function replace(
  ctx: AnyContext,
  body: Bytes | ReadableStream<Bytes>,
  length: string | undefined,
): void {
  const fields = { "content-encoding": undefined, "content-length": length };
  replaceBody(ctx, body, fields);
}
