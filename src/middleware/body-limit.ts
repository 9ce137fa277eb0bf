/** A smaller limit for the bodies of some paths than the server has. */
import { problem } from "../errors.ts";
import type { AnyContext, AnyMiddleware } from "./support/middleware.ts";
import { checkOptions, checkWhole } from "./support/options.ts";

/** Options of `bodyLimit`. */
export interface BodyLimitOptions {
  /** Bytes of a body that are accepted; larger ones get 413. */
  readonly maxBytes: number;
}

/**
 * Refuses larger bodies with 413 `body_too_large` for everything that it covers. The server's own
 * `bodyLimit` comes first: it cannot be raised here. For a single route, the route's option
 * `bodyLimit` is better, because it refuses before the body is read.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/comments", bodyLimit({ maxBytes: 16 * 1024 }));
 */
export function bodyLimit(options: BodyLimitOptions): AnyMiddleware {
  checkOptions("bodyLimit", options, ["maxBytes"]);
  const maxBytes = checkWhole("bodyLimit", "maxBytes", options.maxBytes, 0, 0xffff_ffff);
  const detail = `The body may have ${maxBytes} bytes.`;
  return (ctx, next) => {
    if (bodyLength(ctx) > maxBytes) throw problem("body_too_large", detail);
    return next();
  };
}

/** Content-Length was checked natively; a body that came in chunks has none. */
function bodyLength(ctx: AnyContext): number {
  const declared = ctx.header("content-length");
  return declared === undefined ? ctx.bytes().length : Number(declared);
}
