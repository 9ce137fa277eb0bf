/** How WebSockets end: by either side, by errors, by silence, and what each side hears of it. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { Chopin, type ServerWebSocket } from "../../src/index.ts";
import { withServer } from "../_setup.ts";
import { withNative } from "../http/_native.ts";
import { closing, handshake, Log, opcode, Peer, until } from "./_peer.ts";

let printed: ReturnType<typeof spyOn<Console, "error">>;
beforeEach(() => {
  printed = spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => printed.mockRestore());

/** Does what a message says, and tells how it ended. */
function obeying(log: Log): Chopin {
  return new Chopin().websocket("/", {
    open: () => log.add("open"),
    message(ws, message) {
      log.add(`message ${message}`);
      const [what, code, reason] = String(message).split(" ");
      if (what === "close") ws.close(code ? Number(code) : undefined, reason);
      if (what === "terminate") ws.terminate();
    },
    close: (ws, code, reason) => log.add(`close ${code} ${reason} ${ws.readyState}`.trim()),
  });
}

/** What a peer hears, and how the connection ended. */
async function afterMessage(text: string): Promise<{ said: unknown; log: string[]; end: string }> {
  const log = new Log();
  let said: string | undefined;
  let end = "";
  await withServer(obeying(log), async (server) => {
    const peer = await Peer.open(server, "/");
    peer.send(1, text);
    said = await peer.said();
    // A good peer says it too.
    if (said !== undefined) peer.send(opcode.close, closing(Number(said.split(" ")[1])));
    end = await peer.ended();
    await until(() => log.entries.some((entry) => entry.startsWith("close ")));
  });
  return { said, log: log.entries.slice(1), end };
}

describe("the server ends", () => {
  test("with a code and a reason", async () => {
    expect(await afterMessage("close")).toEqual({
      said: "close 1000",
      log: ["message close", "close 1000  3"],
      end: "finished",
    });
    expect(await afterMessage("close 4321 tschüss")).toEqual({
      said: "close 4321 tschüss",
      log: ["message close 4321 tschüss", "close 4321  3"],
      end: "finished",
    });
  });

  test("without a word", async () => {
    const { said, log } = await afterMessage("terminate");
    expect(said).toBeUndefined();
    expect(log).toEqual(["message terminate", "close 1006  3"]);
  });

  test("once, and what comes behind is dropped", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      message(ws, message) {
        log.add(String(message));
        ws.close(4000);
        ws.close(4001);
        log.add(`${ws.readyState} ${ws.send("late")} ${ws.ping()} ${ws.publish("t", "late")}`);
        ws.subscribe("t");
        log.add(`${ws.isSubscribed("t")}`);
      },
      close(ws, code) {
        ws.close();
        ws.terminate();
        ws.subscribe("t");
        const said = [ws.send("late"), ws.ping(), ws.bufferedAmount, ws.subscriptions.length];
        log.add(`${code} ${said}`);
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      peer.send(1, "first");
      peer.send(1, "second");
      expect(await peer.said()).toBe("close 4000");
      peer.send(1, "third");
      peer.send(9, "fourth");
      peer.send(opcode.close, closing(4000));
      expect(await peer.said()).toBeUndefined();
      await log.has("4000 false,false,0,0");
    });
    expect(log.entries).toEqual(["first", "2 false false 0", "false", "4000 false,false,0,0"]);
  });

  test("by no code that means something else, and by no long reason", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      open(ws) {
        const codes = [0, 1, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 65_536];
        for (const code of [...codes, 1000.5, Number.NaN, -1]) {
          try {
            ws.close(code);
            log.add(`closed with ${code}`);
          } catch (error) {
            if ((error as { code: string }).code !== "invalid_message") throw error;
          }
        }
        expect(() => ws.close(1000, "ü".repeat(62))).toThrow("at most 123 bytes: 124");
        ws.close(4999, `${"ü".repeat(61)}x`);
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      expect(await peer.said()).toBe(`close 4999 ${"ü".repeat(61)}x`);
      peer.leave();
    });
    expect(log.entries).toEqual([]);
  });

  test("and does not wait for a peer that says nothing", async () => {
    const log = new Log();
    await withServer(obeying(log), async (server) => {
      const peer = await Peer.open(server, "/");
      peer.send(1, "close 4000");
      expect(await peer.said()).toBe("close 4000");
      await peer.ended();
      await log.has("close 1006  3");
    });
  }, 10_000);

  test("in `open` already", async () => {
    const app = new Chopin().websocket("/", { open: (ws) => ws.close(4003, "not now") });
    await withServer(app, async ({ url }) => {
      const ws = new WebSocket(url.replace("http", "ws"));
      const ended = Promise.withResolvers<CloseEvent>();
      ws.onclose = (event) => ended.resolve(event as CloseEvent);
      const { code, reason, wasClean } = await ended.promise;
      expect([code, reason, wasClean]).toEqual([4003, "not now", true]);
    });
  });
});

