/** Calls of `test(app)`: the same in process and over a socket. */
import { describe, expect, test as it, spyOn } from "bun:test";
import { deflateSync } from "node:zlib";
import { ClientError } from "../../src/client/index.ts";
import { Chopin } from "../../src/index.ts";
import { compress } from "../../src/middleware/index.ts";
import { test } from "../../src/testing/index.ts";
import { type Api, bothWays, shop } from "./_shop.ts";

describe("a call", () => {
  bothWays("has the answer, whatever its status", async (api) => {
    const found = await api.get("/users/:id", { params: { id: 7 } });
    expect([found.status, found.body]).toEqual([200, { id: 7, name: "Kim" }]);
    const missing = await api.get("/users/:id", { params: { id: 8 } });
    expect([missing.status, missing.body]).toEqual([404, { why: "unknown" }]);
    const created = await api.post("/users", { body: { name: "Lou" } });
    expect([created.status, created.body]).toEqual([201, { id: 8, name: "Lou" }]);
    const refused = await api.post("/users", { body: { name: "" } });
    expect([refused.status, refused.problem?.code]).toEqual([422, "validation_failed"]);
    expect(await api.get("/users/:id", { params: { id: 7 } }).orThrow()).toEqual({
      id: 7,
      name: "Kim",
    });
    expect((await api.request("POST", "/echo", { body: "as it is" })).body).toBe("as it is");
    expect((await api.head("/users/:id", { params: { id: 7 } })).status).toBe(200);
  });

  bothWays("comes from the loopback address", async (api) => {
    const { body } = await api.get("/who");
    expect(body).toMatchObject({ ip: "127.0.0.1", secure: false });
  });

  bothWays("shows redirects, and refuses to follow them", async (api) => {
    const moved = await api.get("/moved");
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "/users/7"]);
    const followed = api.get("/moved", { init: { redirect: "follow" } });
    await expect(followed).rejects.toThrow(/GET .*\/moved: redirects are not followed/);
  });

  bothWays("has streams and events", async (api) => {
    const numbers = await api.get("/numbers", { as: "stream" }).orThrow();
    expect(await new Response(numbers).text()).toBe("1\n2\n");
    const seen: unknown[] = [];
    for await (const { event, data } of api.events("/ticks", { reconnect: false })) {
      seen.push([event, data]);
    }
    expect(seen).toEqual([
      ["tick", 1],
      ["tick", 2],
    ]);
  });

  bothWays("may be any request", async (api) => {
    const init = { method: "POST", body: "{", headers: { "content-type": "application/json" } };
    expect((await api.fetch("/users", init)).status).toBe(400);
    expect((await api.fetch("/users/7?x=1")).status).toBe(200);
  });

  it("has the address, host and scheme that a test gives", async () => {
    const api = test<Api>(shop(), { base: "https://shop.example", ip: "2001:db8::1" });
    const { body } = await api.get("/who");
    expect(body).toEqual({ ip: "2001:db8::1", secure: true, host: "shop.example" });
  });

  it("lies below the path of the base, also over a socket", async () => {
    const api = test<Api>(new Chopin().nest("/v1", shop()), { base: "http://localhost/v1/" });
    const call = { params: { id: 7 } };
    expect((await api.get("/users/:id", call)).status).toBe(200);
    await using served = await api.serve();
    expect((await served.get("/users/:id", call)).status).toBe(200);
    expect((await served.fetch("/users/7")).status).toBe(200);
  });

  it("of an application without types takes any path", async () => {
    const api = test(shop());
    expect((await api.get("/users/7")).body).toEqual({ id: 7, name: "Kim" });
    expect((await api.get("/users/:id", { params: { id: 8 } })).status).toBe(404);
    expect(() => api.get("/users/7?full=1")).toThrow(/the query of a call stands in `query`/);
  });
});

describe("compressed answers", () => {
  const text = "word ".repeat(2000);
  const app = new Chopin();
  app.layerPath("/chosen", compress()).get("/chosen", () => text);
  app.get("/deflate", (ctx) =>
    ctx.bytes(deflateSync(text), { headers: { "content-encoding": "deflate" } }),
  );

  for (const coding of ["gzip", "br", "zstd", "deflate"]) {
    it(`are read in process as over a socket: ${coding}`, async () => {
      const path = coding === "deflate" ? "/deflate" : "/chosen";
      const api = test(app);
      await using served = await api.serve();
      for (const client of [api, served]) {
        const answer = await client.get(path, {
          headers: { "accept-encoding": coding },
          as: "text",
        });
        expect([answer.headers.get("content-encoding"), answer.body]).toEqual([coding, text]);
      }
    });
  }
});

