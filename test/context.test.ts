/** What a handler sees of its request, by `fetch` and through a socket. */
import { describe, expect, test } from "bun:test";
import { Chopin, type Context, ContextUsedAfterAnswer } from "../src/index.ts";
import { bothWays, exchange, RawClient, withServer } from "./_setup.ts";

const json = (body: string): unknown => JSON.parse(body);

describe("the request line", () => {
  bothWays(
    "method, path, url and host",
    () =>
      new Chopin().all("/a/:b", ({ method, path, url, host, secure }) => {
        const { pathname, search } = new URL(url);
        return { method, path, pathname, search, same: url.includes(host), secure };
      }),
    async (send) => {
      expect(json((await send("PUT", "/a/b%20c?x=1")).body)).toEqual({
        method: "PUT",
        path: "/a/b c",
        pathname: "/a/b%20c",
        search: "?x=1",
        same: true,
        secure: false,
      });
    },
  );

  bothWays(
    "the client's address",
    () => new Chopin().get("/", ({ ip }) => ip),
    async (send) => {
      expect((await send("GET", "/")).body).toBe("127.0.0.1");
    },
  );
});

describe("the query", () => {
  bothWays(
    "names, repeated names, escapes",
    () =>
      new Chopin().get("/", (ctx) => ({ first: ctx.query, all: ctx.queries("a"), b: ctx.query.b })),
    async (send) => {
      const read = async (query: string) => json((await send("GET", `/${query}`)).body);
      expect(await read("")).toEqual({ first: {}, all: [] });
      expect(await read("?")).toEqual({ first: {}, all: [] });
      expect(await read("?a=1&b=2&a=3")).toEqual({
        first: { a: "1", b: "2" },
        all: ["1", "3"],
        b: "2",
      });
      expect(await read("?b=%C3%A9+x&&c&d=")).toEqual({
        first: { b: "é x", c: "", d: "" },
        all: [],
        b: "é x",
      });
      expect(await read("?b=%zz")).toEqual({ first: { b: "%zz" }, all: [], b: "%zz" });
      expect(await read("?b=1=2")).toEqual({ first: { b: "1=2" }, all: [], b: "1=2" });
    },
  );

  bothWays(
    "names of the prototype are names like others",
    () =>
      new Chopin().get("/", ({ query }) => ({
        keys: Object.keys(query),
        own: query.toString === undefined,
      })),
    async (send) => {
      const { body } = await send("GET", "/?__proto__=1&constructor=2&hasOwnProperty=3");
      expect(json(body)).toEqual({
        keys: ["__proto__", "constructor", "hasOwnProperty"],
        own: true,
      });
    },
  );

  bothWays(
    "thousands of fields are refused",
    () => new Chopin().get("/", ({ query }) => Object.keys(query).length),
    async (send) => {
      const query = (count: number) =>
        Array.from({ length: count }, (_, at) => `k${at}=`).join("&");
      expect((await send("GET", `/?${query(1024)}`)).body).toBe("1024");
      const refused = await send("GET", `/?${query(1025)}`);
      expect(refused.status).toBe(400);
      expect(json(refused.body)).toMatchObject({ code: "too_many_query_fields" });
    },
  );
});

