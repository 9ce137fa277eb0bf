/** The middleware that do one small thing: bodyLimit, timeout, requestId, cacheControl, … */
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { Chopin, HTTPError } from "../../src/index.ts";
import {
  bodyLimit,
  type CacheControlOptions,
  cacheControl,
  type RequestIdOptions,
  type RequestIdState,
  requestId,
  type ServerTimingState,
  serverTiming,
  timeout,
} from "../../src/middleware/index.ts";
import { bothWays, exchange, withServer } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

// Errors of the server are printed; here they are made on purpose.
const printed = spyOn(console, "error");
beforeAll(() => printed.mockImplementation(() => {}));
afterAll(() => printed.mockRestore());

describe("bodyLimit", () => {
  test("makes reading a larger stream fail", async () => {
    const app = new Chopin().layer(bodyLimit({ maxBytes: 4 }));
    app.post("/", { streamBody: true }, async (ctx) => {
      let bytes = 0;
      for await (const piece of ctx.body) bytes += piece.length;
      return bytes;
    });
    await withServer(app, async (server) => {
      const post = (chunks: string) =>
        exchange(
          server,
          "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
            `Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
        );
      expect(await post("2\r\nab\r\n2\r\ncd\r\n")).toEndWith("\r\n\r\n4");
      expect(await post("2\r\nab\r\n3\r\ncde\r\n")).toStartWith("HTTP/1.1 413 ");
    });
  });

  const make = () => {
    const app = new Chopin().layerPath("/small", bodyLimit({ maxBytes: 4 }));
    app.post("/*rest", (ctx) => ctx.text());
    return app;
  };

  bothWays("refuses larger bodies with 413", make, async (send) => {
    expect((await send("POST", "/small", { body: "1234" })).body).toBe("1234");
    expect((await send("POST", "/small")).body).toBe("");
    expect((await send("POST", "/large", { body: "12345" })).body).toBe("12345");
    const refused = await send("POST", "/small/x", { body: "12345" });
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.body)).toMatchObject({
      code: "body_too_large",
      detail: "The body may have 4 bytes.",
    });
  });

  test("counts bodies that come in chunks", () =>
    withServer(make(), async (server) => {
      const head =
        "POST /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked";
      const sent = async (chunks: string) =>
        (await exchange(server, `${head}\r\n\r\n${chunks}`)).slice(9, 12);
      expect(await sent("2\r\n12\r\n2\r\n34\r\n0\r\n\r\n")).toBe("200");
      expect(await sent("2\r\n12\r\n3\r\n345\r\n0\r\n\r\n")).toBe("413");
    }));

  test("wrong options", () => {
    expectFault(() => bodyLimit({ maxBytes: 1.5 }), "maxBytes is a whole number");
    expectFault(() => bodyLimit({} as never), "not undefined");
  });
});

describe("timeout", () => {
  const never = new Promise<never>(() => {});

  bothWays(
    "answers when the handler has not",
    () => {
      const app = new Chopin().layerPath("/never", timeout({ timeoutMs: 1 }));
      app.layerPath("/504", timeout({ timeoutMs: 1, status: 504 }));
      app.get("/never", () => never);
      app.get("/504", () => never);
      return app;
    },
    async (send) => {
      const late = await send("GET", "/never");
      expect(late.status).toBe(503);
      expect(JSON.parse(late.body)).toMatchObject({
        code: "handler_timeout",
        detail: "There was no answer within 1 ms.",
      });
      expect((await send("GET", "/504")).status).toBe(504);
    },
  );

  bothWays(
    "leaves those alone that answer in time",
    () => {
      const app = new Chopin().layer(timeout({ timeoutMs: 60_000 }));
      app.get("/now", () => "now");
      app.get("/soon", async () => {
        await Bun.sleep(0);
        return "soon";
      });
      app.get("/fails", async () => {
        await Bun.sleep(0);
        throw new HTTPError(409);
      });
      return app;
    },
    async (send) => {
      expect((await send("GET", "/now")).body).toBe("now");
      expect((await send("GET", "/soon")).body).toBe("soon");
      expect((await send("GET", "/fails")).status).toBe(409);
    },
  );

  test("what comes after the deadline is dropped", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const app = new Chopin().layer(timeout({ timeoutMs: 1 })).get("/", () => promise);
    await withServer(app, async (server) => {
      expect((await fetch(server.url)).status).toBe(503);
      resolve("late");
      expect((await fetch(new URL("/missing", server.url))).status).toBe(404);
    });
  });

  test("wrong options", () => {
    expectFault(() => timeout({ timeoutMs: 0 }), "timeoutMs is a whole number");
    expectFault(() => timeout({ timeoutMs: 1, status: 500 as 503 }), "status is 408, 503 or 504");
  });
});

describe("requestId", () => {
  const make = (options?: RequestIdOptions) => () => {
    const app = new Chopin<RequestIdState>().layer(requestId(options));
    app.get("/", ({ state }) => state.requestId);
    return app as unknown as Chopin;
  };

  bothWays("takes over safe ids and makes others", make(), async (send) => {
    const taken = await send("GET", "/", { headers: { "X-Request-Id": "abc-1.2:3" } });
    expect([taken.body, taken.headers.get("x-request-id")]).toEqual(["abc-1.2:3", "abc-1.2:3"]);
    for (const id of [undefined, "a b", "a<b", "é", "x".repeat(129), "a, b"]) {
      const headers: Record<string, string> = id === undefined ? {} : { "X-Request-Id": id };
      const made = await send("GET", "/", { headers });
      expect(made.body).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      expect(made.headers.get("x-request-id")).toBe(made.body);
    }
    const missing = await send("GET", "/missing", { headers: { "X-Request-Id": "kept" } });
    expect(missing.headers.get("x-request-id")).toBe("kept");
  });

  const own = {
    headerName: "X-Trace",
    accept: (id: string) => id === "yes",
    generate: () => "new",
  };
  bothWays("by other rules", make(own), async (send) => {
    expect((await send("GET", "/", { headers: { "X-Trace": "yes" } })).body).toBe("yes");
    const refused = await send("GET", "/", { headers: { "X-Trace": "no" } });
    expect(refused.headers.get("x-trace")).toBe("new");
  });

  bothWays("never from outside", make({ accept: false, generate: () => "1" }), async (send) => {
    expect((await send("GET", "/", { headers: { "X-Request-Id": "abc" } })).body).toBe("1");
  });

  test("wrong options", () => {
    expectFault(() => requestId({ headerName: "a b" }), "headerName is a field name");
    expectFault(() => requestId({ accept: "yes" as never }), "accept is true, false or a function");
  });
});

describe("cacheControl", () => {
  bothWays(
    "is set on what GET and HEAD are answered with",
    () => {
      const app = new Chopin().layer(
        cacheControl({ public: true, maxAgeSeconds: 60, staleWhileRevalidateSeconds: 30 }),
      );
      app.get("/", () => "x").post("/", () => "x");
      app.get("/own", (ctx) => ctx.header("Cache-Control", "no-store").text(""));
      app.get("/fails", () => {
        throw new HTTPError(503);
      });
      return app;
    },
    async (send) => {
      const value = async (method: string, path: string) =>
        (await send(method, path)).headers.get("cache-control");
      expect(await value("GET", "/")).toBe("public, max-age=60, stale-while-revalidate=30");
      expect(await value("HEAD", "/")).toBe("public, max-age=60, stale-while-revalidate=30");
      expect(await value("POST", "/")).toBeNull();
      expect(await value("GET", "/own")).toBe("no-store");
      expect(await value("GET", "/fails")).toBeNull();
      expect(await value("GET", "/missing")).toBeNull();
    },
  );

  test("wrong options", () => {
    const fault = (options: CacheControlOptions, text: string) =>
      expectFault(() => cacheControl(options), text);
    fault({}, "no directive was given");
    fault({ public: true, private: true }, "contradict each other");
    fault({ noStore: true, maxAgeSeconds: 1 }, "contradict each other");
    fault({ private: true, sharedMaxAgeSeconds: 1 }, "contradict each other");
    fault({ maxAgeSeconds: 0.5 }, "maxAgeSeconds is a whole number");
    fault({ maxAge: 1 } as object, '"maxAge" is no option');
    cacheControl({ mustUnderstand: true, noStore: true, maxAgeSeconds: 60 });
  });
});

describe("serverTiming", () => {
  bothWays(
    "sends what was measured",
    () => {
      const app = new Chopin<ServerTimingState>().layer(serverTiming({ enabled: true }));
      app.get("/", async ({ state }) => {
        state.timing.add("cache", undefined, 'a "hit"');
        state.timing.add("db", 1.23456);
        expect(state.timing.measure("sync", () => 1)).toBe(1);
        expect(await state.timing.measure("async", async () => 2, "later")).toBe(2);
        expect(() =>
          state.timing.measure("throws", () => {
            throw new Error("kept");
          }),
        ).toThrow("kept");
        expect(() => state.timing.add("a b")).toThrow("no name of a metric");
        expect(() => state.timing.add("a", 1, "\r\n")).toThrow("printable ASCII");
        return "";
      });
      return app as unknown as Chopin;
    },
    async (send) => {
      const value = (await send("GET", "/")).headers.get("server-timing") ?? "";
      expect(
        value.replaceAll(/(sync|async|throws|total)(;desc="later")?;dur=[\d.]+/g, "$1$2"),
      ).toBe('cache;desc="a \\"hit\\"", db;dur=1.235, sync, async;desc="later", throws, total');
    },
  );

  bothWays(
    "is silent where it is switched off, and short",
    () => {
      const app = new Chopin<ServerTimingState>();
      const enabled = (ctx: { readonly path: string }) => ctx.path === "/many";
      app.layer(serverTiming({ enabled, total: false }));
      app.get("/off", ({ state }) => state.timing.measure("work", () => "off"));
      app.get("/many", ({ state }) => {
        for (let count = 0; count < 1000; count++) state.timing.add(`m${count}`);
        return "";
      });
      return app as unknown as Chopin;
    },
    async (send) => {
      const off = await send("GET", "/off");
      expect([off.body, off.headers.get("server-timing")]).toEqual(["off", null]);
      const many = await send("GET", "/many");
      expect(many.headers.get("server-timing")?.split(", ").length).toBe(64);
    },
  );

  test("wrong options", () => {
    expectFault(() => serverTiming({ enabled: 1 as never }), "enabled is true, false");
  });
});
