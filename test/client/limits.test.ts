/** When calls end: by their signal, by time, and after how many attempts. */
import { describe, expect, test } from "bun:test";
import { createClient, type RetryOptions } from "../../src/client/index.ts";
import { Chopin, route } from "../../src/index.ts";
import { until } from "../streams/_streams.ts";
import { failure } from "./_both-ways.ts";
import { type RawRequest, says, withRawServer, writes } from "./_raw-server.ts";

type Answered = { readonly answers: { readonly 200: unknown } };
interface Any {
  readonly "GET /": Answered;
  readonly "PUT /": Answered;
  readonly "POST /": Answered & { readonly body: undefined };
}
const base = "http://localhost";
const soon: RetryOptions = { delayMs: 1 };
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n";

/** A client whose requests are answered by a list, the last one again and again. */
function listed(list: readonly (Response | Error)[], retry: RetryOptions = soon) {
  const requests: Request[] = [];
  const fetch = (request: Request): Response => {
    requests.push(request);
    const answer = list[Math.min(requests.length, list.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return answer.clone() as Response;
  };
  return { api: createClient<Any>(base, { fetch, retry }), requests };
}
const busy = (status = 503, fields: Record<string, string> = {}) =>
  new Response("busy", { status, headers: { "content-type": "text/plain", ...fields } });

describe("signals", () => {
  test("that are aborted before send nothing", async () => {
    const { api, requests } = listed([new Response()]);
    const signal = AbortSignal.abort(new RangeError("enough"));
    await expect(api.get("/", { signal })).rejects.toThrow(RangeError);
    await expect(api.get("/", { signal: AbortSignal.abort() })).rejects.toThrow(DOMException);
    expect(requests).toEqual([]);
  });

  test("end a call whose fetch does not listen", async () => {
    const api = createClient<Any>(base, { fetch: () => new Promise(() => {}) });
    const abort = new AbortController();
    const answer = api.get("/", { signal: abort.signal });
    abort.abort(new RangeError("enough"));
    await expect(answer).rejects.toThrow(RangeError);
  });

  test("end a body that does not come, and the server hears of it", async () => {
    let left = false;
    const abort = new AbortController();
    const stall = ({ socket }: RawRequest) => {
      socket.on("close", () => {
        left = true;
      });
      socket.write(`${head}12345`, () => abort.abort());
    };
    await withRawServer([stall], async ({ url }) => {
      const answer = createClient<Any>(url).get("/", { signal: abort.signal });
      const error = await answer.catch((caught: unknown) => caught);
      expect((error as Error).name).toBe("AbortError");
      await until(() => left);
    });
  });

  test("end a stream, with their own reason", async () => {
    await withRawServer([writes(`${head}12345`, "stay")], async ({ url }) => {
      const abort = new AbortController();
      const api = createClient<Any>(url);
      const answer = await api.get("/", { as: "stream", signal: abort.signal });
      if (answer.status !== 200) throw new Error(`${answer.status}`);
      const reader = answer.body.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("12345");
      const rest = reader.read();
      abort.abort(new RangeError("enough"));
      await expect(rest).rejects.toThrow(RangeError);
    });
  });

  test("end the wait for another attempt at once", async () => {
    const { api, requests } = listed([busy()], { delayMs: 1e6, delayMaxMs: 1e6 });
    const abort = new AbortController();
    const answer = api.get("/", { signal: abort.signal });
    await until(() => requests.length === 1);
    abort.abort(new RangeError("enough"));
    await expect(answer).rejects.toThrow(RangeError);
    expect(requests.length).toBe(1);
  });

  test("that outlive many calls keep nothing of them", async () => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...list: Parameters<typeof add>) => {
      listeners.add(list[1]);
      add(...list);
    };
    signal.removeEventListener = (...list: Parameters<typeof remove>) => {
      listeners.delete(list[1]);
      remove(...list);
    };
    const { api } = listed([busy(), new Response("x")]);
    await api.get("/", { signal });
    const stream = await api.get("/", { signal, as: "stream" }).orThrow();
    await new Response(stream as ReadableStream).text();
    const left = await api.get("/", { signal, as: "stream" }).orThrow();
    await (left as ReadableStream).cancel();
    await api.get("/", { signal, as: "json" }).catch(() => {});
    await api.get("/", { signal, query: { a: 1 }, as: "events" }).catch(() => {});
    expect(listeners.size).toBe(0);
  });
});

