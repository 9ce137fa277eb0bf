/** What handlers return and what is sent for it, by `fetch` and through a socket. */
import { describe, expect, spyOn, test } from "bun:test";
import { bytes, Chopin, html, json, redirect, text } from "../src/index.ts";
import { bothWays, exchange, withServer } from "./_setup.ts";

describe("return values", () => {
  const make = () => {
    const app = new Chopin();
    const values: Record<string, unknown> = {
      string: "text é",
      empty: "",
      object: { a: 1, b: "é" },
      array: [1, "two", null],
      number: 0,
      boolean: false,
      null: null,
      undefined: undefined,
      date: new Date(0),
      bytes: new Uint8Array([104, 105]),
      view: new Uint16Array([0x6968]),
      buffer: new TextEncoder().encode("buffer").buffer,
      node: Buffer.from("node"),
      bare: Object.assign(Object.create(null), { bare: true }),
      blob: new Blob(["blob"], { type: "image/svg+xml" }),
      params: new URLSearchParams({ a: "b" }),
      wide: "日本 🎉 \ud800",
    };
    app.get("/sync/:name", ({ params }) => values[params.name]);
    app.get("/async/:name", async ({ params }) => values[params.name]);
    app.get("/late/:name", async ({ params }) => {
      await Bun.sleep(0);
      return values[params.name];
    });
    return app;
  };

  bothWays("become bodies with the right type and length", make, async (send) => {
    for (const way of ["sync", "async", "late"]) {
      const expectAnswer = async (name: string, type: string | null, body: string) => {
        const answer = await send("GET", `/${way}/${name}`);
        expect([name, answer.status, answer.headers.get("content-type"), answer.body]).toEqual([
          name,
          200,
          type,
          body,
        ]);
        expect(answer.headers.get("content-length")).toBe(String(Buffer.byteLength(body)));
      };
      const plain = "text/plain; charset=utf-8";
      await expectAnswer("string", plain, "text é");
      await expectAnswer("empty", plain, "");
      await expectAnswer("wide", plain, "日本 🎉 \ufffd");
      await expectAnswer("object", "application/json", '{"a":1,"b":"é"}');
      await expectAnswer("array", "application/json", '[1,"two",null]');
      await expectAnswer("number", "application/json", "0");
      await expectAnswer("boolean", "application/json", "false");
      await expectAnswer("date", "application/json", '"1970-01-01T00:00:00.000Z"');
      await expectAnswer("bare", "application/json", '{"bare":true}');
      for (const [name, body] of Object.entries({
        bytes: "hi",
        view: "hi",
        buffer: "buffer",
        node: "node",
      })) {
        await expectAnswer(name, "application/octet-stream", body);
      }
      await expectAnswer("blob", "image/svg+xml", "blob");
      await expectAnswer("params", "application/x-www-form-urlencoded;charset=UTF-8", "a=b");
    }
  });

  bothWays("null and undefined become 204", make, async (send) => {
    for (const path of ["/sync/null", "/sync/undefined", "/late/null"]) {
      const { status, headers, body } = await send("GET", path);
      expect([status, body, [...headers]]).toEqual([204, "", []]);
    }
  });

  bothWays(
    "that are no answers fail",
    () => {
      const app = new Chopin().onError((error) => text(String(error), 500));
      app.get("/function", () => () => 1);
      app.get("/symbol", () => Symbol("s"));
      app.get("/bigint", () => 1n);
      app.get("/inside", () => ({ big: 1n }));
      app.get("/late", async () => {
        await Bun.sleep(0);
        return { big: 1n };
      });
      app.get("/circle", () => {
        const circle: Record<string, unknown> = {};
        circle.circle = circle;
        return circle;
      });
      return app;
    },
    async (send) => {
      for (const path of ["/function", "/symbol", "/bigint"]) {
        const answer = await send("GET", path);
        expect(answer.status).toBe(500);
        expect(answer.body).toContain("A handler cannot answer with a");
      }
      for (const path of ["/inside", "/circle", "/late"]) {
        const answer = await send("GET", path);
        expect(answer.status).toBe(500);
        expect(answer.body).toContain("TypeError");
      }
    },
  );

  bothWays(
    "of any size",
    () => {
      const app = new Chopin();
      app.get("/text/:length", ({ params }) => "é".repeat(Number(params.length)));
      app.get("/bytes/:length", ({ params }) => new Uint8Array(Number(params.length)).fill(120));
      app.get("/late/:length", async ({ params }) => {
        await Bun.sleep(0);
        return "é".repeat(Number(params.length));
      });
      return app;
    },
    async (send) => {
      for (const length of [21_845, 21_846, 65_536, 65_537, 700_000]) {
        expect((await send("GET", `/text/${length}`)).body).toBe("é".repeat(length));
        expect((await send("GET", `/late/${length}`)).body).toBe("é".repeat(length));
        expect((await send("GET", `/bytes/${length}`)).body).toBe("x".repeat(length));
      }
    },
  );
});

