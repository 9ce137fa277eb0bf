/** Smaller bodies for clients that can read them (RFC 9110 8.4, 12.5.3). */
import type { Answer, PreparedAnswer } from "../answer.ts";
import { isStreamSource, iterate, type Piece, type Pieces, type StreamSource } from "../stream.ts";
import {
  encodedBody,
  isBodiless,
  isBuffered,
  mediaTypeOf,
  replaceBody,
} from "./support/answer-body.ts";
import { addVary, fieldOf, hasDirective } from "./support/answer-head.ts";
import { type CodingName, codings, negotiate } from "./support/coding.ts";
import { CompressedPieces } from "./support/compressed-pieces.ts";
import { type AnyContext, type AnyMiddleware, after, whenReady } from "./support/middleware.ts";
import { checkOptions, checkWhole, invalidOption } from "./support/options.ts";

/** Options of `compress`. */
export interface CompressOptions {
  /**
   * Codings in the order in which they are taken where the client likes several the same: zstd, br
   * and gzip unless told. zstd makes bodies as small as the others do in a tenth of the time.
   */
  readonly codings?: readonly CodingName[];
  /**
   * Bytes from which a body is compressed: 1,024 unless told; below it one packet does anyway. A
   * stream counts when its length is not known.
   */
  readonly thresholdBytes?: number;
  /**
   * Bytes from which another thread compresses: 16,384 unless told, some 0.1 ms with zstd and
   * 0.7 ms with br, which is as long as other requests should wait.
   */
  readonly asyncFromBytes?: number;
  /**
   * Media types that are compressed: names, or patterns for the whole name. Text, JSON, XML,
   * JavaScript, WebAssembly, SVG and fonts unless told. Not `text/event-stream`: such streams are
   * many, stay for hours, and say little at a time; name it here if yours are different.
   */
  readonly types?: readonly (string | RegExp)[];
}

const typesDefault: readonly RegExp[] = [
  /text\/(?!event-stream).*/,
  /application\/(?:json|javascript|xml|wasm|x-ndjson|graphql|manifest\+json|rtf)/,
  /application\/.*\+(?:json|xml|text|yaml)/,
  /application\/(?:yaml|toml|x-yaml|vnd\.ms-fontobject)/,
  /image\/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)/,
  /font\/(?:otf|ttf|collection)/,
];

/** Fields that say something about the bytes as they are; a digest would be wrong (RFC 9530 2). */
const untouchable = ["content-encoding", "content-range", "content-digest"];

const thresholdDefault = 1024;
const asyncFromDefault = 16 * 1024;

/**
 * Compresses bodies as Accept-Encoding asks for, whole ones and streams; of a stream, everything so
 * far is sent whenever its producer pauses. A stream that is being compressed takes up to 1 MiB of
 * memory. Left alone are small bodies, types that are
 * compressed by themselves, answers with Content-Encoding, Content-Range or `no-transform`, those
 * to HEAD and to requests with Range, and what would not become smaller. Strong ETags become weak.
 * Do not compress pages that have both a secret and what a stranger can choose: their length tells
 * the secret (BREACH).
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layer(compress({ thresholdBytes: 2048 }));
 */
export function compress(options: CompressOptions = {}): AnyMiddleware {
  checkOptions("compress", options, ["codings", "thresholdBytes", "asyncFromBytes", "types"]);
  const names = checkCodings(options.codings ?? ["zstd", "br", "gzip"]);
  const most = 0xffff_ffff;
  const { thresholdBytes = thresholdDefault, asyncFromBytes = asyncFromDefault } = options;
  checkWhole("compress", "thresholdBytes", thresholdBytes, 0, most);
  checkWhole("compress", "asyncFromBytes", asyncFromBytes, 0, most);
  const isCompressible = typeTest(options.types ?? typesDefault);

  return (ctx, next) =>
    after(next(), (answer) => {
      if (answer.status === 304) {
        notModified(ctx, answer, negotiate(ctx.header("accept-encoding"), names) !== undefined);
        return undefined;
      }
      if (!isTransformable(ctx, answer)) return undefined;
      return whenReady(typeOf(ctx, answer), (type) => {
        if (!isCompressible(type)) return answer;
        // Also where it stays as it is: another client would have got something else.
        addVary(ctx, answer, "Accept-Encoding");
        if (ctx.method === "HEAD" || ctx.header("range") !== undefined) return answer;
        const name = negotiate(ctx.header("accept-encoding"), names);
        if (name === undefined) return answer;
        if (isStreamSource(answer.body)) return stream(ctx, answer, name, thresholdBytes);
        const bytes = encodedBody(answer);
        if (bytes.length < thresholdBytes) return answer;
        const coding = codings[name];
        const made = bytes.length < asyncFromBytes ? coding.now(bytes) : coding.later(bytes);
        return whenReady(made, (smaller) => {
          if (smaller.length < bytes.length) encode(ctx, answer, name, smaller);
          return answer;
        });
      });
    });
}

