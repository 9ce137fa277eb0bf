/** Server-sent events as a loop: in order, resumed, and ended from both sides. */
import { describe, expect, test } from "bun:test";
import { type ClientEvent, createClient, type EventsOptions } from "../../src/client/index.ts";
import { Chopin, type RoutesOf, route } from "../../src/index.ts";
import { until } from "../streams/_streams.ts";
import { clients, failure } from "./_both-ways.ts";
import { type RawRequest, says, withRawServer, writes } from "./_raw-server.ts";

const routes = {
  count: route.get("/count", (ctx) =>
    ctx.events(async function* ({ lastEventId = "0" }) {
      yield { comment: "hello", retry: 1 };
      const from = Number(lastEventId);
      for (let at = from + 1; at <= from + 2; at++) {
        yield { id: String(at), event: "count", data: { at } };
      }
    }),
  ),
  mixed: route.get("/mixed", (ctx) =>
    ctx.events(async function* () {
      yield "42";
      yield "two\nlines";
      yield { event: "é", data: [1, "ü"], id: "ïd" };
      yield { event: "empty" };
      yield { event: "price", data: 7 };
    }),
  ),
  talk: route.post("/talk", (ctx) =>
    ctx.events(async function* () {
      yield { event: "word", data: { text: ctx.text() } };
      yield { event: "end", data: null };
    }),
  ),
  none: route.get("/none", () => null),
  page: route.get("/page", (ctx) => ctx.html("<p>")),
};
type Api = RoutesOf<typeof routes>;
const make = () => new Chopin().mount(routes);

