/**
 * Spans by OpenTelemetry's API, where the program has installed it: loaded here and nowhere else,
 * when `tracing()` is called. The names of attributes are those of its stable semantic conventions
 * for HTTP servers.
 */
import type { Answer } from "../answer.ts";
import type { AnyContext } from "../middleware/support/middleware.ts";
import { type RemoteParent, recorded, type Trace } from "./trace-context.ts";

/** The part of the API that is used, so that nobody's types depend on an optional package. */
interface Api {
  readonly ROOT_CONTEXT: unknown;
  readonly SpanKind: { readonly SERVER: number };
  readonly SpanStatusCode: { readonly ERROR: number };
  readonly trace: {
    getTracer(name: string): Tracer;
    setSpan(context: unknown, span: Span): unknown;
  };
  readonly context: { with<Result>(context: unknown, run: () => Result): Result };
  readonly propagation: {
    extract(context: unknown, carrier: AnyContext, getter: Getter): unknown;
  };
}

interface Tracer {
  startSpan(name: string, options: object, context: unknown): Span;
}

interface Span {
  spanContext(): {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceFlags: number;
    readonly traceState?: { serialize(): string };
  };
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number }): unknown;
  recordException(error: Error | string): void;
  isRecording(): boolean;
  end(): void;
}

interface Getter {
  get(carrier: AnyContext, name: string): string | undefined;
  keys(carrier: AnyContext): string[];
}

const getter: Getter = {
  get: (ctx, name) => ctx.header(name),
  keys: (ctx) => [...ctx.headers].map(([name]) => name),
};

/** Other methods are `_OTHER`, so that clients cannot make up values. */
const methodsKnown: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
];

/** The span of one request. */
export interface ServerSpan {
  readonly trace: Trace;
  /** Runs what comes behind, with the span as the parent of others. */
  within<Result>(run: () => Result): Result;
  end(answer: Answer): void;
}

export class OpenTelemetry {
  readonly #api: Api;
  readonly #tracer: Tracer;

  constructor(api: Api) {
    this.#api = api;
    this.#tracer = api.trace.getTracer("chopin");
  }

  /** Undefined while no SDK is registered: then nothing would be recorded. */
  start(
    ctx: AnyContext,
    parent: RemoteParent | undefined,
    trusted: boolean,
  ): ServerSpan | undefined {
    const { ROOT_CONTEXT, SpanKind, propagation, trace, context } = this.#api;
    // By the formats that the program has chosen, of which Trace Context is the usual one.
    const extracted = trusted ? propagation.extract(ROOT_CONTEXT, ctx, getter) : ROOT_CONTEXT;
    const known = methodsKnown.includes(ctx.method);
    const method = known ? ctx.method : "HTTP";
    const name = ctx.route === "" ? method : `${method} ${ctx.route}`;
    const options = { kind: SpanKind.SERVER, attributes: attributesOf(ctx, known) };
    const span = this.#tracer.startSpan(name, options, extracted);
    const { traceId, spanId, traceFlags: flags, traceState } = span.spanContext();
    // Without an SDK a span has no ids, or those of its parent.
    if (/^0*$/.test(spanId) || spanId === parent?.spanId) return undefined;
    const own = { traceId, spanId, flags, traceState: traceState?.serialize() ?? "" };
    return {
      trace: recorded(own, parent),
      within: (run) => context.with(trace.setSpan(extracted, span), run),
      end: (answer) => this.#end(span, answer),
    };
  }

  #end(span: Span, { status, error }: Answer): void {
    if (span.isRecording()) {
      span.setAttribute("http.response.status_code", status);
      // An error of the client is none of the server.
      if (status >= 500) {
        span.setAttribute("error.type", error instanceof Error ? error.name : String(status));
        if (error !== undefined) {
          span.recordException(error instanceof Error ? error : String(error));
        }
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
      }
    }
    span.end();
  }
}

/** The query is left out: it holds what people typed. */
function attributesOf(ctx: AnyContext, known: boolean): Record<string, string | number> {
  const attributes: Record<string, string | number> = {
    "http.request.method": known ? ctx.method : "_OTHER",
    "url.path": ctx.path,
    "url.scheme": ctx.secure ? "https" : "http",
    "network.protocol.name": "http",
  };
  if (!known) attributes["http.request.method_original"] = ctx.method;
  if (ctx.route !== "") attributes["http.route"] = ctx.route;
  const { ip, socketIp } = ctx;
  if (ip !== "") attributes["client.address"] = ip;
  if (socketIp !== "") attributes["network.peer.address"] = socketIp;
  const agent = ctx.header("user-agent");
  if (agent !== undefined) attributes["user_agent.original"] = agent;
  addServer(attributes, ctx.host);
  return attributes;
}

function addServer(attributes: Record<string, string | number>, host: string): void {
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host);
  const address = parts?.[1] ?? "";
  if (address !== "") attributes["server.address"] = address.replace(/^\[(.*)\]$/, "$1");
  if (parts?.[2] !== undefined) attributes["server.port"] = Number(parts[2]);
}

/** Undefined where the API is not installed. */
export function loadOpenTelemetry(): OpenTelemetry | undefined {
  try {
    // Not imported: the middleware is made at once, and most applications have no such package.
    return new OpenTelemetry(require("@opentelemetry/api") as Api);
  } catch {
    return undefined;
  }
}
