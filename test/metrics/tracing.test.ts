/** tracing(): Trace Context without OpenTelemetry's SDK, and spans with it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { context, propagation, trace as traces } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { Chopin } from "../../src/index.ts";
import { logger, type Trace, tracing } from "../../src/middleware/index.ts";
import { parseTraceparent } from "../../src/tracing/trace-context.ts";
import { bothWays } from "../_setup.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${parentId}-01`;

const make = (options?: Parameters<typeof tracing>[0]) => () => {
  const app = new Chopin().layer(tracing(options));
  app.get("/users/:id", (ctx) => {
    const trace = ctx.state.trace as Trace;
    const ids = [trace.traceId, trace.spanId, trace.parentId ?? null];
    return { ids, sampled: trace.sampled, headers: trace.headers() };
  });
  app.get("/fails", () => {
    throw new TypeError("broken");
  });
  app.get("/waits", async () => {
    await Bun.sleep(1);
    traces.getTracer("inner").startSpan("query").end();
    return "done";
  });
  app.onError(() => undefined);
  return app;
};

const toldBy = (received: { body: string }) => JSON.parse(received.body) as Told;

interface Told {
  ids: [string, string, string | null];
  sampled: boolean;
  headers: Record<string, string>;
}

describe("traceparent", () => {
  const parsed = (text: string, state?: string) => parseTraceparent(text, state);

  test("gives ids and flags", () => {
    expect(parsed(traceparent)).toEqual({
      traceId,
      spanId: parentId,
      flags: 1,
      traceState: "",
    });
    expect(parsed(` 00-${traceId}-${parentId}-ff `)?.flags).toBe(3);
  });

  test("of later versions is read as far as it is known", () => {
    expect(parsed(`cc-${traceId}-${parentId}-01-what-comes`)?.traceId).toBe(traceId);
    expect(parsed(`cc-${traceId}-${parentId}-01`)?.traceId).toBe(traceId);
    expect(parsed(`cc-${traceId}-${parentId}-01.more`)).toBeUndefined();
  });

  const refused = {
    "another version of the same length": `ff-${traceId}-${parentId}-01`,
    "more parts in version 00": `${traceparent}-x`,
    capitals: traceparent.toUpperCase(),
    "no trace": `00-${"0".repeat(32)}-${parentId}-01`,
    "no span": `00-${traceId}-${"0".repeat(16)}-01`,
    short: `00-${traceId.slice(1)}-${parentId}-01`,
    "two fields": `${traceparent}, ${traceparent}`,
    "": "",
  };
  for (const [name, text] of Object.entries(refused)) {
    test(`is none: ${name}`, () => expect(parsed(text)).toBeUndefined());
  }

  test("brings tracestate along", () => {
    const state = (text: string) => parsed(traceparent, text)?.traceState;
    expect(state("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE")).toBe(
      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    );
    expect(state("1tenant@system=a b,,")).toBe("1tenant@system=a b");
    for (const text of ["a", "a=", "A=1", "a=1,a=2", "a=b=c", `a=${"x".repeat(257)}`]) {
      expect([text, state(text)]).toEqual([text, ""]);
    }
    const many = (count: number) => Array.from({ length: count }, (_, at) => `k${at}=1`).join(",");
    expect(state(many(32))).toBe(many(32));
    expect(state(many(33))).toBe("");
  });
});

describe("without an SDK", () => {
  bothWays("a trace goes on", make(), async (send) => {
    const headers = { traceparent, tracestate: "a=1" };
    const told = toldBy(await send("GET", "/users/7", { headers }));
    expect(told.ids[0]).toBe(traceId);
    expect(told.ids[1]).toMatch(/^(?!00f067aa0ba902b7)[\da-f]{16}$/);
    expect(told.ids[2]).toBe(parentId);
    expect(told.sampled).toBe(true);
    expect(told.headers).toEqual({
      traceparent: `00-${traceId}-${told.ids[1]}-01`,
      tracestate: "a=1",
    });
  });

  bothWays("a trace begins", make(), async (send) => {
    const first = toldBy(await send("GET", "/users/7"));
    const second = toldBy(await send("GET", "/users/7"));
    expect(first.ids[0]).toMatch(/^[\da-f]{32}$/);
    expect(first.ids[0]).not.toBe(second.ids[0]);
    expect(first.ids[2]).toBeNull();
    expect(first.sampled).toBe(false);
    expect(first.headers).toEqual({ traceparent: `00-${first.ids[0]}-${first.ids[1]}-02` });
  });

  bothWays("callers need not be believed", make({ trustParent: false }), async (send) => {
    const told = toldBy(await send("GET", "/users/7", { headers: { traceparent } }));
    expect(told.ids[0]).not.toBe(traceId);
  });

  test("logger writes the ids", async () => {
    const lines: string[] = [];
    const app = new Chopin().layer(logger({ destination: { write: (line) => lines.push(line) } }));
    app.layer(tracing()).get("/", "x");
    await app.fetch(new Request("http://localhost/", { headers: { traceparent } }));
    const line = JSON.parse(lines[0] ?? "{}") as Record<string, string>;
    expect(line.trace_id).toBe(traceId);
    expect(line.span_id).toMatch(/^[\da-f]{16}$/);
  });
});

describe("with an SDK", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });

  beforeAll(() => {
    traces.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterAll(() => {
    traces.disable();
    context.disable();
    propagation.disable();
  });

  const finished = () => {
    const spans = exporter.getFinishedSpans().slice();
    exporter.reset();
    return spans;
  };

  bothWays("a request has a span by the conventions", make(), async (send) => {
    finished();
    const headers = { traceparent, tracestate: "a=1", "User-Agent": "test", Host: "a.example:81" };
    const told = toldBy(await send("GET", "/users/7?secret=1", { headers }));
    const [span] = finished();
    expect(span?.name).toBe("GET /users/:id");
    expect(span?.kind).toBe(1);
    expect(span?.spanContext().traceId).toBe(traceId);
    expect(span?.parentSpanContext?.spanId).toBe(parentId);
    expect(told.ids).toEqual([traceId, span?.spanContext().spanId ?? "", parentId]);
    expect(told.headers.tracestate).toBe("a=1");
    expect(span?.attributes).toMatchObject({
      "http.request.method": "GET",
      "http.route": "/users/:id",
      "http.response.status_code": 200,
      "url.path": "/users/7",
      "url.scheme": "http",
      "server.address": "a.example",
      "server.port": 81,
      "user_agent.original": "test",
    });
    expect(JSON.stringify(span?.attributes)).not.toContain("secret");
  });

  bothWays("errors of the server are errors of the span", make(), async (send) => {
    finished();
    await send("GET", "/fails");
    await send("GET", "/nowhere");
    const [failed, missed] = finished();
    expect(failed?.status.code).toBe(2);
    expect(failed?.attributes["error.type"]).toBe("TypeError");
    expect(failed?.events[0]?.attributes?.["exception.message"]).toBe("broken");
    expect(missed?.name).toBe("GET");
    expect(missed?.attributes["http.response.status_code"]).toBe(404);
    expect(missed?.status.code).toBe(0);
  });

  bothWays("spans of handlers are children, also after waiting", make(), async (send) => {
    finished();
    await Promise.all([send("GET", "/waits"), send("GET", "/waits")]);
    const spans = finished();
    const servers = spans.filter(({ name }) => name === "GET /waits");
    const inner = spans.filter(({ name }) => name === "query");
    const parents = inner.map((span) => span.parentSpanContext?.spanId).sort();
    expect(parents).toEqual(servers.map((span) => span.spanContext().spanId).sort());
    expect(new Set(parents).size).toBe(2);
  });

  bothWays("methods that nobody knows share a name", make(), async (send) => {
    finished();
    await send("PROPFIND", "/users/7");
    const [span] = finished();
    expect(span?.attributes["http.request.method"]).toBe("_OTHER");
    expect(span?.name).toBe("HTTP");
  });

  bothWays("some have none", make({ skip: (ctx) => ctx.path === "/users/7" }), async (send) => {
    finished();
    const told = toldBy(await send("GET", "/users/7", { headers: { traceparent } }));
    expect(told.ids[0]).toBe(traceId);
    expect(finished()).toEqual([]);
  });
});

test("wrong options are refused", () => {
  expect(() => tracing({ trustParent: 1 as never })).toThrow("trustParent");
  expect(() => tracing({ skip: "/" as never })).toThrow("skip");
  expect(() => tracing({ trace: true } as never)).toThrow("no option");
});