describe("the fields", () => {
  bothWays(
    "are found in any case",
    () =>
      new Chopin().get("/", (ctx) => ({
        one: ctx.header("X-ONE"),
        same: ctx.headers.get("x-one"),
        has: ctx.headers.has("X-One"),
        none: ctx.headers.get("x-none"),
        unset: ctx.header("x-none") === undefined,
        all: ctx.headers.getAll("x-one"),
        proto: ctx.header("__proto__") === undefined,
        odd: ctx.header("é") === undefined && ctx.header("a b") === undefined,
      })),
    async (send) => {
      const answer = await send("GET", "/", { headers: { "x-One": "value" } });
      expect(json(answer.body)).toEqual({
        one: "value",
        same: "value",
        has: true,
        none: null,
        unset: true,
        all: ["value"],
        proto: true,
        odd: true,
      });
    },
  );

  test("repeated lines are kept, joined by get", () =>
    withServer(
      new Chopin().get("/", ({ headers }) => ({
        joined: headers.get("X-A"),
        all: headers.getAll("x-a"),
        cookie: headers.get("Cookie"),
        lines: [...headers],
        object: headers,
        keys: [...headers.keys()].length,
        values: [...headers.values()].length,
      })),
      async (server) => {
        const answer = await exchange(
          server,
          "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nCookie: a=1\r\nx-a:\t2 \r\ncookie: b=2\r\n" +
            "X-Raw: caf\xe9\r\nConnection: close\r\n\r\n",
        );
        const body = Buffer.from(answer.split("\r\n\r\n")[1] ?? "", "latin1").toString();
        expect(json(body)).toEqual({
          joined: "1, 2",
          all: ["1", "2"],
          cookie: "a=1; b=2",
          lines: [
            ["host", "h"],
            ["x-a", "1"],
            ["cookie", "a=1"],
            ["x-a", "2"],
            ["cookie", "b=2"],
            ["x-raw", "café"],
            ["connection", "close"],
          ],
          object: {
            host: "h",
            "x-a": "1, 2",
            cookie: "a=1; b=2",
            "x-raw": "café",
            connection: "close",
          },
          keys: 7,
          values: 7,
        });
      },
    ));

  test("more names than the library keeps numbers for are still found", () =>
    withServer(
      new Chopin().get("/", (ctx) => {
        for (let at = 0; at < 400; at++) ctx.header(`x-none-${at}`);
        return [ctx.header("x-last"), ctx.headers.getAll("x-last")];
      }),
      async (server) => {
        const response = await fetch(server.url, { headers: { "X-Last": "here" } });
        expect(await response.json()).toEqual(["here", ["here"]]);
      },
    ));
});

describe("the body", () => {
  const make = () => {
    const app = new Chopin();
    app.post("/text", (ctx) => ctx.text());
    app.post("/json", (ctx) => [ctx.json(), ctx.json()]);
    app.post("/bytes", (ctx) => ctx.bytes());
    app.post("/awaited", async (ctx) => [await ctx.text(), (await ctx.bytes()).length]);
    app.post("/request", async ({ request }) => [request.method, await request.text()]);
    app.get("/none", (ctx) => [ctx.text(), ctx.bytes().length]);
    return app;
  };

  bothWays("as text, JSON and bytes", make, async (send) => {
    expect((await send("POST", "/text", { body: "häuser" })).body).toBe("häuser");
    expect((await send("POST", "/text", { body: "\ufeffno mark" })).body).toBe("no mark");
    expect((await send("POST", "/json", { body: '{"a":[1]}' })).body).toBe('[{"a":[1]},{"a":[1]}]');
    expect((await send("POST", "/bytes", { body: "raw" })).body).toBe("raw");
    expect((await send("POST", "/awaited", { body: "later" })).body).toBe('["later",5]');
    expect((await send("POST", "/request", { body: "web" })).body).toBe('["POST","web"]');
    expect((await send("GET", "/none")).body).toBe('["",0]');
  });

  bothWays("JSON that is none is refused", make, async (send) => {
    for (const body of ["", "{", "nope", '{"a":1}x']) {
      const answer = await send("POST", "/json", { body });
      expect(answer.status).toBe(400);
      expect(json(answer.body)).toMatchObject({ code: "invalid_json", title: "Bad Request" });
    }
  });

  bothWays("large bodies, which lie outside of the shared memory", make, async (send) => {
    const body = "0123456789abcdef".repeat(50_000);
    expect((await send("POST", "/text", { body })).body).toBe(body);
    expect((await send("POST", "/bytes", { body })).body).toBe(body);
    expect((await send("POST", "/awaited", { body })).body).toBe(JSON.stringify([body, 800_000]));
  });

  bothWays(
    "above its limit is refused",
    () => {
      const app = new Chopin();
      app.post("/small", { bodyLimit: 10 }, (ctx) => ctx.text());
      app.post("/default", (ctx) => ctx.bytes().length);
      return app;
    },
    async (send) => {
      expect((await send("POST", "/small", { body: "0123456789" })).body).toBe("0123456789");
      const refused = await send("POST", "/small", { body: "0123456789a" });
      expect(refused.status).toBe(413);
      expect(refused.body).toBe(
        '{"type":"about:blank","title":"Content Too Large","status":413,"code":"body_too_large"}',
      );
      const mebibyte = new Uint8Array(1024 * 1024);
      expect((await send("POST", "/default", { body: mebibyte })).body).toBe("1048576");
    },
  );
});