describe("leaving", () => {
  const endless = () => {
    const left = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const app = new Chopin().get("/endless", async ({ signal }) => {
      arrived.resolve();
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)),
      ).catch(() => left.resolve());
    });
    return { app, left: left.promise, arrived: arrived.promise };
  };

  it("in process, is heard by the handler", async () => {
    const { app, left, arrived } = endless();
    const controller = new AbortController();
    const api = test(app);
    const call = api.get("/endless", { signal: controller.signal });
    await arrived;
    controller.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await left;
    expect(api.errors).toEqual([]);
  });

  it("over a socket, is heard by the handler", async () => {
    const { app, left, arrived } = endless();
    const controller = new AbortController();
    await using served = await test(app).serve();
    const call = served.get("/endless", { signal: controller.signal });
    await arrived;
    controller.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await left;
    expect(served.errors).toEqual([]);
  });

  it("a stream in process, ends its producer", async () => {
    const ended = Promise.withResolvers<void>();
    const app = new Chopin().get("/pieces", async function* () {
      try {
        for (;;) yield "piece";
      } finally {
        ended.resolve();
      }
    });
    const body = await test(app).get("/pieces", { as: "stream" }).orThrow();
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    await ended.promise;
  });
});

describe("errors", () => {
  const quietly = () => spyOn(console, "error").mockImplementation(() => {});

  bothWays("of handlers are kept, and answers stay what they are", async (api) => {
    using _ = quietly();
    expect((await api.get("/fails")).status).toBe(500);
    expect((await api.get("/late")).status).toBe(500);
    expect((await api.get("/huge")).status).toBe(500);
    expect(api.errors.map(String)).toEqual([
      "Error: the disk is full",
      "Error: the disk is full, later",
      expect.stringContaining("BigInt"),
    ]);
    api.errors.length = 0;
    expect((await api.get("/refuses")).status).toBe(503);
    expect(api.errors).toEqual([]);
  });

  it("are thrown where a test asks for it, with what was thrown as their cause", async () => {
    using _ = quietly();
    const api = test<Api>(shop(), { throwErrors: true });
    await using served = await api.serve();
    for (const client of [api, served]) {
      const thrown = await client.get("/fails").catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(ClientError);
      const { code, status, cause, message } = thrown as ClientError;
      expect([code, status]).toEqual(["internal_error", 500]);
      expect(message).toEndWith("/fails: 500: Error: the disk is full");
      expect(cause).toBe(client.errors[0]);
      expect((cause as Error).stack).toContain("_shop.ts");
      await expect(client.get("/huge")).rejects.toThrow(/BigInt/);
      expect((await client.get("/refuses")).status).toBe(503);
      expect((await client.get("/users/:id", { params: { id: 8 } })).status).toBe(404);
    }
  });

  it("are each in the call that they belong to", async () => {
    using _ = quietly();
    const app = new Chopin().get("/:name", async ({ params }) => {
      await Bun.sleep(1);
      if (params.name !== "fine") throw new Error(params.name);
      return "fine";
    });
    const api = test(app, { throwErrors: true });
    await using served = await api.serve();
    for (const client of [api, served]) {
      const names = ["a", "fine", "b", "fine", "c"];
      const calls = await Promise.allSettled(names.map((name) => client.get(`/${name}`)));
      const told = calls.map((call) =>
        call.status === "fulfilled" ? call.value.body : (call.reason as ClientError).cause,
      );
      expect(told.map(String)).toEqual(["Error: a", "fine", "Error: b", "fine", "Error: c"]);
    }
  });

  it("that onError answers with 500 are kept too, those of another status are not", async () => {
    const app = new Chopin()
      .onError((error, ctx) => ctx.json({ ok: false }, String(error).includes("gone") ? 410 : 500))
      .get("/gone", () => {
        throw new Error("gone");
      })
      .get("/broken", () => {
        throw new Error("broken");
      });
    const api = test(app);
    expect([(await api.get("/gone")).status, (await api.get("/broken")).status]).toEqual([
      410, 500,
    ]);
    expect(api.errors.map(String)).toEqual(["Error: broken"]);
  });

  it("of a stream reach its reader in process", async () => {
    const app = new Chopin().get("/broken", async function* () {
      yield "one";
      await Bun.sleep(1);
      throw new Error("cut off");
    });
    const error = await test(app)
      .get("/broken")
      .catch((reason: unknown) => reason);
    expect([(error as ClientError).code, String((error as ClientError).cause)]).toEqual([
      "network_error",
      "Error: cut off",
    ]);
  });
});

describe("options", () => {
  it("that are wrong are refused", async () => {
    const wrong = (options: object) => () => test(shop(), options);
    expect(wrong({ throwError: true })).toThrow(/"throwError" is no option; there are base, ip/);
    expect(wrong({ fetch })).toThrow(/"fetch" is no option/);
    expect(wrong({ throwErrors: "yes" })).toThrow(/throwErrors is true or false/);
    expect(wrong({ base: "localhost" })).toThrow(/the base is a URL/);
    expect(() => test({} as Chopin)).toThrow(/it takes an application/);
    const api = test(shop());
    await expect(api.serve({ workers: 2 })).rejects.toThrow(/a server of tests has no workers/);
    expect(() => api.session({ cookie: {} } as object)).toThrow(/"cookie" is no option/);
    await using served = await api.serve();
    expect(() => served.session({ ip: "::1" })).toThrow(/leave out ip/);
  });
});
