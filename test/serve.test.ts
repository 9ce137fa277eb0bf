/** Listening and stopping. */
import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin, type ChopinError } from "../src/index.ts";
import { exchange, RawClient, withServer } from "./_setup.ts";

const hello = () => new Chopin().get("/", () => "hello");

describe("serve", () => {
  test("takes an address, a port or options, and says what was bound", async () => {
    for (const address of ["127.0.0.1:0", 0, { hostname: "127.0.0.1", port: 0 }]) {
      const server = await hello().serve(address);
      expect(server.port).toBeGreaterThan(0);
      expect(await (await fetch(server.url)).text()).toBe("hello");
      await server.stop();
    }
  });

  test("speaks IPv6", async () => {
    const server = await hello().serve("[::1]:0");
    expect(server.hostname).toBe("::1");
    expect(server.url).toBe(`http://[::1]:${server.port}/`);
    expect(await (await fetch(server.url)).text()).toBe("hello");
    await server.stop();
  });

  test("speaks over a unix socket", async () => {
    const unix = join(tmpdir(), `chopin-${process.pid}.sock`);
    const server = await hello()
      .get("/ip", ({ ip }) => `[${ip}]`)
      .serve({ unix });
    expect(server.unix).toBe(unix);
    expect(await (await fetch("http://localhost/", { unix })).text()).toBe("hello");
    expect(await (await fetch("http://localhost/ip", { unix })).text()).toBe("[]");
    await server.stop();
    expect(await Bun.file(unix).exists()).toBe(false);
  });

  test("never shares a port that is in use", () =>
    withServer(hello(), async (server) => {
      const address = `127.0.0.1:${server.port}`;
      expect(hello().serve(address)).rejects.toThrow(`cannot listen on ${address}`);
    }));

  test("refuses addresses that cannot be", async () => {
    for (const hostname of ["no.such.host.invalid", "300.1.1.1", "a b"]) {
      expect(hello().serve({ hostname, port: 0 })).rejects.toThrow("cannot listen on");
    }
    expect(hello().serve("nonsense")).rejects.toThrow("is no address");
  });

  test("is refused a second time, and may be called again after stop", async () => {
    const app = hello();
    await app.serve("127.0.0.1:0");
    expect(app.serve("127.0.0.1:0")).rejects.toMatchObject({ code: "already_serving" });
    expect(() => app.get("/late", () => 1)).toThrow("fixed while serving");
    await app.stop();
    app.get("/late", () => "late");
    await withServer(app, async (server) => {
      expect(await (await fetch(`${server.url}late`)).text()).toBe("late");
    });
  });

  test("rejects for wrong routes, and serves after they are mended", async () => {
    const app = hello().get("/", () => "again");
    const error = await app.serve("127.0.0.1:0").catch((reason: unknown) => reason);
    expect((error as ChopinError).code).toBe("duplicate_route");
    expect(app.serve("127.0.0.1:0")).rejects.toMatchObject({ code: "duplicate_route" });
  });
});

describe("limits", () => {
  test("of heads and bodies", () =>
    withServer(
      hello().post("/", (ctx) => ctx.text()),
      async (server) => {
        const long = `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(2000)}\r\n\r\n`;
        expect(await exchange(server, long)).toStartWith("HTTP/1.1 431 ");
        const body = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789";
        expect(await exchange(server, body)).toStartWith("HTTP/1.1 413 ");
        expect(await (await fetch(server.url, { method: "POST", body: "12345678" })).text()).toBe(
          "12345678",
        );
      },
      { headLimit: 1024, bodyLimit: 8 },
    ));

  test("of fields, and of requests that wait", () =>
    withServer(
      new Chopin().get("/", async () => {
        await Bun.sleep(5);
        return "late";
      }),
      async (server) => {
        const head = "GET / HTTP/1.1\r\nHost: h\r\n";
        expect(await exchange(server, `${head}A: 1\r\nB: 2\r\n\r\n`)).toStartWith("HTTP/1.1 431 ");
        const close = "Connection: close\r\n\r\n";
        const both = await exchange(server, `${head}\r\n${head}${close}`);
        expect(both).toContain("late");
        expect(both).toContain("HTTP/1.1 503 ");
      },
      { fieldsMax: 2, pendingMax: 1 },
    ));

  test("of time for a head", () =>
    withServer(
      hello(),
      async (server) => {
        expect(await exchange(server, "GET / HTTP/1.1\r\nHost:")).toStartWith("HTTP/1.1 408 ");
      },
      { headTimeoutMs: 50 },
    ));
});

describe("stop", () => {
  test("lets a request in flight finish", async () => {
    const app = new Chopin();
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    app.get("/", async () => {
      started.resolve();
      await release.promise;
      return "finished";
    });
    const server = await app.serve("127.0.0.1:0");
    const answer = fetch(server.url).then((response) => response.text());
    await started.promise;
    const stopped = server.stop();
    release.resolve();
    expect(await answer).toBe("finished");
    await stopped;
    expect(fetch(server.url)).rejects.toThrow();
  });

  test("gives up on one that takes too long, whose context still works", async () => {
    const app = new Chopin();
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const done = Promise.withResolvers<string>();
    app.get("/:id", async (ctx) => {
      started.resolve();
      await release.promise;
      done.resolve(`${ctx.params.id} ${ctx.header("x-own")}`);
      return "too late";
    });
    const server = await app.serve("127.0.0.1:0");
    const client = await RawClient.connect(server);
    client.send("GET /7 HTTP/1.1\r\nHost: h\r\nX-Own: field\r\n\r\n");
    await started.promise;
    await server.stop({ timeoutMs: 10 });
    release.resolve();
    expect(await done.promise).toBe("7 field");
  });

  test("closes idle connections and may be called twice", async () => {
    const app = hello();
    const server = await app.serve("127.0.0.1:0");
    const client = await RawClient.connect(server);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await client.read((text) => text.endsWith("hello"));
    await Promise.all([app.stop(), server.stop(), app.stop()]);
    await client.read();
    expect(client.closed).toBe(true);
  });
});