interface Any {
  readonly "GET /": { readonly answers: { readonly 200: unknown } };
}
const eventsHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/** Events until the loop ends, or so many. */
async function take(
  events: AsyncIterable<ClientEvent>,
  count = Number.POSITIVE_INFINITY,
): Promise<ClientEvent[]> {
  const taken: ClientEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

describe("events", () => {
  clients<Api>("have names, ids, JSON and its text", make, async (api) => {
    const events = await take(api.events("/mixed", { reconnect: false }));
    expect(events).toEqual([
      { event: "message", data: 42, text: "42", id: undefined },
      { event: "message", data: "two\nlines", text: "two\nlines", id: undefined },
      { event: "é", data: [1, "ü"], text: '[1,"ü"]', id: "ïd" },
      { event: "empty", data: "", text: "", id: "ïd" },
      { event: "price", data: 7, text: "7", id: "ïd" },
    ]);
    const [first] = await take(api.events("/mixed", { as: "text" }), 1);
    expect(first?.data).toBe("42");
  });

  clients<Api>("go on behind the last one when a connection has ended", make, async (api) => {
    const ats: number[] = [];
    for await (const event of api.events("/count", { lastEventId: "5" })) {
      if (event.event === "count") ats.push(event.data.at);
      if (ats.length === 5) break;
    }
    expect(ats).toEqual([6, 7, 8, 9, 10]);
  });

  clients<Api>("of any method, once", make, async (api) => {
    const events = await api.post("/talk", { body: "hi", as: "events" }).orThrow();
    const taken = await take(events as AsyncIterable<ClientEvent>);
    expect(taken.map(({ event, data }) => [event, data])).toEqual([
      ["word", { text: "hi" }],
      ["end", null],
    ]);
    const none = await api.get("/none", { as: "events" });
    expect([none.status, none.body]).toEqual([204, null]);
    expect((await failure(api.get("/page", { as: "events" }))).code).toBe("invalid_answer");
  });

  clients<Api>("end with 204, and fail where there are none", make, async (api) => {
    expect(await take(api.events("/none"))).toEqual([]);
    const page = await failure(take(api.events("/page")));
    expect([page.code, page.status]).toEqual(["invalid_answer", 200]);
    expect(page.message).toContain("200 with text/html; charset=utf-8 is no stream of events.");
    const nowhere = await failure(take(api.events("/nowhere" as "/none")));
    expect([nowhere.code, nowhere.status]).toEqual(["not_found", 404]);
  });

  test("ask for nothing before the first one is wanted", async () => {
    let asked = 0;
    const fetch = () => {
      asked += 1;
      return new Response(null, { status: 204 });
    };
    const events = createClient<Any>("http://localhost", { fetch }).events("/");
    await events.return!();
    expect(await take(events)).toEqual([]);
    expect(asked).toBe(0);
  });

  test("send what they are told, and Last-Event-ID as UTF-8", async () => {
    const heads: (string | null)[][] = [];
    const fetch = ({ headers }: Request) => {
      const names = ["accept", "authorization", "last-event-id"];
      heads.push(names.map((name) => headers.get(name)));
      return heads.length === 1
        ? new Response("retry: 0\nid: é\n\n", { headers: { "content-type": "text/event-stream" } })
        : new Response(null, { status: 204 });
    };
    const headers = { authorization: "Bearer t" };
    await take(createClient<Any>("http://localhost", { fetch, headers }).events("/"));
    expect(heads).toEqual([
      ["text/event-stream", "Bearer t", null],
      ["text/event-stream", "Bearer t", "Ã©"],
    ]);
  });
});

describe("the end of events", () => {
  /** A stream that goes on, and whether its client has left. */
  function endless() {
    const state = { left: false, sent: 0 };
    const app = new Chopin().get("/", (ctx) =>
      ctx.events(async function* () {
        try {
          for (;;) {
            yield { data: "x".repeat(10_000) };
            state.sent += 1;
          }
        } finally {
          state.left = true;
        }
      }),
    );
    return { app, state };
  }

  test("a loop that is left ends the connection", async () => {
    const { app, state } = endless();
    const server = await app.serve("127.0.0.1:0");
    await take(createClient<Any>(server.url).events("/"), 3);
    await until(() => state.left);
    await server.stop({ timeoutMs: 1000 });
  });

  test("an abort ends the loop quietly, also while it waits", async () => {
    let left = false;
    const stall = ({ socket }: RawRequest) => {
      socket.on("close", () => {
        left = true;
      });
      socket.write(`${eventsHead}data: 1\n\n`);
    };
    await withRawServer([stall], async ({ url }) => {
      const abort = new AbortController();
      const events = createClient<Any>(url).events("/", { signal: abort.signal });
      expect((await events.next()).value?.data).toBe(1);
      const next = events.next();
      abort.abort(new RangeError("enough"));
      expect(await next).toEqual({ done: true, value: undefined });
      expect(await events.next()).toEqual({ done: true, value: undefined });
      await until(() => left);
    });
    const before = createClient<Any>("http://127.0.0.1:1").events("/", {
      signal: AbortSignal.abort(),
    });
    expect(await take(before)).toEqual([]);
  });

  test("return ends a loop that waits", async () => {
    await withRawServer([writes(`${eventsHead}data: 1\n\n`, "stay")], async ({ url }) => {
      const events = createClient<Any>(url).events("/");
      await events.next();
      const next = events.next();
      await events.return!();
      expect((await next).done).toBe(true);
    });
  });

  test("nothing is read that nobody waits for", async () => {
    const { app, state } = endless();
    const server = await app.serve("127.0.0.1:0");
    const events = createClient<Any>(server.url).events("/");
    await events.next();
    let before = -1;
    while (state.sent !== before) {
      before = state.sent;
      await Bun.sleep(20);
    }
    // Buffers of the kernel and the runtime, both sides: far from what is sent in this time.
    expect(state.sent * 10_000).toBeLessThan(32 * 1024 * 1024);
    await events.return!();
    await until(() => state.left);
    await server.stop({ timeoutMs: 1000 });
  });
});

describe("connections that are lost", () => {
  const one = (data: string) =>
    writes(`${eventsHead}retry: 1\nid: ${data}\ndata: ${data}\n\n`, "close");
  const done = says(204);

  test("are made again, also where the server is away for a while", async () => {
    const answers = [
      one("1"),
      writes("", "close"),
      says(503),
      says(429, "", { "Retry-After": "0" }),
      one("2"),
      done,
    ];
    await withRawServer(answers, async ({ url, heads }) => {
      const events = await take(createClient<Any>(url).events("/"));
      expect(events.map(({ data }) => data)).toEqual([1, 2]);
      const ids = heads.map((head) => /^last-event-id: (.*)\r$/im.exec(head)?.[1]);
      expect(ids).toEqual([undefined, "1", "1", "1", "1", "2"]);
    });
  });

  test("are not, where that is not wanted", async () => {
    await withRawServer([one("1"), done], async ({ url, heads }) => {
      const events = await take(createClient<Any>(url).events("/", { reconnect: false }));
      expect([events.length, heads.length]).toEqual([1, 1]);
    });
    let cut!: () => void;
    const half = ({ socket }: RawRequest) => {
      socket.write(
        `${eventsHead.replace("\r\n\r\n", "\r\nContent-Length: 99\r\n\r\n")}data: 1\n\n`,
      );
      cut = () => socket.end();
    };
    await withRawServer([half], async ({ url }) => {
      const events = createClient<Any>(url).events("/", { reconnect: false });
      expect((await events.next()).value?.data).toBe(1);
      cut();
      expect((await failure(events.next())).code).toBe("network_error");
      expect((await events.next()).done).toBe(true);
    });
  });

  test("end the loop where the server refuses", async () => {
    for (const answer of [
      says(401),
      says(500),
      says(200, "{}", { "Content-Type": "application/json" }),
    ]) {
      await withRawServer([one("1"), answer], async ({ url }) => {
        const events = createClient<Any>(url).events("/");
        expect((await events.next()).value?.data).toBe(1);
        const error = await failure(events.next());
        expect(["unexpected_status", "invalid_answer"]).toContain(error.code);
      });
    }
  });

  test("at first are an error, unless there are further attempts", async () => {
    await withRawServer([says(503)], async ({ url, heads }) => {
      expect((await failure(take(createClient<Any>(url).events("/")))).status).toBe(503);
      expect(heads.length).toBe(1);
    });
    await withRawServer([says(503), writes("", "close"), one("1"), done], async ({ url }) => {
      const retry = { attempts: 3, delayMs: 1 };
      expect((await take(createClient<Any>(url, { retry }).events("/"))).length).toBe(1);
    });
    const nobody = createClient<Any>("http://127.0.0.1:1").events("/");
    expect((await failure(nobody.next())).code).toBe("network_error");
  });

  test("lose an event that was not complete", async () => {
    const half = writes(`${eventsHead}retry: 1\ndata: 1\n\ndata: half`, "close");
    await withRawServer([half, done], async ({ url }) => {
      const events = await take(createClient<Any>(url).events("/"));
      expect(events.map(({ data }) => data)).toEqual([1]);
    });
  });

  test("have the time of a call for their head, and none for their events", async () => {
    await withRawServer([writes("", "stay")], async ({ url }) => {
      const events = createClient<Any>(url, { timeoutMs: 5 }).events("/");
      expect((await failure(events.next())).code).toBe("timeout");
    });
    let send!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        send = controller;
      },
    });
    const headers = { "content-type": "text/event-stream" };
    const fetch = () => new Response(body, { headers });
    const events = createClient<Any>("http://localhost", { fetch, timeoutMs: 20 }).events("/");
    const next = events.next();
    await Bun.sleep(40);
    send.enqueue(new TextEncoder().encode("data: 1\n\n"));
    expect((await next).value?.data).toBe(1);
    await events.return!();
  });
});

