/** Request bodies that their handlers take as they come. */
import { describe, expect, spyOn, test } from "bun:test";
import { Chopin, type Context } from "../../src/index.ts";
import { bothWays, exchange, unchunked, withServer } from "../_setup.ts";
import { bodyOf, Peer, quiet, until } from "./_streams.ts";

const streamed = { streamBody: true } as const;

async function countOf(ctx: Context): Promise<number> {
  let count = 0;
  for await (const piece of ctx.body) count += piece.length;
  return count;
}

const app = () =>
  new Chopin()
    .post("/count", { ...streamed, bodyLimit: 100_000 }, countOf)
    .post("/echo", streamed, (ctx) => ctx.body)
    .post("/typed", streamed, (ctx) => ctx.stream(ctx.body, { headers: { "Content-Type": "a/b" } }))
    .post("/text", streamed, (ctx) => ctx.text())
    .post("/request", streamed, (ctx) => ctx.request.text())
    .post("/whole", async (ctx) => `${await countOf(ctx)} ${ctx.text()}`)
    .post("/ignore", streamed, () => "ignored")
    .post("/two", streamed, async (ctx) => {
      const reader = ctx.body.getReader();
      const first = await reader.read();
      reader.releaseLock();
      return [first.value?.length ?? 0, await countOf(ctx)];
    })
    .get("/next", () => "next");

const head = (path: string, fields: string, minor = 1) =>
  `POST ${path} HTTP/1.${minor}\r\nHost: h\r\n${fields}\r\n`;
const sized = (path: string, body: string, fields = "") =>
  head(path, `${fields}Content-Length: ${body.length}\r\n`) + body;
const last = "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

describe("reading", () => {
  bothWays("counted", app, async (send) => {
    expect((await send("POST", "/count", { body: "x".repeat(90_000) })).body).toBe("90000");
    expect((await send("POST", "/count", { body: "" })).body).toBe("0");
    expect((await send("POST", "/count")).body).toBe("0");
  });
  bothWays("sent back", app, async (send) => {
    const body = "hello ".repeat(50_000);
    for (const path of ["/echo", "/typed", "/request"]) {
      expect((await send("POST", path, { body })).body === body).toBe(true);
    }
  });
  bothWays("a whole body as a stream, and again as text", app, async (send) => {
    expect((await send("POST", "/whole", { body: "hello" })).body).toBe("5 hello");
  });
  bothWays("not at once where it comes as a stream", app, async (send) => {
    using told = spyOn(console, "error").mockImplementation(() => {});
    const { status } = await send("POST", "/text", { body: "hello" });
    expect([status, (told.mock.calls[0]![0] as { code: string }).code]).toEqual([
      500,
      "body_is_streamed",
    ]);
  });
  bothWays("by one reader after the other", app, async (send) => {
    const { body } = await send("POST", "/two", { body: "x".repeat(300_000) });
    const counts = JSON.parse(body) as number[];
    expect(counts[0]! + counts[1]!).toBe(300_000);
  });

  test("chunks, and what is pipelined behind them", () =>
    withServer(app(), async (server) => {
      const chunks = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n";
      const request = head("/count", "Transfer-Encoding: chunked\r\n") + chunks;
      const text = await exchange(server, request + sized("/count", "hello") + last);
      expect(text.match(/\r\n\r\n[^H]*/g)).toEqual(["\r\n\r\n5", "\r\n\r\n5", "\r\n\r\nnext"]);
    }));
});

describe("limits", () => {
  test("413 by Content-Length before the handler runs", async () => {
    let ran = false;
    const small = new Chopin().post("/", { ...streamed, bodyLimit: 10 }, () => {
      ran = true;
    });
    await withServer(small, async (server) => {
      const text = await exchange(server, head("/", "Content-Length: 11\r\n"));
      expect(text).toStartWith("HTTP/1.1 413 ");
      expect(ran).toBe(false);
    });
  });
  test("413 within chunks", () =>
    withServer(app(), async (server) => {
      const chunk = `2000\r\n${"x".repeat(0x2000)}\r\n`;
      const request = head("/count", "Transfer-Encoding: chunked\r\n") + chunk.repeat(20);
      const text = await exchange(server, `${request}0\r\n\r\n${last}`);
      expect(text).toStartWith("HTTP/1.1 413 ");
      expect(text).not.toContain("next");
    }));
  test("400 within chunks, also once the answer is under way", async () => {
    using _ = spyOn(console, "error").mockImplementation(() => {});
    await withServer(app(), async (server) => {
      const request = (path: string) => head(path, "Transfer-Encoding: chunked\r\n");
      const text = await exchange(server, `${request("/count")}3\r\nabcX`);
      expect(text).toStartWith("HTTP/1.1 400 ");
      const peer = await Peer.connect(server);
      peer.send(`${request("/echo")}3\r\nabc\r\n`);
      await peer.has("abc");
      peer.send("X\r\n");
      const broken = await peer.ended();
      expect(bodyOf(broken)).toBe("3\r\nabc\r\n");
    });
  });
  test("408 for a client that stops while its handler waits", () =>
    withServer(
      app(),
      async (server) => {
        const text = await exchange(server, `${head("/count", "Content-Length: 9\r\n")}abc`);
        expect(text).toStartWith("HTTP/1.1 408 ");
      },
      { bodyTimeoutMs: 100 },
    ));
});

