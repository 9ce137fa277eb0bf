/** One line for each request, as JSON. Lines are written by pino, which is loaded on first use. */
import type { Answer, PreparedAnswer } from "../answer.ts";
import { isDevelopment } from "../environment.ts";
import { isStreamSource } from "../stream.ts";
import type { TracingState } from "../tracing.ts";
import type { RequestIdState } from "./request-id.ts";
import { encodedBody, isBodiless } from "./support/answer-body.ts";
import { type AnyContext, type AnyMiddleware, after } from "./support/middleware.ts";
import { checkOptions, checkTokens, invalidOption } from "./support/options.ts";
import { type LogDestination, pinoSink } from "./support/pino-sink.ts";

/** Where lines go: a pino logger is one. */
export interface LogSink {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Options of `logger`. */
export interface LoggerOptions {
  /** A logger that the application has already; pino to standard output unless told. */
  readonly sink?: LogSink;
  /** Takes the lines of pino; standard output unless told. */
  readonly destination?: LogDestination;
  /** Lines for people; in development on a terminal unless told. */
  readonly pretty?: boolean;
  /** Request fields to write as `request_headers`; none unless told. */
  readonly requestHeaders?: readonly string[];
  /** Paths, as pino has them, whose values are written as "[redacted]": `["user.email"]`. */
  readonly redact?: readonly string[];
  /** Further fields of a line. */
  readonly fields?: (ctx: AnyContext, answer: Answer) => object;
  /** Requests that are not written, such as those of health checks. */
  readonly skip?: (ctx: AnyContext) => boolean;
}

const redacted = "[redacted]";

/** Request fields that are credentials: they are never written, even if they are asked for. */
const secretFields: readonly string[] = [
  "authorization",
  "cookie",
  "proxy-authorization",
  "x-api-key",
  "x-csrf-token",
];

/**
 * Writes `method`, `path`, `status`, `duration_ms`, `bytes` (of the body that is sent; missing for
 * a stream that does not know), `ip`, `request_id` where `requestId` is in use, and `trace_id` and
 * `span_id` where `tracing` is. The level is `error` from 500, with what was thrown as `err`,
 * `warn` from 400, and otherwise `info`. The query is left out: it holds what people typed.
 * Register it first, so that it sees what really goes out.
 *
 * @throws ChopinError `invalid_option`, also when pino is needed and not installed.
 * @example
 * app.layer(logger({ skip: (ctx) => ctx.path === "/health" })).layer(requestId());
 */
export function logger(options: LoggerOptions = {}): AnyMiddleware {
  checkLoggerOptions(options);
  const { skip, fields, redact = [], destination } = options;
  const pretty =
    options.pretty ??
    (destination === undefined && isDevelopment() && process.stdout.isTTY === true);
  const sink = options.sink ?? pinoSink({ pretty, redact, destination, censor: redacted });
  const names = (options.requestHeaders ?? []).map((name) => name.toLowerCase());

  const write = (ctx: AnyContext, answer: Answer, status: number, more: object) => {
    const { requestId: id, trace } = ctx.state as Partial<RequestIdState & TracingState>;
    const line = {
      method: ctx.method,
      path: ctx.path,
      status,
      ...more,
      request_id: id,
      ...(trace === undefined ? undefined : { trace_id: trace.traceId, span_id: trace.spanId }),
      ip: ctx.ip,
      ...(names.length === 0 ? undefined : { request_headers: headersOf(ctx, names) }),
      ...fields?.(ctx, answer),
    };
    if (status >= 500) sink.error(line, "request");
    else if (status >= 400) sink.warn(line, "request");
    else sink.info(line, "request");
  };
  return (ctx, next) => {
    if (skip?.(ctx) === true) return next();
    const start = performance.now();
    return after(next(), (answer) => {
      const durationMs = Math.round((performance.now() - start) * 1000) / 1000;
      const { status, error } = answer;
      let bytes: number | undefined;
      try {
        bytes = ctx.method === "HEAD" || isBodiless(status) ? 0 : bodyLength(answer);
      } catch (failure) {
        // The body cannot be made into JSON, so that this is answered with 500.
        write(ctx, answer, 500, { duration_ms: durationMs, bytes: 0, err: failure });
        throw failure;
      }
      const thrown = status >= 500 && error !== undefined ? { err: error } : undefined;
      write(ctx, answer, status, { duration_ms: durationMs, bytes, ...thrown });
    });
  };
}

/** Undefined for a stream whose length nobody knows yet. */
function bodyLength(answer: Answer): number | undefined {
  if (isStreamSource(answer.body)) return (answer as PreparedAnswer).length;
  return encodedBody(answer).length;
}

function headersOf(ctx: AnyContext, names: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const name of names) {
    const value = ctx.header(name);
    if (value !== undefined) headers[name] = secretFields.includes(name) ? redacted : value;
  }
  return headers;
}

function checkLoggerOptions(options: LoggerOptions): void {
  checkOptions("logger", options, [
    "sink",
    "destination",
    "pretty",
    "requestHeaders",
    "redact",
    "fields",
    "skip",
  ]);
  checkTokens("logger", "requestHeaders", options.requestHeaders ?? []);
  for (const name of ["fields", "skip"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") {
      throw invalidOption("logger", `${name} is a function`);
    }
  }
  const { sink, destination, redact, pretty } = options;
  if (sink === undefined) return;
  if (typeof sink.info !== "function" || typeof sink.error !== "function") {
    throw invalidOption("logger", "sink has functions info, warn and error");
  }
  if (destination !== undefined || redact !== undefined || pretty !== undefined) {
    throw invalidOption("logger", "destination, pretty and redact are settings of the sink itself");
  }
}