describe("streams of events that are hostile", () => {
  const after = async (text: string, options: EventsOptions = {}): Promise<ClientEvent[]> => {
    const headers = { "content-type": "text/event-stream; charset=utf-8" };
    const fetch = () => new Response(text, { headers });
    const api = createClient<Any>("http://localhost", { fetch });
    return take(api.events("/", { reconnect: false, ...options }));
  };

  test("an event that is too long ends the loop, before it is whole", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        controller.enqueue(new TextEncoder().encode(`data: ${"x".repeat(999)}\n`)),
    });
    const headers = { "content-type": "text/event-stream" };
    const api = createClient<Any>("http://localhost", {
      fetch: () => new Response(body, { headers }),
    });
    const error = await failure(take(api.events("/", { eventLengthMax: 10_000 })));
    expect([error.code, error.message]).toEqual([
      "invalid_answer",
      "GET http://localhost/: an event is longer than 10000 characters.",
    ]);
  });

  /** Events of a text that comes in pieces of so many characters. */
  const pieces = async (text: string, size: number, eventLengthMax: number): Promise<unknown[]> => {
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let at = 0; at < bytes.length; at += size) {
          controller.enqueue(bytes.slice(at, at + size));
        }
        controller.close();
      },
    });
    const headers = { "content-type": "text/event-stream" };
    const fetch = () => new Response(body, { headers });
    const events = createClient<Any>("http://localhost", { fetch }).events("/", {
      reconnect: false,
      eventLengthMax,
    });
    const taken: unknown[] = [];
    try {
      for await (const { text: data } of events) taken.push(data);
    } catch (error) {
      taken.push((error as { readonly code?: unknown }).code);
    }
    return taken;
  };
  const tooLong: [name: string, text: string, taken: unknown[]][] = [
    ["data", `data: ${"x".repeat(11)}\n\n`, ["invalid_answer"]],
    ["lines of data", `${"data: xxxxx\n".repeat(2)}\n`, ["invalid_answer"]],
    ["a name", `event: ${"x".repeat(10)}\ndata: 1\n\n`, ["invalid_answer"]],
    ["an id", `id: ${"x".repeat(10)}\ndata: 1\n\n`, ["invalid_answer"]],
    ["an id alone", `id: ${"x".repeat(11)}\n\n`, ["invalid_answer"]],
    ["all together", "id: xxxx\nevent: xxxx\ndata: xxx\n\n", ["invalid_answer"]],
    ["nothing", `data: ${"x".repeat(10)}\n\n`, ["x".repeat(10)]],
    ["nothing of many lines", "data: xxxx\r\ndata: xxxxx\r\n\r\n", ["xxxx\nxxxxx"]],
    ["nothing of all together", "event: xxx\nid: xxx\ndata: xxxx\n\n", ["xxxx"]],
    ["nothing but a comment", `: ${"x".repeat(99)}\ndata: 1\n\n`, ["1"]],
    ["the second", `data: 1\n\ndata: ${"x".repeat(11)}\n\ndata: 3\n\n`, ["1", "invalid_answer"]],
  ];
  for (const [name, text, taken] of tooLong) {
    test(`${name} above the limit, however the network cuts it`, async () => {
      for (const size of [1, 2, 3, 7, 16, 1000]) {
        expect([size, await pieces(text, size, 10)]).toEqual([size, taken]);
      }
    });
  }

  test("a long id comes back as it is", async () => {
    const id = "é".repeat(200_000);
    const sent: (number | undefined)[] = [];
    const headers = { "content-type": "text/event-stream" };
    const fetch = (request: Request) => {
      sent.push(request.headers.get("last-event-id")?.length);
      if (sent.length === 2) return new Response(null, { status: 204 });
      return new Response(`retry: 1\nid: ${id}\ndata: 1\n\n`, { headers });
    };
    const events = await take(createClient<Any>("http://localhost", { fetch }).events("/"));
    expect([events.length, sent]).toEqual([1, [undefined, 400_000]]);
  });

  test("line ends of every kind, a byte order mark, unknown fields", async () => {
    const events = await after(
      "\ufeffdata: 1\r\n\r\nfoo: bar\rdata:2\r\r: ping\ndata: 3\n\nid: a\0b\ndata: 4\n\n",
    );
    expect(events.map(({ data, id }) => [data, id])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [4, undefined],
    ]);
  });

  test("characters that are split between pieces", async () => {
    const bytes = new TextEncoder().encode("data: 🎹é\n\n");
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    const headers = { "content-type": "text/event-stream" };
    const api = createClient<Any>("http://localhost", {
      fetch: () => new Response(body, { headers }),
    });
    const [event] = await take(api.events("/", { reconnect: false }));
    expect(event?.text).toBe("🎹é");
  });

  test("a delay of none, or of years, is neither a loop nor an error", async () => {
    for (const retry of ["0", "99999999999999999999"]) {
      let asked = 0;
      const headers = { "content-type": "text/event-stream" };
      const abort = new AbortController();
      const fetch = () => {
        asked += 1;
        if (asked > 1) throw new TypeError("away");
        return new Response(`retry: ${retry}\ndata: 1\n\n`, { headers });
      };
      const api = createClient<Any>("http://localhost", { fetch });
      const events = api.events("/", { signal: abort.signal });
      await events.next();
      const next = events.next();
      await Bun.sleep(50);
      expect(asked).toBeLessThan(3);
      abort.abort();
      expect((await next).done).toBe(true);
    }
  });

  for (const options of [{ as: "xml" }, { eventLengthMax: 0 }, { reconect: false }]) {
    test(`refuses ${JSON.stringify(options)}`, async () => {
      expect((await failure(after("", options as object))).code).toBe("invalid_option");
    });
  }
});
