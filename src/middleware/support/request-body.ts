/** Bodies of requests as middleware meets them: gathered, or still to come. */
import { ChopinError } from "../../errors.ts";
import type { Replacements } from "../../replaced-fields.ts";
import type { RequestContext } from "../../request-context.ts";
import type { AnyContext } from "./middleware.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The body; undefined where it is still to come. */
export function gatheredBody(ctx: AnyContext): Bytes | undefined {
  try {
    return ctx.bytes();
  } catch (error) {
    if (error instanceof ChopinError && error.code === "body_is_streamed") return undefined;
    throw error;
  }
}

/** Whoever is behind this middleware sees another body, and other fields that tell of it. */
export function replaceBody(
  ctx: AnyContext,
  body: Bytes | ReadableStream<Bytes>,
  fields: Replacements,
): void {
  (ctx as unknown as RequestContext).replaceBody(body, fields);
}