describe("Expect: 100-continue", () => {
  const expects = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  for (const path of ["/count", "/echo", "/typed"]) {
    test(`once, before the answer (${path})`, () =>
      withServer(app(), async (server) => {
        const peer = await Peer.connect(server);
        peer.send(head(path, expects));
        await peer.has("100 Continue\r\n\r\n");
        expect(peer.text).toStartWith("HTTP/1.1 100 Continue\r\n\r\n");
        peer.send(`hello${last}`);
        const text = await peer.ended();
        expect(text.split("100 Continue").length).toBe(2);
        expect(text).toEndWith("next");
      }));
  }
  test("not when the handler answers without the body; then the connection ends", () =>
    withServer(app(), async (server) => {
      const text = await exchange(server, head("/ignore", expects) + last);
      expect(text).toStartWith("HTTP/1.1 200 ");
      expect(text).toContain("Connection: close\r\n");
      expect(text).toEndWith("ignored");
    }));
  test("never to HTTP/1.0", () =>
    withServer(app(), async (server) => {
      const text = await exchange(server, `${head("/count", expects, 0)}hello`);
      expect(text).toStartWith("HTTP/1.1 200 ");
      expect(text).toEndWith("5");
    }));
});

describe("bodies that are not read", () => {
  test("are dropped up to a cap, and the connection goes on", () =>
    withServer(app(), async (server) => {
      const text = await exchange(server, sized("/ignore", "x".repeat(200_000)) + last);
      expect(text).toContain("ignored");
      expect(text).toEndWith("next");
    }));
  test("beyond it the connection ends", () =>
    withServer(app(), async (server) => {
      const text = await exchange(server, sized("/ignore", "x".repeat(300_000)) + last);
      expect(text).toContain("Connection: close\r\n");
      expect(text).toEndWith("ignored");
    }));
  test("a read that is under way when the answer is given does not wait for ever", async () => {
    const failed = Promise.withResolvers<unknown>();
    const early = new Chopin().post("/", streamed, async (ctx) => {
      countOf(ctx).catch(failed.resolve);
      await Bun.sleep(5);
      return "early";
    });
    await withServer(early, async (server) => {
      const peer = await Peer.connect(server);
      peer.send(`${head("/", "Content-Length: 9\r\n")}abc`);
      await peer.has("early");
      expect((await failed.promise) as { code: string }).toMatchObject({
        code: "context_used_after_answer",
      });
      peer.send(`defghi${last.replace("/next", "/none")}`);
      expect(await peer.ended()).toContain("HTTP/1.1 404");
    });
  });
});

describe("a client that leaves within its body", () => {
  for (const way of ["leave", "reset"] as const) {
    test(`reading fails with an AbortError, and the signal is aborted (${way})`, async () => {
      const result = Promise.withResolvers<unknown[]>();
      const leaving = new Chopin().post("/", streamed, async (ctx) => {
        const { signal } = ctx;
        const error = await countOf(ctx).catch((reason: unknown) => reason);
        result.resolve([(error as Error).name, signal.aborted]);
      });
      await withServer(leaving, async (server) => {
        const peer = await Peer.connect(server);
        peer.send(`${head("/", "Content-Length: 9\r\n")}abc`);
        await Bun.sleep(5);
        peer[way]();
        expect(await result.promise).toEqual(["AbortError", true]);
      });
    });
  }
});

test("a slow handler slows its client down", async () => {
  const total = 32 * 1024 * 1024;
  const gate = Promise.withResolvers<void>();
  const slow = new Chopin().post(
    "/",
    { ...streamed, bodyLimit: Number.POSITIVE_INFINITY },
    async (ctx) => {
      let count = 0;
      for await (const piece of ctx.body) {
        count += piece.length;
        await gate.promise;
      }
      return count;
    },
  );
  await withServer(slow, async (server) => {
    const peer = await Peer.connect(server);
    peer.send(head("/", `Content-Length: ${total}\r\nConnection: close\r\n`));
    const piece = new Uint8Array(1024 * 1024);
    for (let at = 0; at < total; at += piece.length) peer.send(piece);
    await quiet(() => peer.unsent);
    expect(peer.unsent).toBeGreaterThan(16 * 1024 * 1024);
    gate.resolve();
    expect(bodyOf(await peer.ended())).toBe(String(total));
  });
}, 20_000);

test("an upload passes through in pieces while its answer goes out", async () => {
  const total = 16 * 1024 * 1024;
  const echo = new Chopin().post(
    "/",
    { ...streamed, bodyLimit: Number.POSITIVE_INFINITY },
    (ctx) => ctx.body,
  );
  await withServer(echo, async (server) => {
    const peer = await Peer.connect(server);
    peer.send(head("/", `Content-Length: ${total}\r\nConnection: close\r\n`));
    for (let at = 0; at < total; at += 65_536) peer.send(`${at} `.padEnd(65_536, "."));
    const body = unchunked(bodyOf(await peer.ended()));
    expect(body.length).toBe(total);
    for (let at = 0; at < total; at += 65_536) expect(body.startsWith(`${at} .`, at)).toBe(true);
  });
}, 20_000);

test("too many requests that wait: 503, and the body is not read", async () => {
  using told = spyOn(console, "error").mockImplementation(() => {});
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  const full = new Chopin()
    .get("/wait", async () => {
      waiting++;
      await gate.promise;
      return "waited";
    })
    .post("/count", streamed, countOf)
    .get("/stream", () => new ReadableStream({ pull: (controller) => controller.close() }));
  await withServer(
    full,
    async (server) => {
      const first = await Peer.get(server, "/wait", "Connection: close\r\n");
      await until(() => waiting === 1);
      for (const request of [sized("/count", "hello"), "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"]) {
        const peer = await Peer.connect(server);
        peer.send(request);
        await peer.has("overloaded");
        expect(peer.text).toStartWith("HTTP/1.1 503 ");
        peer.leave();
      }
      gate.resolve();
      expect(await first.ended()).toEndWith("waited");
      expect(told).not.toHaveBeenCalled();
    },
    { pendingMax: 1 },
  );
});