describe("a Web Request", () => {
  bothWays(
    "is made when asked for, once",
    () =>
      new Chopin().put("/:id", async (ctx) => {
        const { request } = ctx;
        return {
          same: request === ctx.request,
          method: request.method,
          path: new URL(request.url).pathname,
          field: request.headers.get("x-field"),
          body: await request.json(),
        };
      }),
    async (send) => {
      const sent = { headers: { "X-Field": "f" }, body: "[1]" };
      expect(json((await send("PUT", "/7", sent)).body)).toEqual({
        same: true,
        method: "PUT",
        path: "/7",
        field: "f",
        body: [1],
      });
    },
  );
});

describe("after the answer", () => {
  bothWays(
    "every member throws",
    () => {
      let kept: Context | undefined;
      const app = new Chopin();
      app.get("/keep", (ctx) => {
        kept = ctx;
        return "kept";
      });
      app.get("/use", () => {
        const members = [
          "method",
          "path",
          "query",
          "headers",
          "ip",
          "host",
          "url",
          "state",
        ] as const;
        const uses: (() => unknown)[] = members.map((name) => () => kept?.[name]);
        uses.push(
          () => kept?.params,
          () => kept?.request,
          () => kept?.text(),
          () => kept?.json(),
          () => kept?.json(1),
          () => kept?.bytes(),
          () => kept?.header("x"),
          () => kept?.header("x", "y"),
          () => kept?.status(200),
          () => kept?.queries("a"),
          () => kept?.param("a"),
          () => kept?.close(),
        );
        return uses.filter((use) => {
          try {
            use();
            return true;
          } catch (error) {
            return !(error instanceof ContextUsedAfterAnswer);
          }
        }).length;
      });
      return app;
    },
    async (send) => {
      await send("GET", "/keep");
      expect((await send("GET", "/use")).body).toBe("0");
    },
  );
});

test("a context keeps its request across awaits, whatever others come meanwhile", () => {
  const waiting: (() => void)[] = [];
  const app = new Chopin();
  app.post("/wait/:id", async (ctx) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
    const first = [ctx.params.id, ctx.header("x-own"), ctx.query.q, ctx.text(), ctx.ip];
    await Bun.sleep(1);
    return [...first, ctx.path, ctx.method, ctx.headers.get("X-Own")];
  });
  app.get("/release", () => {
    for (const resolve of waiting) resolve();
    return waiting.length;
  });
  return withServer(app, async (server) => {
    const answers = Array.from({ length: 50 }, (_, id) =>
      fetch(`${server.url}wait/${id}%2F?q=${id}`, {
        method: "POST",
        body: `body ${id} é`,
        headers: { "X-Own": `field ${id}` },
      }).then((response) => response.json()),
    );
    while (waiting.length < 50) await Bun.sleep(1);
    await (await fetch(`${server.url}release`)).text();
    for (const [id, answer] of (await Promise.all(answers)).entries()) {
      const own = `field ${id}`;
      expect(answer).toEqual([
        `${id}/`,
        own,
        String(id),
        `body ${id} é`,
        "127.0.0.1",
        `/wait/${id}%2F`,
        "POST",
        own,
      ]);
    }
  });
});

test("answers to pipelined requests keep their order, late ones too", () => {
  const app = new Chopin();
  app.get("/slow/:ms", async ({ params }) => {
    await Bun.sleep(Number(params.ms));
    return params.ms;
  });
  app.get("/fast", () => "fast");
  return withServer(app, async (server) => {
    const client = await RawClient.connect(server);
    const paths = ["/slow/20", "/fast", "/slow/1", "/fast", "/slow/5"];
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(""));
    const text = await client.read(
      (all) => all.split("HTTP/1.1 200").length === 6 && all.endsWith("5"),
    );
    client.close();
    const bodies = text
      .split(/HTTP\/1\.1 200 OK\r\n/)
      .slice(1)
      .map((part) => part.split("\r\n\r\n")[1]);
    expect(bodies).toEqual(["20", "fast", "1", "fast", "5"]);
  });
});
