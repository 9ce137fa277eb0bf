/** Clients that leave: producers end, signals abort, nothing is kept. */
import { describe, expect, spyOn, test } from "bun:test";
import { Chopin, type Server } from "../../src/index.ts";
import { exchange, withServer } from "../_setup.ts";
import { Peer, until } from "./_streams.ts";

const ways = ["leave", "reset"] as const;

/** One slot for requests that wait: whoever keeps it leaves none for the next. */
const one = { pendingMax: 1 };

/** A connection that ended before this is known to the server after it. */
async function ping(server: Server): Promise<void> {
  for (let nth = 0; nth < 3; nth++) {
    expect(await (await fetch(`${server.url}ping`, { keepalive: false })).text()).toBe("pong");
  }
}

/** The slot is free. */
async function expectFree(server: Server): Promise<void> {
  for (;;) {
    const answer = await fetch(`${server.url}slot`, { keepalive: false });
    if (answer.status === 200) return;
    expect(answer.status).toBe(503);
    await Bun.sleep(1);
  }
}

const application = () => new Chopin().get("/ping", () => "pong").get("/slot", slot);

async function slot(): Promise<string> {
  await Bun.sleep(1);
  return "free";
}

describe("a client that leaves while its answer is made", () => {
  for (const way of ways) {
    test(`an async generator's finally runs (${way})`, async () => {
      const seen: string[] = [];
      const app = application().get("/", async function* (ctx) {
        try {
          for (;;) {
            yield "piece";
            await Bun.sleep(1);
          }
        } finally {
          seen.push(`finally ${ctx.path} ${ctx.signal.aborted}`);
        }
      });
      await withServer(
        app,
        async (server) => {
          const peer = await Peer.get(server, "/");
          await peer.has("piece");
          peer[way]();
          await until(() => seen.length > 0);
          expect(seen).toEqual(["finally / true"]);
          await expectFree(server);
        },
        one,
      );
    });

    test(`a ReadableStream is cancelled while it waits (${way})`, async () => {
      let cancelled = 0;
      const app = application().get(
        "/",
        () =>
          new ReadableStream({
            start: (controller) => controller.enqueue("piece"),
            pull: () => new Promise<void>(() => {}),
            cancel: () => void cancelled++,
          }),
      );
      await withServer(
        app,
        async (server) => {
          const peer = await Peer.get(server, "/");
          await peer.has("piece");
          peer[way]();
          await until(() => cancelled === 1);
          await expectFree(server);
        },
        one,
      );
    });

    test(`before the first piece, with and without a type (${way})`, async () => {
      let ended = 0;
      let begun = 0;
      const app = application().get("/:type", async function* (ctx) {
        if (ctx.param("type") === "typed") ctx.header("Content-Type", "text/plain");
        begun++;
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        ended++;
        yield "nobody";
      });
      await withServer(
        app,
        async (server) => {
          // Before its head, a client that only ended its side still waits for an answer.
          for (const type of way === "reset" ? ["typed", "untyped"] : ["typed"]) {
            const peer = await Peer.get(server, `/${type}`);
            const expected = begun + 1;
            await until(() => begun === expected || peer.text !== "");
            await Bun.sleep(5);
            peer[way]();
            await expectFree(server);
          }
          expect(ended).toBe(begun);
        },
        one,
      );
    });
  }

  test("a signal that is asked for after the client has left is aborted", async () => {
    const gate = Promise.withResolvers<void>();
    const result = Promise.withResolvers<boolean>();
    let begun = false;
    const app = application().get("/", async (ctx) => {
      begun = true;
      await gate.promise;
      result.resolve(ctx.signal.aborted);
    });
    await withServer(
      app,
      async (server) => {
        const peer = await Peer.get(server, "/");
        await until(() => begun);
        peer.reset();
        await ping(server);
        gate.resolve();
        expect(await result.promise).toBe(true);
        await expectFree(server);
      },
      one,
    );
  });

  test("a stream that is returned after the client has left is ended", async () => {
    const gate = Promise.withResolvers<void>();
    let cancelled = 0;
    let begun = false;
    const app = application().get("/", async () => {
      begun = true;
      await gate.promise;
      return new ReadableStream({ cancel: () => void cancelled++ });
    });
    await withServer(
      app,
      async (server) => {
        const peer = await Peer.get(server, "/");
        await until(() => begun);
        peer.reset();
        await ping(server);
        gate.resolve();
        await until(() => cancelled === 1);
        await expectFree(server);
      },
      one,
    );
  });

  test("a request behind an answer that closes the connection hears of it", async () => {
    let aborted = 0;
    const app = application()
      .get("/close", (ctx) => {
        ctx.close();
        return "closed";
      })
      .get("/wait", (ctx) => {
        ctx.signal.addEventListener("abort", () => aborted++);
        return new Promise(() => {});
      });
    await withServer(
      app,
      async (server) => {
        const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
        expect(await exchange(server, get("/close") + get("/wait"))).toEndWith("closed");
        await until(() => aborted === 1);
      },
      one,
    );
  });

  test("a producer that fails at its end disturbs nobody", async () => {
    using told = spyOn(console, "error").mockImplementation(() => {});
    let ends = 0;
    const app = application().get("/:kind", (ctx) => {
      const fails = () => {
        ends++;
        throw new Error("at the end");
      };
      if (ctx.param("kind") === "stream") {
        return new ReadableStream({
          pull: async (controller) => {
            await Bun.sleep(1);
            controller.enqueue("piece");
          },
          cancel: fails,
        });
      }
      return {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            await Bun.sleep(1);
            return { done: false, value: "piece" };
          },
          return: fails,
        }),
      };
    });
    await withServer(
      app,
      async (server) => {
        for (const kind of ["stream", "iterator"]) {
          const peer = await Peer.get(server, `/${kind}`);
          await peer.has("piece");
          const other = await Peer.get(server, "/stream");
          await other.has("piece");
          peer.reset();
          other.reset();
          await expectFree(server);
        }
        expect(ends).toBe(4);
        expect(told.mock.calls.map(([error]) => String(error))).toEqual(
          Array(4).fill("Error: at the end"),
        );
      },
      { pendingMax: 2 },
    );
  });

  test("nobody is told of clients that left", async () => {
    using told = spyOn(console, "error").mockImplementation(() => {});
    let begun = 0;
    const app = application()
      .layer((_ctx, next) => {
        begun++;
        return next();
      })
      .post("/read", { streamBody: true }, async (ctx) => {
        const bytes = await new Response(ctx.body).bytes();
        return bytes.length;
      })
      .post("/echo", { streamBody: true }, (ctx) => ctx.body);
    await withServer(
      app,
      async (server) => {
        for (const path of ["/read", "/echo"]) {
          begun = 0;
          const peer = await Peer.connect(server);
          peer.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello`);
          await until(() => begun > 0);
          await ping(server);
          peer.reset();
          await expectFree(server);
        }
      },
      one,
    );
    expect(told).not.toHaveBeenCalled();
  });
});