/** A stream whose length nobody knows may be long. */
function stream(ctx: AnyContext, answer: Answer, name: CodingName, thresholdBytes: number): Answer {
  const { length } = answer as PreparedAnswer;
  if (length !== undefined && length < thresholdBytes) return answer;
  encode(ctx, answer, name, new CompressedPieces(iterate(answer.body as StreamSource), name));
  return answer;
}

function encode(
  ctx: AnyContext,
  answer: Answer,
  name: CodingName,
  body: Uint8Array<ArrayBuffer> | StreamSource,
): void {
  replaceBody(answer, body);
  answer.headers.set("Content-Encoding", name);
  weaken(ctx, answer);
}

/**
 * The media type of an answer. Text of a stream is known by its first piece, for which its head
 * would have waited anyhow: once it is compressed, nobody could tell.
 */
function typeOf(ctx: AnyContext, answer: Answer): string | Promise<string> {
  const { body } = answer;
  const type = mediaTypeOf(ctx, answer);
  if (type !== "" || !isStreamSource(body) || ctx.method === "HEAD") return type;
  const pieces = iterate(body);
  const { length } = answer as PreparedAnswer;
  return whenReady(pieces.next(), (first) => {
    replaceBody(answer, behind(first, pieces));
    (answer as PreparedAnswer).length = length;
    if (first.done || typeof first.value !== "string") return "";
    answer.headers.set("Content-Type", "text/plain; charset=utf-8");
    return "text/plain";
  });
}

/** Pieces of which the first was read. */
function behind(first: IteratorResult<Piece, unknown>, pieces: Pieces): AsyncIterable<Piece> {
  let unread: typeof first | undefined = first;
  const rest: AsyncIterator<Piece, unknown> = {
    async next() {
      const step = unread ?? (await pieces.next());
      unread = undefined;
      return step;
    },
    async return(value) {
      await pieces.return?.();
      return { done: true, value };
    },
  };
  return { [Symbol.asyncIterator]: () => rest };
}

/**
 * A 304 has the fields that the 200 would have had (RFC 9110 15.4.5); with a strong ETag it would
 * not freshen the compressed answer that a cache holds (RFC 9111 4.3.4).
 */
function notModified(ctx: AnyContext, answer: Answer, encoded: boolean): void {
  if (hasDirective(fieldOf(ctx, answer, "cache-control"), "no-transform")) return;
  addVary(ctx, answer, "Accept-Encoding");
  if (encoded) weaken(ctx, answer);
}

/** The bytes are others, what they mean is the same (RFC 9110 8.8.1). */
function weaken(ctx: AnyContext, answer: Answer): void {
  const tag = fieldOf(ctx, answer, "etag");
  if (tag?.startsWith('"')) answer.headers.set("ETag", `W/${tag}`);
}

function isTransformable(ctx: AnyContext, answer: Answer): boolean {
  const { status } = answer;
  if (isBodiless(status) || status === 206) return false;
  if (!isBuffered(answer) && !isStreamSource(answer.body)) return false;
  if (untouchable.some((key) => fieldOf(ctx, answer, key) !== undefined)) return false;
  return !hasDirective(fieldOf(ctx, answer, "cache-control"), "no-transform");
}

function checkCodings(names: readonly CodingName[]): readonly CodingName[] {
  const wrong = Array.isArray(names) ? names.find((name) => !Object.hasOwn(codings, name)) : names;
  if (wrong !== undefined || names.length === 0) {
    throw invalidOption("compress", 'codings is a list of "zstd", "br" and "gzip"');
  }
  return names;
}

/** Asks the patterns once for each type; an application has a few dozen at most. */
function typeTest(types: readonly (string | RegExp)[]): (type: string) => boolean {
  if (!Array.isArray(types) || types.length === 0) {
    throw invalidOption("compress", "types is a list of media types that is not empty");
  }
  const patterns = types.map((type: unknown) => {
    if (type instanceof RegExp) {
      return new RegExp(`^(?:${type.source})$`, type.flags.replaceAll(/[gmy]/g, ""));
    }
    if (typeof type !== "string" || !/^[\w.+-]+\/[\w.+-]+$/.test(type)) {
      throw invalidOption("compress", `${String(type)} in types is no media type`);
    }
    return type.toLowerCase();
  });
  const known = new Map<string, boolean>();
  const knownMax = 256;
  return (type) => {
    let compressible = known.get(type);
    if (compressible === undefined) {
      compressible = patterns.some((pattern) =>
        pattern instanceof RegExp ? pattern.test(type) : pattern === type,
      );
      if (known.size < knownMax) known.set(type, compressible);
    }
    return compressible;
  };
}
