/** Messages both ways: every size and form of them, in order, and what handlers do with them. */
import { describe, expect, test } from "bun:test";
import { Chopin, type ServerWebSocket } from "../../src/index.ts";
import { withServer } from "../_setup.ts";
import { frame, Log, opcode, Peer, until } from "./_peer.ts";

const limit = 1024 * 1024;
const echo = () => new Chopin().websocket("/", { message: (ws, message) => void ws.send(message) });

async function withEcho(run: (peer: Peer) => Promise<void>): Promise<void> {
  await withServer(echo(), async (server) => {
    const peer = await Peer.open(server, "/");
    await run(peer);
    peer.leave();
  });
}

const sizes = [0, 1, 125, 126, 127, 4096, 16_384, 16_385, 65_535, 65_536, 65_537, limit];

describe("an echo", () => {
  test("of text and bytes of every size", async () => {
    await withEcho(async (peer) => {
      for (const size of sizes) {
        const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
        const bytes = Buffer.alloc(size, "\0binary");
        peer.send(opcode.text, text);
        peer.send(opcode.binary, bytes);
        const [first, second] = [(await peer.next())!, (await peer.next())!];
        expect([size, first.opcode, first.fin, first.rsv]).toEqual([size, opcode.text, true, 0]);
        expect(first.payload.equals(Buffer.from(text))).toBe(true);
        expect([size, second.opcode]).toEqual([size, opcode.binary]);
        expect(second.payload.equals(bytes)).toBe(true);
      }
    });
  });

  test("of messages in pieces, with control frames between them", async () => {
    await withEcho(async (peer) => {
      const text = Buffer.from("Fryderyk 🎹 Chopin ".repeat(1000));
      for (const step of [1, 7, 1000, 8000]) {
        const few = text.subarray(0, step === 1 ? 60 : text.length);
        for (let at = 0; at < few.length; at += step) {
          const fin = at + step >= few.length;
          peer.send(at === 0 ? opcode.text : 0, few.subarray(at, at + step), { fin });
          if (at === step) peer.send(opcode.ping, "between");
        }
        expect(await peer.said()).toBe("10: between");
        expect(await peer.said()).toBe(few.toString());
      }
      peer.send(opcode.binary, "", { fin: false });
      peer.send(0, "");
      expect(await peer.said()).toBe("2: ");
    });
  });

  test("of frames that come byte by byte", async () => {
    await withEcho(async (peer) => {
      const wire = Buffer.concat([
        frame(1, "one"),
        frame(2, Buffer.alloc(300, 1)),
        frame(1, "two"),
      ]);
      for (const byte of wire) {
        peer.raw(new Uint8Array([byte]));
        await Bun.sleep(0);
      }
      expect(await peer.said()).toBe("one");
      expect((await peer.next())?.payload.length).toBe(300);
      expect(await peer.said()).toBe("two");
    });
  });

  test("of ten thousand messages at once, in their order", async () => {
    await withEcho(async (peer) => {
      const count = 10_000;
      peer.raw(Buffer.concat(Array.from({ length: count }, (_, at) => frame(1, String(at)))));
      for (let at = 0; at < count; at++) expect(await peer.said()).toBe(String(at));
    });
  });
});

describe("what is sent", () => {
  /** What a peer gets of what `open` sends. */
  async function sent(open: (ws: ServerWebSocket) => void, count: number): Promise<string[]> {
    const found: string[] = [];
    await withServer(new Chopin().websocket("/", { open }), async (server) => {
      const peer = await Peer.open(server, "/");
      while (found.length < count) {
        const { opcode: kind, payload } = (await peer.next())!;
        found.push(`${kind} ${payload.toString("hex")}`);
      }
      peer.leave();
    });
    return found;
  }

  test("is text for strings, well-formed, and binary for every kind of bytes", async () => {
    const buffer = new Uint8Array([9, 1, 2, 3, 9]);
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    shared[1] = 7;
    const found = await sent((ws) => {
      ws.send("a\ud800b\udc00");
      ws.send("\ufeffü🎹\0");
      ws.send("");
      ws.send("\udfff".repeat(30_000));
      ws.send(buffer.subarray(1, 4));
      ws.send(buffer.buffer.slice(1, 3));
      ws.send(new DataView(buffer.buffer, 2, 1));
      ws.send(new Uint16Array([1]));
      ws.send(new Uint8Array(0));
      ws.send(Buffer.from("b"));
      ws.send(shared);
    }, 11);
    expect(found).toEqual([
      "1 61efbfbd62efbfbd",
      "1 efbbbfc3bcf09f8eb900",
      "1 ",
      `1 ${"efbfbd".repeat(30_000)}`,
      "2 010203",
      "2 0102",
      "2 02",
      "2 0100",
      "2 ",
      "2 62",
      "2 0007",
    ]);
  });

  test("is nothing else", async () => {
    const log = new Log();
    await sent((ws) => {
      for (const wrong of [undefined, null, 7, {}, [], Symbol.iterator, 7n]) {
        try {
          ws.send(wrong as never);
        } catch (error) {
          log.add(String((error as { code: string }).code));
        }
      }
      ws.send("end");
    }, 1);
    expect(log.entries).toEqual(Array.from({ length: 7 }, () => "invalid_message"));
  });

  test("goes out from timers and other requests too", async () => {
    let kept: ServerWebSocket | undefined;
    const app = new Chopin()
      .websocket("/", {
        open(ws) {
          kept = ws;
          setTimeout(() => ws.send("from a timer"), 5);
        },
      })
      .get("/say", () => String(kept?.send("from a request")));
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      expect(await peer.said()).toBe("from a timer");
      expect(await (await fetch(`${server.url}say`)).text()).toBe("true");
      expect(await peer.said()).toBe("from a request");
      peer.leave();
    });
  });
});