describe("the peer ends", () => {
  const rows: [name: string, payload: string | Uint8Array, answer: string, heard: string][] = [
    ["with a code", closing(1000), "close 1000", "close 1000  3"],
    ["with a code of its own", closing(4242, "bye ü"), "close 4242", "close 4242 bye ü 3"],
    ["without a code", "", "close", "close 1005  3"],
  ];
  for (const [name, payload, answer, heard] of rows) {
    test(name, async () => {
      const log = new Log();
      await withServer(obeying(log), async (server) => {
        const peer = await Peer.open(server, "/");
        peer.send(1, "before");
        peer.send(opcode.close, payload);
        peer.send(1, "behind");
        expect(await peer.said()).toBe(answer);
        expect(await peer.ended()).toBe("finished");
        await log.has(heard);
      });
      expect(log.entries).toEqual(["open", "message before", heard]);
    });
  }

  for (const way of ["leave", "reset"] as const) {
    test(`without a word (${way})`, async () => {
      const log = new Log();
      await withServer(obeying(log), async (server) => {
        const peer = await Peer.open(server, "/");
        peer.send(1, "before");
        await log.has("message before");
        peer[way]();
        await log.has("close 1006  3");
      });
    });
  }

  test("while a message is half there", async () => {
    const log = new Log();
    await withServer(obeying(log), async (server) => {
      const peer = await Peer.open(server, "/");
      peer.send(2, Buffer.alloc(100_000), { fin: false });
      peer.send(0, Buffer.alloc(10), { length: 200_000, fin: true });
      await log.has("open");
      peer.leave();
      await log.has("close 1006  3");
    });
  });
});

describe("a handler that fails", () => {
  const fault = new TypeError("of the program");
  const throws = () => {
    throw fault;
  };
  const rejects = async () => {
    await Bun.sleep(1);
    throw fault;
  };
  const handlers: Record<string, object> = {
    "open, at once": { open: throws },
    "open, later": { open: rejects },
    "message, at once": { message: throws },
    "message, at once, async": { message: async () => throws() },
    "message, later": { message: rejects },
    "pong, at once": { pong: throws },
    "ping, later": { ping: rejects },
  };
  for (const [name, given] of Object.entries(handlers)) {
    test(`${name}: 1011, and told`, async () => {
      const log = new Log();
      const close = (_: ServerWebSocket, code: number) => log.add(`close ${code}`);
      await withServer(new Chopin().websocket("/", { ...given, close }), async (server) => {
        const peer = await Peer.open(server, "/");
        peer.send(1, "");
        peer.send(9, "");
        peer.send(10, "");
        let said = await peer.said();
        while (said?.startsWith("10:")) said = await peer.said();
        expect(said).toBe("close 1011");
        peer.send(opcode.close, closing(1011));
        await log.has("close 1011");
      });
      expect(printed.mock.calls[0]).toEqual([fault]);
    });
  }

  test("close: told", async () => {
    for (const close of [throws, rejects]) {
      await withServer(new Chopin().websocket("/", { close }), async (server) => {
        const peer = await Peer.open(server, "/");
        peer.send(opcode.close, closing(1000));
        await peer.ended();
        await until(() => printed.mock.calls.length > 0);
      });
      expect(printed.mock.calls).toEqual([[fault]]);
      printed.mockClear();
    }
  });
});

