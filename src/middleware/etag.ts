/** Validators made from bodies, and 304 for what the client has (RFC 9110 8.8.3, 13.1.2). */
import type { Answer } from "../answer.ts";
import { encodedBody, isBuffered } from "./support/answer-body.ts";
import { fieldOf, hasDirective } from "./support/answer-head.ts";
import { isKnown } from "./support/entity-tag.ts";
import { type AnyContext, type AnyMiddleware, after } from "./support/middleware.ts";
import { checkFlag, checkOptions } from "./support/options.ts";

/** Options of `etag`. */
export interface EtagOptions {
  /**
   * Makes strong validators with SHA-256, for bodies that are the same byte by byte. False unless
   * told: weak ones with a faster hash do for 304, and hold when the body is compressed.
   */
  readonly strong?: boolean;
}

/** Fields of a 200 that a 304 does not repeat (RFC 9110 15.4.5). */
const representation = ["Content-Type", "Content-Encoding", "Content-Language", "Last-Modified"];

/**
 * Gives an ETag to what GET and HEAD are answered with 200, unless the handler set one, and answers
 * 304 when If-None-Match has it. It saves sending the body, not making it. Answers with
 * `no-store` get none.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/articles", etag());
 */
export function etag(options: EtagOptions = {}): AnyMiddleware {
  checkOptions("etag", options, ["strong"]);
  const strong = checkFlag("etag", "strong", options.strong ?? false);
  return (ctx, next) => {
    const { method } = ctx;
    if (method !== "GET" && method !== "HEAD") return next();
    return after(next(), (answer) => {
      if (answer.status !== 200) return;
      const tag = fieldOf(ctx, answer, "etag") ?? makeTag(ctx, answer, strong);
      if (tag === undefined) return;
      const known = ctx.header("if-none-match");
      if (known !== undefined && isKnown(known, tag)) notModified(answer);
    });
  };
}

function makeTag(ctx: AnyContext, answer: Answer, strong: boolean): string | undefined {
  if (!isBuffered(answer)) return undefined;
  if (hasDirective(fieldOf(ctx, answer, "cache-control"), "no-store")) return undefined;
  const bytes = encodedBody(answer);
  const tag = strong
    ? `"${new Bun.CryptoHasher("sha256").update(bytes).digest("base64url")}"`
    : `W/"${bytes.length.toString(36)}-${Bun.hash.xxHash3(bytes).toString(36)}"`;
  answer.headers.append("ETag", tag);
  return tag;
}

function notModified(answer: Answer): void {
  answer.status = 304;
  answer.body = null;
  for (const name of representation) answer.headers.delete(name);
}
