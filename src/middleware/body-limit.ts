/** A smaller limit for the bodies of some paths than the server has. */
import { problem } from "../errors.ts";
import type { AnyMiddleware } from "./support/middleware.ts";
import { checkOptions, checkWhole } from "./support/options.ts";
import { gatheredBody, replaceBody } from "./support/request-body.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Options of `bodyLimit`. */
export interface BodyLimitOptions {
  /** Bytes of a body that are accepted; larger ones get 413. */
  readonly maxBytes: number;
}

/**
 * Refuses larger bodies with 413 `body_too_large` for everything that it covers. The server's own
 * `bodyLimit` comes first: it cannot be raised here. For a single route, the route's option
 * `bodyLimit` is better, because it refuses before the body is read. Where a route takes its body
 * as a stream, reading it fails.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/comments", bodyLimit({ maxBytes: 16 * 1024 }));
 */
export function bodyLimit(options: BodyLimitOptions): AnyMiddleware {
  checkOptions("bodyLimit", options, ["maxBytes"]);
  const maxBytes = checkWhole("bodyLimit", "maxBytes", options.maxBytes, 0, 0xffff_ffff);
  const detail = `The body may have ${maxBytes} bytes.`;
  const tooLarge = () => problem("body_too_large", detail);
  return (ctx, next) => {
    // Content-Length was checked natively; a body that comes in chunks has none.
    const declared = ctx.header("content-length");
    const length = declared === undefined ? gatheredBody(ctx)?.length : Number(declared);
    if (length === undefined) replaceBody(ctx, counted(ctx.body, maxBytes, tooLarge), {});
    else if (length > maxBytes) throw tooLarge();
    return next();
  };
}

/** A body whose reading fails where it grows beyond its limit. */
function counted(
  body: ReadableStream<Bytes>,
  maxBytes: number,
  tooLarge: () => Error,
): ReadableStream<Bytes> {
  let left = maxBytes;
  return body.pipeThrough(
    new TransformStream<Bytes, Bytes>({
      transform(piece, controller) {
        left -= piece.length;
        if (left < 0) throw tooLarge();
        controller.enqueue(piece);
      },
    }),
  );
}
