import { describe, expect, spyOn, test } from "bun:test";
import { serverOptions } from "../../src/environment.ts";
import { Chopin } from "../../src/index.ts";
import { Router } from "../../src/native/router.ts";
import { startServer } from "../../src/native/server.ts";
import { chopin_server_reactor } from "../../src/native/symbols.ts";
import { type ReactorName, reactorNames } from "../../src/serve-options.ts";

/** What a server that asks for this reactor gets, and what is said about it. */
async function got(reactor: ReactorName): Promise<readonly [ReactorName | undefined, unknown[]]> {
  const warn = spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    const options = serverOptions({ hostname: "127.0.0.1", port: 0, reactor });
    const server = await startServer(options, new Router(), () => ({
      dispatch() {},
      returned() {},
      afterTurn() {},
    }));
    const used = reactorNames[chopin_server_reactor(server.handle)];
    await server.stop({ timeoutMs: 0, idleMs: 0, queue: "close" });
    return [used, warn.mock.calls.flat()];
  } finally {
    warn.mockRestore();
  }
}

const native: ReactorName = process.platform === "linux" ? "epoll" : "kqueue";
const foreign: ReactorName = process.platform === "linux" ? "kqueue" : "epoll";

describe("reactor", () => {
  test("the system's own is had without a word", async () => {
    expect(await got(native)).toEqual([native, []]);
    const [automatic, lines] = await got("auto");
    expect([automatic, lines]).toEqual([automatic === "io_uring" ? automatic : native, []]);
  });

  test("what the system does not have is replaced, and a line says so", async () => {
    expect(await got(foreign)).toEqual([
      native,
      [`chopin: ${foreign} cannot be used here, ${native} is: see docs/reactors.md`],
    ]);
  });

  test("each serves small requests, large bodies, streams and large answers", async () => {
    const large = "x".repeat(300_000);
    for (const reactor of reactorNames.filter((name) => name !== foreign)) {
      const warn = spyOn(console, "warn").mockImplementation(() => undefined);
      const app = new Chopin();
      app.get("/", () => "small");
      app.get("/large", () => large);
      app.post("/whole", { bodyLimit: 8_000_000 }, async (ctx) => (await ctx.bytes()).length);
      app.post("/stream", { streamBody: true, bodyLimit: 8_000_000 }, async (ctx) => {
        let length = 0;
        for await (const piece of ctx.body) length += piece.length;
        return length;
      });
      const server = await app.serve({ hostname: "127.0.0.1", port: 0, reactor });
      const ask = async (path: string, body?: Uint8Array<ArrayBuffer>) =>
        (await fetch(new URL(path, server.url), { method: body ? "POST" : "GET", body })).text();
      const body = new Uint8Array(5_000_000);
      const answers = await Promise.all([
        ...Array.from({ length: 50 }, () => ask("/")),
        ask("/whole", body),
        ask("/stream", body),
      ]);
      expect(new Set(answers)).toEqual(new Set(["small", "5000000"]));
      const pages = await Promise.all(Array.from({ length: 20 }, () => ask("/large")));
      expect(pages.every((page) => page === large)).toBe(true);
      await server.stop();
      warn.mockRestore();
    }
  });
});
