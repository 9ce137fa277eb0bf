/** Every part of a request arrives as it was given, or is refused before anything is sent. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type FetchInit } from "../../src/client/index.ts";
import { Chopin, type RoutesOf, route, t } from "../../src/index.ts";
import { clients } from "./_both-ways.ts";

const told = (ctx: { readonly params: unknown; readonly path: string }) => ({
  params: ctx.params,
  path: ctx.path,
});
const routes = {
  root: route.get("/", () => "root"),
  one: route.get("/one/:id/:tab?", told),
  digits: route.get("/digits/:id(\\d+)/:kind(a?)?", told),
  rest: route.get("/rest/*path", told),
  bare: route.get("/bare/*", told),
  literal: route.get("/é b/x%2Fy/50%25%3f", told),
  optional: route.get("/opt/:a?/:b?", told),
  query: route.get("/query", (ctx) => ({
    search: ctx.url.split("?")[1],
    tags: ctx.queries("tag"),
  })),
  typed: route.get(
    "/typed/:at",
    {
      params: t.Object({ at: t.Date() }),
      query: t.Object({ big: t.BigInt(), on: t.Boolean(), list: t.Array(t.Number()) }),
      headers: t.Object({ "x-count": t.Integer(), "x-list": t.Optional(t.Array(t.String())) }),
      cookies: t.Object({ session: t.String() }),
    },
    ({ params, query, headers, cookies }) => ({
      at: params.at.getTime(),
      big: String(query.big),
      on: query.on,
      list: query.list,
      headers,
      cookies,
    }),
  ),
  headers: route.get("/headers", (ctx) => ctx.headers.toJSON()),
  echo: route.post("/echo", (ctx) => ({ type: ctx.header("content-type"), text: ctx.text() })),
  form: route.post("/form", async (ctx) => {
    const form = await ctx.form();
    return { name: form.get("name"), file: await form.file("file")?.text() };
  }),
  text: route.post("/text", { body: t.Union([t.String(), t.Null()]) }, ({ body }) => ({ body })),
  put: route.put("/any", () => "put"),
  patch: route.patch("/any", () => "patch"),
  options: route.options("/any", () => "options"),
  all: route.all("/all", (ctx) => ctx.method),
};
type Api = RoutesOf<typeof routes>;
const make = () => new Chopin().mount(routes);

const inherited = {
  optional: route.get("/c/:constructor?", ({ params }) => params),
  rest: route.get("/t/*toString", ({ params }) => params),
};
type Inherited = RoutesOf<typeof inherited>;
const makeInherited = () => new Chopin().mount(inherited);

describe("paths", () => {
  clients<Api>("hold every text in one segment", make, async (api) => {
    const texts = [
      "a/b",
      "50%",
      "%2F",
      "é ü",
      "a?b#c",
      "...",
      "a;b=c",
      "\\",
      "%2e",
      "🎹",
      "a+b",
      "~",
    ];
    for (const id of texts) {
      const answer = await api.get("/one/:id/:tab?", { params: { id } }).orThrow();
      expect(answer.params).toEqual({ id } as never);
      const both = await api.get("/one/:id/:tab?", { params: { id, tab: id } }).orThrow();
      expect(both.params).toEqual({ id, tab: id });
    }
  });

  clients<Api>("of numbers, patterns, wildcards and literals", make, async (api) => {
    const one = await api.get("/one/:id/:tab?", { params: { id: 7n, tab: undefined } }).orThrow();
    expect(one.path).toBe("/one/7");
    const digits = await api.get("/digits/:id(\\d+)/:kind(a?)?", { params: { id: 42 } }).orThrow();
    expect(digits.path).toBe("/digits/42");
    const rest = { path: "a b/c%2Fd//e/" };
    const kept = await api.get("/rest/*path", { params: rest }).orThrow();
    expect(kept.path).toBe("/rest/a b/c%252Fd//e/");
    expect(kept.params).toEqual(rest);
    expect(await api.get("/rest/*path", { params: { path: "" } }).orThrow()).toEqual({
      params: { path: "" },
      path: "/rest/",
    });
    const bare = await api.get("/bare/*", { params: { "*": "x/y" } }).orThrow();
    expect(bare.params).toEqual({ "*": "x/y" });
    const literal = await api.get("/é b/x%2Fy/50%25%3f").orThrow();
    expect(literal.path).toBe("/é b/x%2Fy/50%25?");
    expect((await api.get("/opt/:a?/:b?").orThrow()).path).toBe("/opt");
    expect((await api.get("/opt/:a?/:b?", { params: { b: "x" } }).orThrow()).path).toBe("/opt/x");
  });

  const refused: [name: string, params: object, message: string][] = [
    ["empty", { id: "" }, "params.id is empty, and would change the path"],
    ["a dot", { id: "." }, "params.id is ., which no URL can hold"],
    ["two dots", { id: ".." }, "params.id is .., which no URL can hold"],
    ["missing", {}, "params.id is missing"],
    ["null", { id: null }, "params.id is null: leave it out"],
    ["no number", { id: Number.NaN }, "params.id is nothing to send as text"],
    ["no date", { id: new Date(Number.NaN) }, "params.id is nothing to send as text"],
    ["an object", { id: {} }, "params.id is nothing to send as text"],
    ["half a character", { id: "\ud800" }, "params.id is no well-formed text"],
  ];
  for (const [name, params, message] of refused) {
    test(`refuse a capture that is ${name}, before anything is sent`, async () => {
      const api = createClient<Api>("http://localhost", { fetch: () => expect.unreachable() });
      const answer = api.get("/one/:id/:tab?", { params: params as { id: string } });
      await expect(answer).rejects.toMatchObject({
        name: "ClientError",
        code: "invalid_request",
        status: undefined,
        message: `GET http://localhost/one/:id/:tab?: ${message}.`,
      });
    });
  }

  for (const path of ["one", "", ":id", undefined, null, 7]) {
    test(`refuse ${path} in the place of a path, and say what to do`, async () => {
      const api = createClient<Api>("http://localhost", { fetch: () => expect.unreachable() });
      const message = `GET http://localhost${path}: the path has to begin with a slash.`;
      const expected = { name: "ClientError", code: "invalid_request", message };
      await expect(api.get(path as "/query")).rejects.toMatchObject(expected);
      await expect(api.get(path as "/query").orThrow()).rejects.toMatchObject(expected);
      await expect(api.events(path as "/query").next()).rejects.toMatchObject(expected);
    });
  }

  clients<Inherited>(
    "leave out what every object has by its prototype",
    makeInherited,
    async (api) => {
      expect(await api.get("/c/:constructor?").orThrow()).toEqual({} as never);
      const params = { constructor: "x" };
      expect(await api.get("/c/:constructor?", { params }).orThrow()).toEqual(params as never);
      const missing = api.get("/t/*toString", { params: {} as never });
      await expect(missing).rejects.toThrow("params.toString is missing.");
    },
  );

  test("refuse dots in a wildcard", async () => {
    const api = createClient<Api>("http://localhost", { fetch: () => expect.unreachable() });
    for (const path of ["..", "a/../b", "./a", "a/."]) {
      const answer = api.get("/rest/*path", { params: { path } });
      await expect(answer).rejects.toMatchObject({ code: "invalid_request" });
    }
  });
});

describe("bases", () => {
  const urlOf = async (base: string | URL, path: "/" | "/query" = "/query"): Promise<string> => {
    let url = "";
    const fetch = (request: Request) => {
      url = request.url;
      return new Response();
    };
    await createClient<Api>(base, { fetch }).get(path, { query: { a: 1 } });
    return url;
  };

  test("may have a path, with a slash at its end or none", async () => {
    expect(await urlOf("http://h:81")).toBe("http://h:81/query?a=1");
    expect(await urlOf("http://h:81/")).toBe("http://h:81/query?a=1");
    expect(await urlOf("https://h/v1")).toBe("https://h/v1/query?a=1");
    expect(await urlOf("https://h/v1//")).toBe("https://h/v1/query?a=1");
    expect(await urlOf(new URL("https://h/v1/"))).toBe("https://h/v1/query?a=1");
    expect(await urlOf("HTTPS://H/v1")).toBe("https://h/v1/query?a=1");
  });

  test("are the root themselves", async () => {
    expect(await urlOf("https://h/v1", "/")).toBe("https://h/v1?a=1");
    expect(await urlOf("https://h", "/")).toBe("https://h/?a=1");
  });

  test("are a path where there is a page", async () => {
    const page = globalThis as { location?: { readonly origin: string } };
    page.location = { origin: "https://page.example" };
    try {
      expect(await urlOf("/api")).toBe("https://page.example/api/query?a=1");
      expect(await urlOf("//other/api")).toBe("https://other/api/query?a=1");
      expect(() => createClient<Api>("api")).toThrow("the base is a URL");
    } finally {
      delete page.location;
    }
  });

  for (const base of ["/api", "", "api.example.org", "ftp://h", "http://h/?a", "http://h/#a"]) {
    test(`refuse ${JSON.stringify(base)}`, () => {
      expect(() => createClient<Api>(base)).toThrow("the base is a URL");
    });
  }
  test("refuse credentials, and say nothing of them", () => {
    for (const base of ["http://kim:secret@h", "http://:secret@h", "http://kim@h"]) {
      expect(() => createClient<Api>(base)).toThrow(/^(?!.*secret).*without user/);
    }
  });
});

describe("queries, fields and cookies", () => {
  clients<Api>("every kind of value, lists, and nothing of undefined", make, async (api) => {
    const answer = await api
      .get("/query", {
        query: {
          tag: ["a&b", "c d", "é"],
          none: undefined,
          no: [],
          on: true,
          at: new Date(0),
          big: 2n ** 64n,
          empty: "",
        },
      })
      .orThrow();
    expect(answer.tags).toEqual(["a&b", "c d", "é"]);
    expect(answer.search).toBe(
      "tag=a%26b&tag=c+d&tag=%C3%A9&on=true&at=1970-01-01T00%3A00%3A00.000Z&big=18446744073709551616&empty=",
    );
  });

  clients<Api>("as the schemas of the route take them", make, async (api) => {
    const answer = await api
      .get("/typed/:at", {
        params: { at: new Date(86_400_000) },
        query: { big: 12345678901234567890n, on: false, list: [1, 2.5] },
        headers: { "x-count": 7, "x-list": ["a", "b"] },
        cookies: { session: "a; b=é" },
      })
      .orThrow();
    expect(answer).toEqual({
      at: 86_400_000,
      big: "12345678901234567890",
      on: false,
      list: [1, 2.5],
      headers: { "x-count": 7, "x-list": ["a", "b"] },
      cookies: { session: "a; b=é" },
    });
  });

  clients<Api>(
    "fields of the client, and over them those of the call",
    make,
    async (api) => {
      const none = await api.get("/headers").orThrow();
      expect([none["x-token"], none["x-fixed"]]).toEqual(["t", "1"]);
      const own = await api
        .get("/headers", { headers: new Headers({ "X-Fixed": "2", "X-Own": "3" }) })
        .orThrow();
      expect([own["x-token"], own["x-fixed"], own["x-own"]]).toEqual(["t", "2", "3"]);
    },
    { headers: async () => ({ "X-Token": "t", "x-fixed": 1, "x-none": undefined }) },
  );

  const refused: [name: string, options: object][] = [
    ["null in a query", { query: { a: null } }],
    ["an object in a query", { query: { a: {} } }],
    ["a line end in a field", { headers: { a: "b\r\nc" } }],
    ["a name of a field that is none", { headers: { "a b": "c" } }],
    ["a name of a cookie that is none", { cookies: { "a;b": "c" } }],
  ];
  for (const [name, options] of refused) {
    test(`refuse ${name}`, async () => {
      const api = createClient<Api>("http://localhost", { fetch: () => expect.unreachable() });
      await expect(api.get("/query", options)).rejects.toMatchObject({ code: "invalid_request" });
    });
  }

  test("refuse an item of a list that would arrive as several", async () => {
    const sent: (string | null)[] = [];
    const fetch = ({ headers }: Request) => {
      sent.push(headers.get("x-list"));
      return new Response();
    };
    const api = createClient<Api>("http://localhost", { fetch });
    for (const list of [["a,b"], ["a", "b, c"]]) {
      const answer = api.get("/headers", { headers: { "x-list": list } });
      await expect(answer).rejects.toMatchObject({
        code: "invalid_request",
        message:
          "GET http://localhost/headers: headers.x-list: an item has a comma; send all as one text.",
      });
    }
    const shared = createClient<Api>("http://localhost", { fetch, headers: { a: ["b,c"] } });
    await expect(shared.get("/headers")).rejects.toMatchObject({ code: "invalid_request" });
    // The whole as one text is taken as it is.
    await api.get("/headers", { headers: { "x-list": 'a, "b,c"' } });
    await api.get("/headers", { headers: new Headers({ "x-list": "a, b" }) });
    expect(sent).toEqual(['a, "b,c"', "a, b"]);
  });

  test("what the function for headers throws is not changed", async () => {
    const headers = () => Promise.reject(new RangeError("no token"));
    const api = createClient<Api>("http://localhost", { headers, retry: {} });
    await expect(api.get("/query")).rejects.toThrow(RangeError);
  });
});

describe("bodies", () => {
  clients<Api>("plain data is JSON", make, async (api) => {
    const values: [body: object | number | boolean | null, text: string][] = [
      [{ a: [1, new Date(0)], b: undefined }, '{"a":[1,"1970-01-01T00:00:00.000Z"]}'],
      [[1], "[1]"],
      [7, "7"],
      [false, "false"],
      [null, "null"],
    ];
    for (const [body, text] of values) {
      const told = await api.post("/echo", { body }).orThrow();
      expect(told).toEqual({ type: "application/json", text });
    }
    const merge = { "content-type": "application/merge-patch+json" };
    const merged = await api.post("/echo", { body: { a: 1 }, headers: merge }).orThrow();
    expect(merged).toEqual({ type: "application/merge-patch+json", text: '{"a":1}' });
  });

  clients<Api>("strings, bytes, blobs and streams are what they are", make, async (api) => {
    const bytes = new TextEncoder().encode("bytes");
    const text = await api.post("/echo", { body: "é" }).orThrow();
    expect(text).toEqual({ type: "text/plain;charset=UTF-8", text: "é" });
    const typed = { "Content-Type": "text/csv" };
    expect((await api.post("/echo", { body: "a", headers: typed }).orThrow()).type).toBe(
      "text/csv",
    );
    for (const body of [
      bytes,
      bytes.buffer,
      new DataView(bytes.buffer),
      new Blob([bytes]).stream(),
    ]) {
      expect((await api.post("/echo", { body }).orThrow()).text).toBe("bytes");
    }
    const blob = new Blob(["a"], { type: "text/html" });
    expect((await api.post("/echo", { body: blob }).orThrow()).type).toContain("text/html");
    expect(await api.post("/echo").orThrow()).toEqual({ text: "" } as never);
  });

  clients<Api>("forms", make, async (api) => {
    const body = new FormData();
    body.set("name", "Kim");
    body.set("file", new File(["content"], "a.txt"));
    expect(await api.post("/form", { body }).orThrow()).toEqual({ name: "Kim", file: "content" });
    const fields = new URLSearchParams({ name: "Kim & Co" });
    const answer = await api.post("/form", { body: fields }).orThrow();
    expect(answer.name).toBe("Kim & Co");
  });

  clients<Api>("a string is JSON where that is said, and null by itself", make, async (api) => {
    expect(await api.post("/text", { body: 'a "b"', json: true }).orThrow()).toEqual({
      body: 'a "b"',
    });
    expect(await api.post("/text", { body: null, json: true }).orThrow()).toEqual({ body: null });
  });

  test("are refused where no body can be sent, before anything is", async () => {
    const retry = { attempts: 3, delayMs: 1 };
    const api = createClient<Api>("http://localhost", { retry, fetch: () => expect.unreachable() });
    for (const body of [{}, "x", null, new Blob(["x"]).stream()]) {
      const given = { body } as object;
      for (const call of [api.get("/query", given), api.head("/query", given)]) {
        await expect(call).rejects.toMatchObject({
          code: "invalid_request",
          message: expect.stringMatching(/^(GET|HEAD) http:.*\/query: \w+ has no body\.$/),
        });
      }
      const lower = api.request("get" as "GET", "/query", given);
      await expect(lower).rejects.toMatchObject({ code: "invalid_request" });
    }
  });

  test("refuse what is no JSON", async () => {
    const api = createClient<Api>("http://localhost", { fetch: () => expect.unreachable() });
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const body of [{ big: 1n }, circle, () => 1]) {
      await expect(api.post("/echo", { body })).rejects.toMatchObject({ code: "invalid_request" });
    }
  });
});

describe("init", () => {
  test("reaches fetch, with what only this runtime knows of", async () => {
    const folder = mkdtempSync(join(tmpdir(), "chopin-client-"));
    const unix = join(folder, "socket");
    const server = Bun.serve({
      unix,
      fetch: async (request) => new Response(await request.text()),
    });
    const api = createClient<Api>("http://localhost", { init: { unix } as FetchInit });
    const answer = await api.post("/echo", { body: { a: 1 }, as: "text" });
    expect([answer.status, answer.body]).toEqual([200, '{"a":1}']);
    await server.stop(true);
    rmSync(folder, { recursive: true });
  });

  test("is that of the client, and over it that of the call", async () => {
    const asked: unknown[] = [];
    const fetch = ({ credentials, cache, redirect }: Request) => {
      asked.push([credentials, cache, redirect]);
      return new Response();
    };
    const init: FetchInit = { credentials: "include", cache: "no-store" };
    const api = createClient<Api>("http://localhost", { fetch, init });
    await api.get("/query");
    await api.get("/query", { init: { cache: "reload", redirect: "error" } });
    expect(asked).toEqual([
      ["include", "no-store", "follow"],
      ["include", "reload", "error"],
    ]);
  });
});

describe("methods", () => {
  clients<Api>("of their own names, and any other", make, async (api) => {
    expect(await api.put("/any").orThrow()).toBe("put");
    expect(await api.patch("/any").orThrow()).toBe("patch");
    expect(await api.options("/any").orThrow()).toBe("options");
    expect(await api.delete("/all").orThrow()).toBe("DELETE");
    expect(await api.request("PROPFIND", "/all").orThrow()).toBe("PROPFIND");
    expect((await api.head("/query")).status).toBe(200);
    expect((await api.get("/all")).ok).toBe(true);
  });
});