describe("time", () => {
  test("covers the head", async () => {
    await withRawServer([writes("", "stay")], async ({ url }) => {
      const error = await failure(createClient<Any>(url, { timeoutMs: 5 }).get("/"));
      expect([error.code, error.status]).toEqual(["timeout", undefined]);
      expect(error.message).toEndWith("/: there was no complete answer within 5 ms.");
    });
  });
  /** An answer whose body comes when the test says so. */
  const slow = () => {
    let send!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        send = controller;
      },
    });
    const api = createClient<Any>(base, { fetch: () => new Response(body), timeoutMs: 20 });
    return { api, send };
  };
  test("covers the body", async () => {
    expect((await failure(slow().api.get("/"))).code).toBe("timeout");
  });
  test("does not cover a stream that has begun", async () => {
    const { api, send } = slow();
    const stream = (await api.get("/", { as: "stream" }).orThrow()) as ReadableStream;
    await Bun.sleep(40);
    send.enqueue(new Uint8Array([97]));
    send.close();
    expect(await new Response(stream).text()).toBe("a");
  });
  test("of the client may be lifted for a call", async () => {
    const api = createClient<Any>(base, {
      timeoutMs: 1,
      fetch: async () => {
        await Bun.sleep(20);
        return new Response("late");
      },
    });
    expect((await failure(api.get("/"))).code).toBe("timeout");
    const answer = await api.get("/", { timeoutMs: Number.POSITIVE_INFINITY });
    expect(answer.status).toBe(200);
  });
  test("covers a function for headers that does not settle", async () => {
    const headers = () => new Promise<never>(() => {});
    const api = createClient<Any>(base, { headers, timeoutMs: 5 });
    expect((await failure(api.get("/"))).code).toBe("timeout");
  });
});

