/** Readers that are behind make producers wait; bytes arrive whole and in order. */
import { describe, expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import { withServer } from "../_setup.ts";
import { bodyOf, Peer, quiet, until } from "./_streams.ts";

const total = 32 * 1024 * 1024;
/** What the kernel's buffers on both sides, the queue and a piece may hold. */
const most = 12 * 1024 * 1024;

const piece = new Uint8Array(64 * 1024).fill(120);

describe("a client that does not read", () => {
  let made = 0;
  const makers: Record<
    string,
    () => AsyncIterable<Uint8Array | string> | ReadableStream | Generator
  > = {
    "an async generator": async function* () {
      for (made = 0; made < total; made += piece.length) yield piece;
    },
    "a generator": function* () {
      for (made = 0; made < total; made += piece.length) yield piece;
    },
    "a generator of small pieces": function* () {
      for (made = 0; made < total; made += 1024) yield "x".repeat(1024);
    },
    "a ReadableStream": () => {
      made = 0;
      return new ReadableStream({
        pull(controller) {
          made += piece.length;
          if (made <= total) controller.enqueue(piece.slice());
          else controller.close();
        },
      });
    },
    "a Response": () => {
      made = 0;
      const stream = new ReadableStream({
        async pull(controller) {
          await Bun.sleep(0);
          made += piece.length;
          if (made <= total) controller.enqueue(piece.slice());
          else controller.close();
        },
      });
      return new Response(stream) as unknown as ReadableStream;
    },
  };
  for (const [name, make] of Object.entries(makers)) {
    for (const sized of [false, true]) {
      if (name === "a Response" && sized) continue;
      test(`${name} waits${sized ? ", with a promised length" : ""}`, async () => {
        const app = new Chopin().get("/", (ctx) =>
          name === "a Response"
            ? make()
            : ctx.stream(make() as ReadableStream, sized ? { length: total } : {}),
        );
        await withServer(app, async (server) => {
          const peer = await Peer.connect(server);
          peer.pause();
          peer.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
          await until(() => made > 0);
          await quiet(() => made);
          expect(made).toBeLessThan(most);
          peer.resume();
          const body = bodyOf(await peer.ended());
          const overhead = body.length - total;
          expect(overhead).toBeGreaterThanOrEqual(0);
          expect(overhead).toBeLessThan(sized ? 1 : total / 50);
          expect(body.endsWith("0\r\n\r\n")).toBe(!sized);
        });
      }, 20_000);
    }
  }
});

test("several streams on one connection wait for the first, and none for another", async () => {
  let made = 0;
  const app = new Chopin().get("/", () =>
    (async function* () {
      for (let at = 0; at < 4 * 1024 * 1024; at += piece.length) {
        made += piece.length;
        yield piece;
      }
    })(),
  );
  await withServer(app, async (server) => {
    const peer = await Peer.connect(server);
    peer.pause();
    const request = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (let nth = 0; nth < 7; nth++) peer.send(`${request}\r\n`);
    peer.send(`${request}Connection: close\r\n\r\n`);
    await until(() => made > 0);
    await quiet(() => made);
    expect(made).toBeLessThan(most);
    peer.resume();
    const text = await peer.ended();
    expect(text.split("HTTP/1.1 200 OK").length).toBe(9);
    expect(text.split("\r\n0\r\n\r\n").length).toBe(9);
  });
}, 20_000);

test("a thousand clients wait for events at one time", async () => {
  const count = 1000;
  const listeners = new Set<(text: string) => void>();
  let ended = 0;
  const app = new Chopin().get("/", async function* (ctx) {
    ctx.header("Content-Type", "text/event-stream");
    const queue: string[] = [];
    let wake = () => {};
    const listener = (text: string) => {
      queue.push(text);
      wake();
    };
    listeners.add(listener);
    ctx.signal.addEventListener("abort", () => wake());
    try {
      while (!ctx.signal.aborted) {
        const text = queue.shift();
        if (text !== undefined) yield text;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      listeners.delete(listener);
      ended++;
    }
  });
  await withServer(app, async (server) => {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.get(server, "/")));
    await until(() => listeners.size === count);
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      for (const listener of listeners) listener(event);
      await until(() => peers.every((peer) => peer.text.includes(event)));
    }
    for (const peer of peers) peer.leave();
    await until(() => ended === count);
    expect(listeners.size).toBe(0);
  });
}, 30_000);