describe("handlers", () => {
  test("get bytes that are theirs, with no method of a Buffer", async () => {
    const kept: Uint8Array<ArrayBuffer>[] = [];
    const app = new Chopin().websocket("/", {
      message(ws, message) {
        if (typeof message !== "string") kept.push(message);
        if (kept.length === 4) ws.send("all");
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      for (const size of [3, 20_000, 5, 0]) peer.send(2, Buffer.alloc(size, size));
      expect(await peer.said()).toBe("all");
      peer.leave();
    });
    expect(kept.map(({ length, buffer }) => [length, buffer.byteLength])).toEqual([
      [3, 3],
      [20_000, 20_000],
      [5, 5],
      [0, 0],
    ]);
    expect(kept.map((bytes) => Object.getPrototypeOf(bytes) === Uint8Array.prototype)).toEqual(
      Array.from({ length: 4 }, () => true),
    );
    expect(kept[0]).toEqual(new Uint8Array([3, 3, 3]));
    expect(kept[1]!.every((byte) => byte === (20_000 & 0xff))).toBe(true);
  });

  test("text keeps its byte order mark and its zeros", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      message: (_, message) => log.add(message as string),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      const long = `\ufeff\0${"ü".repeat(20_000)}`;
      peer.send(1, "\ufeff\0x");
      peer.send(1, long);
      await log.has(long);
      expect(log.entries).toEqual(["\ufeff\0x", long]);
      peer.leave();
    });
  });

  test("have the options as `this`, and are all optional", async () => {
    const options = {
      greeting: "hello",
      open(this: { greeting: string }, ws: ServerWebSocket) {
        ws.send(this.greeting);
      },
    };
    const { greeting, ...handlers } = options;
    const app = new Chopin().websocket(
      "/this",
      Object.assign(Object.create({ greeting }), handlers),
    );
    app.websocket("/none", {});
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/this");
      expect(await peer.said()).toBe("hello");
      const silent = await Peer.open(server, "/none");
      silent.send(1, "into the void");
      silent.send(9, "ping");
      expect(await silent.said()).toBe("10: ping");
      peer.leave();
      silent.leave();
    });
  });

  test("that are async do not hold up the next message", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      async message(ws, message) {
        log.add(`begin ${message}`);
        await Bun.sleep(message === "slow" ? 20 : 0);
        log.add(`end ${message}`);
        ws.send(message);
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      peer.send(1, "slow");
      peer.send(1, "fast");
      expect([await peer.said(), await peer.said()]).toEqual(["fast", "slow"]);
      peer.leave();
    });
    expect(log.entries).toEqual(["begin slow", "begin fast", "end fast", "end slow"]);
  });

  test("data is the WebSocket's own, and may be changed", async () => {
    const app = new Chopin().websocket("/:name", {
      upgrade: ({ params }) => ({ name: params.name, count: 0 }),
      message: (ws) => {
        ws.data.count += 1;
        ws.send(`${ws.data.name} ${ws.data.count}`);
      },
    });
    await withServer(app, async (server) => {
      const [a, b] = [await Peer.open(server, "/a"), await Peer.open(server, "/b")];
      for (const peer of [a, a, b]) peer.send(1, "");
      expect([await a.said(), await a.said(), await b.said()]).toEqual(["a 1", "a 2", "b 1"]);
      a.leave();
      b.leave();
    });
  });

  test("hear of pings and pongs", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      open: (ws) => void ws.ping("are you there"),
      ping: (_, data) => log.add(`ping ${Buffer.from(data)}`),
      pong: (_, data) => log.add(`pong ${Buffer.from(data)}`),
      message: (ws) => {
        try {
          ws.ping(new Uint8Array(126));
        } catch (error) {
          log.add((error as { code: string }).code);
        }
        ws.ping(new Uint8Array(125));
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      expect(await peer.said()).toBe("9: are you there");
      peer.send(opcode.pong, "yes");
      peer.send(opcode.ping, "and you");
      peer.send(opcode.pong, "");
      expect(await peer.said()).toBe("10: and you");
      peer.send(1, "");
      expect((await peer.next())?.payload.length).toBe(125);
      await until(() => log.entries.length === 4);
      peer.leave();
    });
    expect(log.entries).toEqual(["pong yes", "ping and you", "pong ", "invalid_message"]);
  });
});
