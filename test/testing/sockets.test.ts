/** Servers of test clients: where they listen, and that they end. */
import { describe, expect, test as it } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError } from "../../src/client/index.ts";
import { Chopin } from "../../src/index.ts";
import { controlTime, test } from "../../src/testing/index.ts";
import { RawClient } from "../_setup.ts";
import { type Api, shop } from "./_shop.ts";

/** A handler that waits, and tells when it has begun. */
function waiting() {
  const arrived = Promise.withResolvers<void>();
  const app = new Chopin()
    .get("/waits", async () => {
      arrived.resolve();
      await new Promise(() => {});
    })
    .get("/streams", async function* () {
      yield "first\n";
      await new Promise(() => {});
    });
  return { app, arrived: arrived.promise };
}

const outcome = (call: Promise<unknown>) => call.catch((error: unknown) => error);

describe("a server", () => {
  it("listens on a port of its own, and stops with its scope", async () => {
    let url = "";
    {
      await using served = await test<Api>(shop()).serve();
      url = served.url;
      expect(url).toBe(`http://127.0.0.1:${served.port}/`);
      expect((await served.get("/who")).status).toBe(200);
    }
    await expect(fetch(url)).rejects.toThrow();
  });

  it("may be one of several, beside one that the application has itself", async () => {
    const app = shop();
    const server = await app.serve("127.0.0.1:0");
    try {
      await using one = await test<Api>(app).serve();
      await using other = await test<Api>(app).serve({ hostname: "::1" });
      expect(new Set([server.port, one.port, other.port]).size).toBe(3);
      expect((await one.get("/who")).body).toMatchObject({ ip: "127.0.0.1" });
      expect((await other.get("/who")).body).toMatchObject({ ip: "::1" });
      expect((await test<Api>(app).get("/who")).status).toBe(200);
      await one.stop();
      await one.stop();
      expect((await fetch(`${server.url}who`)).status).toBe(200);
      expect((await other.get("/who")).status).toBe(200);
    } finally {
      await server.stop();
    }
  });

  it("listens on a unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "chopin-kit-"));
    const unix = join(folder, "shop.sock");
    {
      await using served = await test<Api>(shop()).serve({ unix });
      expect(served.unix).toBe(unix);
      expect((await served.get("/users/:id", { params: { id: 7 } })).status).toBe(200);
    }
    expect(existsSync(unix)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  it("has the options of serve", async () => {
    await using served = await test<Api>(shop()).serve({ bodyLimit: 10, serverHeader: "shop" });
    const answer = await served.post("/echo", { body: "x".repeat(11) });
    expect([answer.status, answer.headers.get("server")]).toEqual([413, "shop"]);
  });

  it("takes declarations that were made after test was called", async () => {
    const app = new Chopin();
    const api = test(app);
    app.get("/later", "there");
    expect((await api.get("/later")).body).toBe("there");
    await using served = await api.serve();
    expect((await served.get("/later")).body).toBe("there");
  });

  it("does not open the ports of metrics and health, and has their routes", async () => {
    const app = new Chopin().metrics().health({ stopDelayMs: 60_000 }).get("/", "hello");
    {
      await using served = await test(app).serve();
      expect((await served.get("/")).body).toBe("hello");
      expect((await served.get("/healthz")).status).toBe(200);
      expect((await served.get("/metrics")).body).toContain("chopin_requests_total 3");
    }
    expect((await test(app).get("/readyz")).status).toBe(200);
    // Both would be the same port, which two servers cannot have.
    const fixed = new Chopin().metrics({ port: 9464 }).get("/", "hello");
    await using one = await test(fixed).serve();
    await using other = await test(fixed).serve();
    expect([(await one.get("/")).status, (await other.get("/")).status]).toEqual([200, 200]);
  });

  it("runs hooks of its life, and stops gently when asked to", async () => {
    const told: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const app = new Chopin().get("/", async () => {
      arrived.resolve();
      await go.promise;
      return "answered";
    });
    const served = await test(app).serve({
      onStart: () => told.push("start"),
      onStop: () => told.push("stop"),
    });
    const call = served.get("/");
    await arrived.promise;
    const stopped = served.stop({ timeoutMs: 10_000 });
    go.resolve();
    expect((await call).body).toBe("answered");
    await stopped;
    expect(told).toEqual(["start", "stop"]);
  });
});

describe("the end of a scope", () => {
  for (const controlled of [false, true]) {
    const name = controlled ? " while time is stopped" : "";

    it(`closes connections whose handlers wait, and streams, at once${name}`, async () => {
      using _ = controlled ? controlTime() : undefined;
      const { app, arrived } = waiting();
      const served = await test(app).serve();
      const call = outcome(served.get("/waits"));
      const stream = await served.get("/streams", { as: "stream" });
      const idle = await RawClient.connect(served as never);
      await arrived;
      await served[Symbol.asyncDispose]();
      const error = (await call) as ClientError;
      expect([error instanceof ClientError, error.code]).toEqual([true, "network_error"]);
      const rest = new Response(stream.body as ReadableStream).text();
      await expect(rest).rejects.toThrow(/broke off/);
      await idle.read();
    });
  }
});
