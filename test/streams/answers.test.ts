/** Answers in pieces: what may be sent so, how it is framed, and how a failure looks. */
import { describe, expect, spyOn, test } from "bun:test";
import { Chopin, type ChopinError } from "../../src/index.ts";
import { bothWays, exchange, unchunked, withServer } from "../_setup.ts";
import { bodyOf, Peer, until } from "./_streams.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const plain = "text/plain; charset=utf-8";

async function* later(...pieces: (string | Uint8Array)[]) {
  for (const piece of pieces) {
    await Bun.sleep(1);
    yield piece;
  }
}

function* now(...pieces: (string | Uint8Array)[]) {
  yield* pieces;
}

function readable(...pieces: (string | Uint8Array)[]): ReadableStream {
  const left = pieces.slice();
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(1);
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
}

describe("what can be sent in pieces", () => {
  const forms: Record<string, () => unknown> = {
    "an async generator": () => later("a", "bc"),
    "a generator": () => now("a", "bc"),
    "a ReadableStream of text": () => readable("a", "bc"),
    "a promise of a stream": async () => {
      await Bun.sleep(1);
      return later("a", "bc");
    },
    "any async iterable": () => ({ [Symbol.asyncIterator]: () => later("a", "bc") }),
  };
  for (const [name, make] of Object.entries(forms)) {
    bothWays(
      name,
      () => new Chopin().get("/", make),
      async (send) => {
        const { status, headers, body } = await send("GET", "/");
        expect([status, headers.get("content-type"), body]).toEqual([200, plain, "abc"]);
      },
    );
  }

  bothWays(
    "bytes have no type of their own",
    () => new Chopin().get("/", () => readable(bytes("a"), bytes("bc"))),
    async (send) => {
      const { headers, body } = await send("GET", "/");
      expect([headers.get("content-type"), body]).toEqual([null, "abc"]);
    },
  );

  bothWays(
    "a Response with a stream keeps its status and fields",
    () =>
      new Chopin().get(
        "/",
        () => new Response(readable(bytes("abc")), { status: 201, headers: { "X-A": "1" } }),
      ),
    async (send) => {
      const { status, headers, body } = await send("GET", "/");
      expect([status, headers.get("x-a"), body]).toEqual([201, "1", "abc"]);
    },
  );

  bothWays(
    "ctx.stream with status, fields and a length",
    () =>
      new Chopin().get("/", (ctx) =>
        ctx.stream(later("abc", "de"), {
          status: 202,
          length: 5,
          headers: { "Content-Type": "a/b" },
        }),
      ),
    async (send) => {
      const { status, headers, body } = await send("GET", "/");
      expect([status, headers.get("content-type"), headers.get("content-length"), body]).toEqual([
        202,
        "a/b",
        "5",
        "abcde",
      ]);
    },
  );

  bothWays(
    "what is complete within its turn has a length",
    () => new Chopin().get("/", () => now("a", "", bytes("bc"))),
    async (send) => {
      const { headers, body } = await send("GET", "/");
      expect([headers.get("content-length"), body]).toEqual(["3", "abc"]);
    },
  );

  bothWays(
    "a producer may fill the same memory again",
    () =>
      new Chopin().get("/", function* () {
        const memory = new Uint8Array(1);
        for (const byte of bytes("abc")) {
          memory[0] = byte;
          yield memory;
        }
      }),
    async (send) => {
      expect((await send("GET", "/")).body).toBe("abc");
    },
  );

  bothWays(
    "other views of memory are bytes too",
    () =>
      new Chopin().get("/", async function* () {
        yield bytes("ab").buffer;
        await Bun.sleep(1);
        yield new DataView(bytes("xcx").buffer, 1, 1);
      }),
    async (send) => {
      expect((await send("GET", "/")).body).toBe("abc");
    },
  );

  bothWays(
    "the context can be used while the body is made",
    () =>
      new Chopin().get("/:id", async function* (ctx) {
        yield ctx.param("id")!;
        await Bun.sleep(2);
        yield ctx.header("x-name")!;
        yield new URL(ctx.url).pathname;
      }),
    async (send) => {
      const { body } = await send("GET", "/one", { headers: { "X-Name": "two" } });
      expect(body).toBe("onetwo/one");
    },
  );

  bothWays(
    "status and fields are too late once the head was sent",
    () =>
      new Chopin().get("/", async function* (ctx) {
        ctx.header("X-Early", "1");
        yield "a";
        await Bun.sleep(5);
        for (const change of [() => ctx.header("X-Late", "1"), () => ctx.status(201)]) {
          try {
            change();
          } catch (error) {
            yield (error as ChopinError).code;
          }
        }
      }),
    async (send) => {
      const { headers, body } = await send("GET", "/");
      expect([headers.get("x-early"), body]).toEqual(["1", "ahead_senthead_sent"]);
    },
  );

  bothWays(
    "middleware puts another stream in its place",
    () =>
      new Chopin()
        .layer(async (_ctx, next) => {
          const answer = await next();
          const source = answer.body as AsyncIterable<string>;
          answer.body = (async function* () {
            for await (const piece of source) yield piece.toUpperCase();
          })();
          answer.headers.set("X-Changed", "yes");
        })
        .get("/", () => later("a", "bc")),
    async (send) => {
      const { headers, body } = await send("GET", "/");
      expect([headers.get("x-changed"), body]).toEqual(["yes", "ABC"]);
    },
  );

  for (const [name, method, status] of [
    ["HEAD", "HEAD", 200],
    ["204", "GET", 204],
    ["304", "GET", 304],
  ] as const) {
    let cancelled = 0;
    bothWays(
      `${name} has no body, so its producer is cancelled`,
      () =>
        new Chopin().get("/", (ctx) =>
          ctx.stream(new ReadableStream({ cancel: () => void cancelled++ }), { status }),
        ),
      async (send) => {
        cancelled = 0;
        expect(await send(method, "/")).toMatchObject({ status, body: "" });
        await until(() => cancelled === 1);
      },
    );
  }

  test("HEAD for more streams at once than there are places for late answers", () =>
    withServer(
      new Chopin().get("/", (ctx) => ctx.stream(later("abc"), { length: 3 })),
      async (server) => {
        const request = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(63);
        const last = "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => exchange(server, request + last)),
        );
        for (const answer of answers) {
          expect(answer.match(/HTTP\/1.1 200 OK\r\n/g)?.length).toBe(64);
          expect(answer).not.toContain("HTTP/1.1 500");
        }
      },
    ));
});