describe("answers of the context", () => {
  const make = () => {
    const app = new Chopin();
    app.get("/json", (ctx) => ctx.json({ a: 1 }, 201));
    app.get("/null", (ctx) => ctx.json(null));
    app.get("/string", (ctx) => ctx.json("s"));
    app.get("/undefined", (ctx) => ctx.json(undefined));
    app.get("/text", (ctx) => ctx.text("t", { status: 202, headers: { "X-A": "1" } }));
    app.get("/html", (ctx) => ctx.html("<p>é"));
    app.get("/bytes", (ctx) => ctx.bytes(new Uint8Array([1, 2]).buffer));
    app.get("/redirect", (ctx) => ctx.redirect("/é?q=%20"));
    app.get("/moved", (ctx) => ctx.redirect("https://example.org/", 308));
    app.get("/status", (ctx) => ctx.status(418).header("X-B", "2").text("teapot"));
    app.get("/plain", (ctx) => {
      ctx.status(201);
      return { made: true };
    });
    app.get("/gone", (ctx) => {
      ctx.status(404);
      return null;
    });
    app.get("/own", (ctx) => ctx.status(201).text("own", 203));
    app.get("/type", (ctx) => ctx.header("Content-Type", "text/csv").text("a,b"));
    app.get("/helpers/text", () => text("t", 201));
    app.get("/helpers/json", () => json([1], { headers: { "X-L": ["1", "2"] } }));
    app.get("/helpers/html", () => html("<p>"));
    app.get("/helpers/bytes", () => bytes(new Uint8Array([120])));
    app.get("/helpers/redirect", () => redirect("/x", 303));
    return app;
  };

  bothWays("carry status, type and fields", make, async (send) => {
    const of = async (path: string) => {
      const { status, headers, body } = await send("GET", path);
      return [status, headers.get("content-type"), body];
    };
    const plain = "text/plain; charset=utf-8";
    expect(await of("/json")).toEqual([201, "application/json", '{"a":1}']);
    expect(await of("/null")).toEqual([200, "application/json", "null"]);
    expect(await of("/string")).toEqual([200, "application/json", '"s"']);
    expect(await of("/undefined")).toEqual([200, "application/json", "null"]);
    expect(await of("/text")).toEqual([202, plain, "t"]);
    expect(await of("/html")).toEqual([200, "text/html; charset=utf-8", "<p>é"]);
    expect(await of("/bytes")).toEqual([200, "application/octet-stream", "\u0001\u0002"]);
    expect(await of("/status")).toEqual([418, plain, "teapot"]);
    expect(await of("/plain")).toEqual([201, "application/json", '{"made":true}']);
    expect(await of("/gone")).toEqual([404, null, ""]);
    expect(await of("/own")).toEqual([203, plain, "own"]);
    expect(await of("/type")).toEqual([200, "text/csv", "a,b"]);
    expect(await of("/helpers/text")).toEqual([201, plain, "t"]);
    expect(await of("/helpers/json")).toEqual([200, "application/json", "[1]"]);
    expect(await of("/helpers/html")).toEqual([200, "text/html; charset=utf-8", "<p>"]);
    expect(await of("/helpers/bytes")).toEqual([200, "application/octet-stream", "x"]);
    expect((await send("GET", "/text")).headers.get("x-a")).toBe("1");
    expect((await send("GET", "/status")).headers.get("x-b")).toBe("2");
    expect((await send("GET", "/helpers/json")).headers.get("x-l")).toBe("1, 2");
  });

  bothWays("send clients elsewhere", make, async (send) => {
    const of = async (path: string) => {
      const { status, headers } = await send("GET", path);
      return [status, headers.get("location"), headers.get("content-length")];
    };
    expect(await of("/redirect")).toEqual([302, "/%C3%A9?q=%20", "0"]);
    expect(await of("/moved")).toEqual([308, "https://example.org/", "0"]);
    expect(await of("/helpers/redirect")).toEqual([303, "/x", "0"]);
  });

  bothWays(
    "no answer with 204 or 304 has a body",
    () =>
      new Chopin()
        .get("/204", (ctx) => ctx.text("never seen", 204))
        .get("/304", (ctx) =>
          ctx.json({ never: "seen" }, { status: 304, headers: { ETag: '"x"' } }),
        ),
    async (send) => {
      const empty = await send("GET", "/204");
      expect([empty.status, empty.body]).toEqual([204, ""]);
      expect(empty.headers.has("content-length")).toBe(false);
      const unchanged = await send("GET", "/304");
      expect([unchanged.status, unchanged.body]).toEqual([304, ""]);
      expect(unchanged.headers.get("etag")).toBe('"x"');
      expect(unchanged.headers.has("content-type")).toBe(false);
    },
  );
});