describe("attempts", () => {
  test("are one, unless told", async () => {
    let count = 0;
    const fetch = () => {
      count += 1;
      return busy();
    };
    const answer = await createClient<Any>(base, { fetch }).get("/");
    expect([answer.status, count]).toEqual([503, 1]);
  });

  test("follow answers that pass, up to three", async () => {
    for (const status of [408, 425, 429, 502, 503, 504]) {
      const { api, requests } = listed([busy(status), busy(status), new Response("x")]);
      expect([(await api.get("/")).status, requests.length]).toEqual([200, 3]);
    }
    const { api, requests } = listed([busy()]);
    const last = await api.get("/");
    expect([last.status, last.body, requests.length]).toEqual([503, "busy", 3] as never);
  });

  test("follow a connection that fails, and a body that breaks off", async () => {
    const { api, requests } = listed([new TypeError("reset"), new Response("x")]);
    expect([(await api.get("/")).status, requests.length]).toEqual([200, 2]);
    const cut = writes(`${head}12345`, "close");
    await withRawServer([cut, says(200, "whole")], async ({ url, heads }) => {
      const answer = await createClient<Any>(url, { retry: soon }).get("/");
      expect([answer.status, heads.length]).toEqual([200, 2]);
    });
    const failing = listed([new TypeError("reset")]);
    const error = await failure(failing.api.get("/"));
    expect([error.code, failing.requests.length]).toEqual(["network_error", 3]);
  });

  test("do not follow what stays wrong", async () => {
    for (const status of [200, 400, 401, 404, 409, 422, 500, 501]) {
      const { api, requests } = listed([busy(status)]);
      await api.get("/");
      expect(requests.length).toBe(1);
    }
    const { api, requests } = listed([
      new Response("{", { headers: { "content-type": "application/json" } }),
    ]);
    expect((await failure(api.get("/"))).code).toBe("invalid_answer");
    expect(requests.length).toBe(1);
  });

  test("are for idempotent methods, unless told", async () => {
    const put = listed([busy(), new Response()]);
    expect((await put.api.put("/", { body: { a: 1 } } as never)).status).toBe(200);
    expect(await Promise.all(put.requests.map((request) => request.text()))).toEqual([
      '{"a":1}',
      '{"a":1}',
    ]);
    const post = listed([busy(), new Response()]);
    expect((await post.api.post("/")).status).toBe(503);
    const told = { retry: { ...soon, methods: ["POST"] } };
    const body = new FormData();
    body.set("name", "Kim");
    const again = listed([busy(), new Response()]);
    expect((await again.api.post("/", { ...told, body })).status).toBe(200);
    expect((await again.requests[1]!.formData()).get("name")).toBe("Kim");
    const stream = new Blob(["a"]).stream();
    const once = listed([busy(), new Response()]);
    expect((await once.api.post("/", { ...told, body: stream })).status).toBe(503);
  });

  test("take fresh fields each", async () => {
    let token = 0;
    const tokens: unknown[] = [];
    const fetch = (request: Request) => {
      tokens.push(request.headers.get("authorization"));
      return tokens.length < 3 ? busy() : new Response();
    };
    const headers = () => ({ authorization: ++token });
    await createClient<Any>(base, { fetch, headers, retry: soon }).get("/");
    expect(tokens).toEqual(["1", "2", "3"]);
  });

  test("wait as Retry-After says, and give up where that is too long", async () => {
    const now = listed([busy(429, { "retry-after": "0" }), new Response()], { delayMs: 1e9 });
    expect((await now.api.get("/")).status).toBe(200);
    const past = new Date(Date.now() - 5000).toUTCString();
    const date = listed([busy(503, { "retry-after": past }), new Response()], { delayMs: 1e9 });
    expect((await date.api.get("/")).status).toBe(200);
    for (const late of ["11", new Date(Date.now() + 60_000).toUTCString()]) {
      const { api, requests } = listed([busy(429, { "retry-after": late }), new Response()]);
      expect([(await api.get("/")).status as number, requests.length]).toEqual([429, 1]);
    }
    const junk = listed([busy(429, { "retry-after": "soon" }), new Response()]);
    expect((await junk.api.get("/")).status).toBe(200);
    const second = listed([busy(429, { "retry-after": "1" }), new Response()]);
    const start = performance.now();
    expect((await second.api.get("/")).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThan(990);
  });

  test("end with the time of the call, without a wait in vain", async () => {
    const { api, requests } = listed([busy()], { delayMs: 1e4, attempts: 9 });
    const answer = await api.get("/", { timeoutMs: 3000 });
    expect([answer.status, requests.length]).toEqual([503, 1]);
  });

  test("have a time of their own", async () => {
    let count = 0;
    const fetch = () => (++count === 1 ? new Promise<never>(() => {}) : new Response("x"));
    const api = createClient<Any>(base, { fetch, retry: { ...soon, attemptTimeoutMs: 20 } });
    expect([(await api.get("/")).status, count]).toEqual([200, 2]);
  });

  test("of the client may be other ones in a call, or one", async () => {
    const { api, requests } = listed([busy()]);
    await api.get("/", { retry: { attempts: 5 } });
    expect(requests.length).toBe(5);
    await api.get("/", { retry: false });
    expect(requests.length).toBe(6);
  });

  test("let go of the answers between them", async () => {
    let cancelled = 0;
    const fetch = () => {
      if (cancelled === 2) return new Response();
      const body = new ReadableStream({
        cancel: () => {
          cancelled += 1;
        },
      });
      return new Response(body, { status: 503 });
    };
    await createClient<Any>(base, { fetch, retry: soon }).get("/");
    expect(cancelled).toBe(2);
  });
});

describe("options", () => {
  const wrong: [name: string, options: object, message: string][] = [
    ["a client's name", { timeout: 1 }, '"timeout" is none of timeoutMs, '],
    ["a name of retry", { retry: { times: 1 } }, '"times" is none of attempts, '],
    ["no time", { timeoutMs: 0 }, "timeoutMs"],
    ["a text", { timeoutMs: "5s" }, "timeoutMs"],
    ["no attempt", { retry: { attempts: 0 } }, "attempts"],
    ["no delay", { retry: { delayMs: -1 } }, "delayMs"],
    ["a retry of true", { retry: true }, '"retry: true" is none of attempts, '],
    ["a retry of 3", { retry: 3 }, '"retry: 3" is none of attempts, '],
    ["a retry of null", { retry: null }, '"retry: null" is none of attempts, '],
    ["a fetch that is none", { fetch: "fetch" }, "fetch is a function"],
  ];
  for (const [name, options, message] of wrong) {
    test(`refuse ${name}`, () => {
      expect(() => createClient<Any>(base, options)).toThrow(message);
    });
  }
  for (const none of [null, 5, "x", true]) {
    test(`are refused where they are ${JSON.stringify(none)}`, async () => {
      const refused = { name: "ClientError", code: "invalid_option" };
      const make = () => createClient<Any>(base, none as never);
      expect(make).toThrow(expect.objectContaining(refused));
      expect(make).toThrow(`"options: ${none}" is none of timeoutMs, `);
      const { api, requests } = listed([new Response()]);
      await expect(api.get("/", none as never)).rejects.toMatchObject(refused);
      await expect(api.get("/", none as never).orThrow()).rejects.toMatchObject(refused);
      await expect(api.events("/", none as never).next()).rejects.toMatchObject(refused);
      expect(requests).toEqual([]);
    });
  }

  test("refuse a signal that is none, before anything is sent", async () => {
    const { api, requests } = listed([new Response()]);
    for (const signal of [5, 0, "", {}, new AbortController()]) {
      const given = { signal: signal as AbortSignal };
      for (const call of [api.get("/", given), api.events("/", given).next()]) {
        const error = await failure(call);
        expect([error.code, error.message]).toEqual([
          "invalid_option",
          "chopin/client: signal is an AbortSignal.",
        ]);
      }
    }
    expect(requests).toEqual([]);
    expect((await api.get("/", { signal: null as never })).status).toBe(200);
  });

  test("refuse what a fetch gives that is no response", async () => {
    for (const given of [undefined, null, "text", {}]) {
      let count = 0;
      const fetch = () => {
        count += 1;
        return given as never;
      };
      const api = createClient<Any>(base, { fetch, retry: soon });
      const error = await failure(api.get("/"));
      expect([error.code, error.message, count]).toEqual([
        "invalid_answer",
        "GET http://localhost/: fetch gave no Response.",
        1,
      ]);
    }
  });

  test("of calls are refused as errors of the call", async () => {
    const { api, requests } = listed([new Response()]);
    for (const options of [{ parms: {} }, { as: "xml" }, { timeoutMs: Number.NaN }]) {
      expect((await failure(api.get("/", options as object))).code).toBe("invalid_option");
    }
    expect(requests).toEqual([]);
  });

  test("methods of a client stand alone", async () => {
    const one = route.get("/", () => "x");
    const app = new Chopin().mount({ one });
    const { get } = createClient<{ one: typeof one }>(base, {
      fetch: (request) => app.fetch(request),
    });
    expect(await get("/").orThrow()).toBe("x");
  });
});
