/**
 * Traces across services, exported from "chopin/middleware": W3C Trace Context always, spans where
 * the program has OpenTelemetry.
 */

import type { AnyContext } from "./middleware/support/middleware.ts";
import { type AnyMiddleware, after } from "./middleware/support/middleware.ts";
import { checkOptions, invalidOption } from "./middleware/support/options.ts";
import { loadOpenTelemetry, type ServerSpan } from "./tracing/open-telemetry.ts";
import { continued, parseTraceparent, type Trace } from "./tracing/trace-context.ts";

/** Options of `tracing`. */
export interface TracingOptions {
  /** Whether the caller's trace is continued; true unless told. Say false at the edge. */
  readonly trustParent?: boolean | ((ctx: AnyContext) => boolean);
  /** Requests without a span, such as those of health checks. */
  readonly skip?: (ctx: AnyContext) => boolean;
}

/** State of `tracing`. */
export interface TracingState {
  trace: Trace;
}

/**
 * Gives handlers `ctx.state.trace`: the trace of the caller by the fields traceparent and
 * tracestate, or one that begins here. Where `@opentelemetry/api` is installed and an SDK is
 * registered, each request gets a span of kind server, ended when its answer is there (a stream's,
 * when it begins), and spans of handlers become its children. `logger` writes `trace_id` and
 * `span_id`. Register it first, before `logger`'s inner middleware.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const app = new Chopin<TracingState>().layer(tracing());
 * app.get("/", ({ state }) => fetch("http://users/1", { headers: { ...state.trace.headers() } }));
 */
export function tracing(options: TracingOptions = {}): AnyMiddleware {
  checkOptions("tracing", options, ["trustParent", "skip"]);
  const { trustParent = true, skip } = options;
  if (typeof trustParent !== "boolean" && typeof trustParent !== "function") {
    throw invalidOption("tracing", "trustParent is true, false or a function");
  }
  if (skip !== undefined && typeof skip !== "function") {
    throw invalidOption("tracing", "skip is a function");
  }
  const telemetry = loadOpenTelemetry();
  return (ctx, next) => {
    const trusted = typeof trustParent === "function" ? trustParent(ctx) : trustParent;
    const parent = trusted
      ? parseTraceparent(ctx.header("traceparent"), ctx.header("tracestate"))
      : undefined;
    const traced = skip?.(ctx) !== true;
    const span = traced ? telemetry?.start(ctx, parent, trusted) : undefined;
    (ctx.state as TracingState).trace = span?.trace ?? continued(parent);
    return span === undefined ? next() : spanned(span, next);
  };
}

function spanned(span: ServerSpan, next: Parameters<AnyMiddleware>[1]): ReturnType<AnyMiddleware> {
  return after(span.within(next), (answer) => {
    span.end(answer);
    return answer;
  });
}