describe("fields", () => {
  bothWays(
    "replace each other unless they are appended",
    () =>
      new Chopin().get("/", (ctx) => {
        ctx.header("X-Once", "1").header("x-once", "2");
        ctx.header("Set-Cookie", "a=1").header("Set-Cookie", "b=2", { append: true });
        ctx.header("Vary", "Accept", { append: true });
        return ctx.text("", { headers: { Vary: "Origin", "X-Once": "3", "X-Latin": "caf\xe9" } });
      }),
    async (send) => {
      const { headers } = await send("GET", "/");
      expect(headers.get("x-once")).toBe("2");
      expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
      expect(headers.get("vary")).toBe("Origin, Accept");
      expect(headers.get("x-latin")).toBe("caf\xe9");
    },
  );

  test("go out exactly as they were named", () =>
    withServer(
      new Chopin().get("/", (ctx) => ctx.header("X-mIxEd", " a  b ").text("x")),
      async (server) => {
        const answer = await exchange(
          server,
          "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        );
        expect(answer).toContain("\r\nX-mIxEd: a  b\r\n");
      },
    ));

  bothWays(
    "that cannot be sent are refused where they are set",
    () => {
      const app = new Chopin().onError((error) => text(String(error), 500));
      const cases: Record<string, [name: string, value: string]> = {
        crlf: ["X", "a\r\nSet-Cookie: b"],
        lf: ["X", "a\nb"],
        nul: ["X", "a\0b"],
        wide: ["X", "日"],
        name: ["X Y", "a"],
        colon: ["X:", "a"],
        empty: ["", "a"],
        length: ["Content-Length", "3"],
        encoding: ["transfer-encoding", "chunked"],
        connection: ["Connection", "close"],
      };
      app.get("/set/:name", (ctx) => ctx.header(...cases[ctx.params.name]!).text("sent"));
      app.get("/init/:name", (ctx) => {
        const [name, value] = cases[ctx.params.name]!;
        return ctx.text("sent", { headers: { [name]: value } });
      });
      app.get("/redirect", (ctx) => ctx.redirect("/a\r\nX: y"));
      app.get("/status", (ctx) => ctx.redirect("/a", 200));
      app.get("/number/:status", (ctx) => ctx.status(Number(ctx.params.status)).text("sent"));
      return app;
    },
    async (send) => {
      const names = ["crlf", "lf", "nul", "wide", "name", "colon", "empty", "length", "encoding"];
      for (const name of [...names, "connection"]) {
        for (const way of ["set", "init"]) {
          const answer = await send("GET", `/${way}/${name}`);
          expect([way, name, answer.status]).toEqual([way, name, 500]);
          expect(answer.body).toStartWith("ChopinError: ");
        }
      }
      for (const path of ["/redirect", "/status", "/number/99", "/number/600", "/number/200.5"]) {
        expect((await send("GET", path)).status).toBe(500);
      }
    },
  );
});

describe("a Web Response", () => {
  const stream = (chunks: (string | Uint8Array)[]) =>
    new ReadableStream({
      async pull(controller) {
        await Bun.sleep(0);
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    });
  const make = () => {
    const app = new Chopin();
    app.get("/text", () => new Response("web é"));
    app.get("/json", () => Response.json({ a: 1 }, { status: 201 }));
    app.get("/bytes", () => new Response(new Uint8Array([0xff, 0xfe])));
    app.get("/empty", () => new Response(null, { headers: { "X-A": "1" } }));
    app.get("/blank", () => new Response(""));
    app.get("/none", () => new Response(null, { status: 204 }));
    app.get("/redirect", () => Response.redirect("http://example.org/", 307));
    app.get("/stream", () => new Response(stream(["one ", Buffer.from("two")])));
    app.get("/bare-stream", () => stream(["bare"]));
    app.get("/status", (ctx) => {
      ctx.status(202);
      return new Response("x");
    });
    app.get("/cookies", (ctx) => {
      const headers = new Headers([
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ]);
      ctx.header("Set-Cookie", "c=3", { append: true });
      return new Response("x", { headers });
    });
    app.get("/hop", () => {
      const headers = { Connection: "close", "Transfer-Encoding": "chunked", "X-Kept": "yes" };
      return new Response("hop", { headers });
    });
    app.get("/used", async () => {
      const response = new Response("used");
      await response.text();
      return response;
    });
    return app;
  };

  bothWays("is sent as it is", make, async (send) => {
    const of = async (path: string) => {
      const { status, headers, body } = await send("GET", path);
      return [status, headers.get("content-type"), body];
    };
    const plain = "text/plain; charset=utf-8";
    expect(await of("/text")).toEqual([200, plain, "web é"]);
    expect(await of("/json")).toEqual([201, "application/json;charset=utf-8", '{"a":1}']);
    expect((await of("/bytes"))[1]).toBe("application/octet-stream");
    expect(await of("/empty")).toEqual([200, null, ""]);
    expect((await of("/blank"))[2]).toBe("");
    expect(await of("/none")).toEqual([204, null, ""]);
    expect((await of("/redirect"))[0]).toBe(307);
    expect(await of("/stream")).toEqual([200, plain, "one two"]);
    expect(await of("/bare-stream")).toEqual([200, plain, "bare"]);
    expect((await of("/status"))[0]).toBe(202);
    expect((await send("GET", "/empty")).headers.get("x-a")).toBe("1");
    expect((await send("GET", "/cookies")).headers.getSetCookie()).toEqual(["a=1", "b=2", "c=3"]);
    const hop = await send("GET", "/hop");
    expect([hop.body, hop.headers.get("x-kept")]).toEqual(["hop", "yes"]);
    expect(hop.headers.has("transfer-encoding")).toBe(false);
  });

  bothWays("whose body was read before is an error", make, async (send) => {
    const quiet = spyOn(console, "error").mockImplementation(() => {});
    expect((await send("GET", "/used")).status).toBe(500);
    quiet.mockRestore();
  });

  test("without end goes on until its reader leaves", async () => {
    const chunk = new Uint8Array(16 * 1024 * 1024);
    let cancelled = false;
    const app = new Chopin().get(
      "/",
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(chunk),
            cancel() {
              cancelled = true;
            },
          }),
        ),
    );
    const response = await app.fetch(new Request("http://x/"));
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    for (let read = 0; read < 100_000_000; ) read += (await reader.read()).value!.length;
    expect(cancelled).toBe(false);
    await reader.cancel();
    expect(cancelled).toBe(true);
  });
});

test("Date, Server and Connection are the server's", () => {
  const app = new Chopin();
  app.get("/", () => "x");
  app.get("/close", (ctx) => ctx.close().text("bye"));
  return withServer(
    app,
    async (server) => {
      const head = "HTTP/1.1\r\nHost: h\r\n";
      const answer = await exchange(server, `GET / ${head}Connection: close\r\n\r\n`);
      expect(answer).toContain("\r\nServer: Own/1.0\r\n");
      const date = /\r\nDate: ([^\r]+)\r\n/.exec(answer)?.[1] ?? "";
      expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(3000);
      // The server closes, although the client did not ask for it.
      expect(await exchange(server, `GET /close ${head}\r\n`)).toContain("Connection: close\r\n");
    },
    { serverHeader: "Own/1.0" },
  );
});