describe("a peer that is silent", () => {
  test("is sent a ping, and ended when it does not answer", async () => {
    const log = new Log();
    const app = obeying(log).websocket("/short", {
      idleTimeoutMs: 100,
      open: () => log.add("short"),
      close: (_, code) => log.add(`gone ${code}`),
    });
    await withServer(app, async (server) => {
      const [dead, alive, other] = [
        await Peer.open(server, "/short"),
        await Peer.open(server, "/short"),
        await Peer.open(server, "/"),
      ];
      expect(await dead.said()).toBe("9: ");
      for (let pings = 0; pings < 4; pings++) {
        expect(await alive.said()).toBe("9: ");
        alive.send(opcode.pong, "");
      }
      await dead.ended();
      await log.has("gone 1006");
      expect([alive.end, other.end, other.frames.length]).toEqual(["open", "open", 0]);
      alive.leave();
      other.leave();
    });
  });

  test("is left alone with 0; the server's option holds where a route has none", async () => {
    const app = new Chopin().websocket("/never", { idleTimeoutMs: 0 }).websocket("/", {});
    await withServer(
      app,
      async (server) => {
        const [never, usual] = [await Peer.open(server, "/never"), await Peer.open(server, "/")];
        await usual.ended();
        expect([never.end, never.frames.length]).toEqual(["open", 0]);
        never.leave();
      },
      { websocketIdleTimeoutMs: 60 },
    );
  });
});

describe("nothing is kept", () => {
  test("of a thousand that end in every way", async () => {
    const log = new Log();
    let closed = 0;
    const app = obeying(log).websocket("/t", {
      open: (ws) => ws.subscribe("all"),
      close: () => {
        closed += 1;
      },
    });
    await withNative(app, async (server) => {
      const place = { hostname: "127.0.0.1", port: server.port };
      const before = server.bytesInUse();
      for (let round = 0; round < 10; round++) {
        const peers = await Promise.all(Array.from({ length: 100 }, () => Peer.open(place, "/t")));
        await until(() => server.websocketsOpen() === 100);
        for (const [at, peer] of peers.entries()) {
          if (at % 5 === 0) peer.send(opcode.close, closing(1000));
          else if (at % 5 === 1) peer.reset();
          else if (at % 5 === 2) peer.leave();
          else if (at % 5 === 3) peer.raw("\xff\xff");
          else {
            peer.send(1, Buffer.alloc(70_000), { fin: false });
            peer.leave();
          }
        }
        await until(() => server.websocketsOpen() === 0 && server.connectionsOpen() === 0);
      }
      expect([closed, server.bytesInUse(), server.requestsPending()]).toEqual([1000, before, 0]);
    });
  });

  test("of handshakes whose clients left", async () => {
    const gate = Promise.withResolvers<void>();
    let ended = 0;
    const app = new Chopin().websocket("/", {
      upgrade: () => gate.promise,
      open: () => {
        ended += 1;
      },
    });
    await withNative(app, async (server) => {
      const place = { hostname: "127.0.0.1", port: server.port };
      const peers = await Promise.all(Array.from({ length: 50 }, () => Peer.connect(place)));
      for (const peer of peers) peer.raw(handshake("/"));
      await until(() => server.requestsPending() === 50);
      for (const peer of peers) peer.reset();
      await until(() => server.connectionsOpen() === 0);
      gate.resolve();
      await until(() => server.requestsPending() === 0 && server.websocketsOpen() === 0);
      expect(ended).toBe(0);
    });
  });
});