describe("a producer that fails", () => {
  const app = () =>
    new Chopin()
      .get("/early", async function* () {
        await Bun.sleep(1);
        if (Date.now() > 0) throw new Error("early");
        yield "";
      })
      .get("/now", function* () {
        yield "abc";
        throw new Error("now");
      })
      .get("/late", async function* () {
        yield "abc";
        await Bun.sleep(5);
        throw new Error("late");
      })
      .get("/sized", (ctx) =>
        ctx.stream(
          (async function* () {
            yield "abc";
            await Bun.sleep(5);
            throw new Error("late");
          })(),
          { length: 9 },
        ),
      )
      .get("/short", (ctx) => ctx.stream(later("abc"), { length: 9 }))
      .get("/long", (ctx) => ctx.stream(later("abc", "de"), { length: 4 }))
      .get("/next", () => "next");

  bothWays("before its first piece: an ordinary error", app, async (send) => {
    using _ = quietly();
    expect(await send("GET", "/early")).toMatchObject({ status: 500 });
  });

  bothWays("within its turn: an ordinary error", app, async (send) => {
    using _ = quietly();
    const { status, body } = await send("GET", "/now");
    expect([status, JSON.parse(body).code]).toEqual([500, "internal_error"]);
  });

  const heads = { "/late": "Transfer-Encoding: chunked", "/sized": "Content-Length: 9" };
  for (const [path, field] of Object.entries(heads)) {
    test(`after its head: the connection breaks off (${path})`, async () => {
      using told = quietly();
      await withServer(app(), async (server) => {
        const next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
        const text = await exchange(server, `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n${next}`);
        expect(text).toContain(field);
        expect(bodyOf(text)).toBe(path === "/sized" ? "abc" : "3\r\nabc\r\n");
        expect(() => unchunked(bodyOf(text))).toThrow();
        expect(told.errors.flat().map(String)).toContain("Error: late");
        await expect(fetchText(server.url + path.slice(1))).rejects.toThrow();
      });
    });
  }

  for (const path of ["/short", "/long"]) {
    test(`another length than promised breaks the connection off (${path})`, async () => {
      using told = quietly();
      await withServer(app(), async (server) => {
        const text = await exchange(server, `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
        expect(bodyOf(text)).toBe("abc");
        expect(String(told.errors.flat()[0])).toContain("bytes than it was said to have");
      });
    });
    test(`another length than promised fails by fetch (${path})`, async () => {
      const answer = await app().fetch(new Request(`http://localhost${path}`));
      await expect(answer.text()).rejects.toThrow("bytes than it was said to have");
    });
  }

  test("on HTTP/1.0, where the end of the connection is that of the body: a reset", async () => {
    using _ = quietly();
    await withServer(app(), async (server) => {
      const peer = await Peer.connect(server);
      peer.send("GET /late HTTP/1.0\r\n\r\n");
      await peer.ended();
      expect(peer.end).toBe("reset");
      const whole = await Peer.connect(server);
      whole.send("GET /next HTTP/1.0\r\n\r\n");
      await whole.ended();
      expect(whole.end).toBe("finished");
    });
  });

  bothWays(
    "the error's handler may still set fields",
    () =>
      app().onError((_error, ctx) => {
        ctx.header("X-Failed", "yes");
        return "failed";
      }),
    async (send) => {
      const { headers, body } = await send("GET", "/early");
      expect([headers.get("x-failed"), body]).toEqual(["yes", "failed"]);
    },
  );

  bothWays(
    "pieces that are neither text nor bytes",
    () => new Chopin().get("/", () => later(5 as unknown as string)),
    async (send) => {
      using told = quietly();
      expect(await send("GET", "/")).toMatchObject({ status: 500 });
      expect(String(told.errors.flat()[0])).toContain("pieces of text or bytes, not number");
    },
  );

  test("a stream that somebody reads already cannot be sent", async () => {
    using _ = quietly();
    const locked = () => {
      const stream = readable("a");
      stream.getReader();
      return stream;
    };
    await withServer(new Chopin().get("/", locked), async (server) => {
      expect((await fetch(server.url)).status).toBe(500);
    });
  });
});

test("pipelined requests behind a stream are answered in order", () =>
  withServer(
    new Chopin().get("/stream/:name", (ctx) => later(ctx.param("name")!, "!")).get("/", () => "."),
    async (server) => {
      const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
      const peer = await Peer.connect(server);
      peer.send(get("/stream/one") + get("/") + get("/stream/two") + get("/"));
      await until(() => peer.text.split("HTTP/1.1 200").length === 5 && peer.text.endsWith("."));
      const order = ["one", "!", "\r\n\r\n.", "two", "!", "\r\n\r\n."].map((part) => part);
      let at = 0;
      for (const part of order) {
        at = peer.text.indexOf(part, at);
        expect(at).toBeGreaterThan(-1);
        at += part.length;
      }
      peer.leave();
    },
  ));

/** What is logged, without showing it. */
function quietly(): Disposable & { readonly errors: unknown[][] } {
  const spy = spyOn(console, "error").mockImplementation(() => {});
  return { errors: spy.mock.calls, [Symbol.dispose]: () => spy.mockRestore() };
}

async function fetchText(url: string): Promise<string> {
  return (await fetch(url)).text();
}
