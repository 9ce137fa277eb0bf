/** Peers that do not read: who sends is told, and what they cost has a ceiling. */
import { describe, expect, test } from "bun:test";
import { Chopin, type ServerWebSocket } from "../../src/index.ts";
import { withServer } from "../_setup.ts";
import { quiet } from "../streams/_streams.ts";
import { handshake, Log, Peer, until } from "./_peer.ts";

const piece = new Uint8Array(64 * 1024).fill(7);
const MiB = 1024 * 1024;

describe("a peer that is behind", () => {
  test("makes send say so, and drain tells when it is not", async () => {
    const total = 400;
    let sent = 0;
    let waits = 0;
    let most = 0;
    const pump = (ws: ServerWebSocket) => {
      while (sent < total) {
        sent += 1;
        const goOn = ws.send(piece);
        most = Math.max(most, ws.bufferedAmount);
        if (goOn) continue;
        waits += 1;
        return;
      }
      if (sent === total) ws.send("end");
      sent += 1;
    };
    const app = new Chopin().websocket("/", { open: pump, drain: pump });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      peer.pause();
      await until(() => waits > 0);
      // The kernel takes some before it takes no more.
      await quiet(() => sent);
      expect(sent).toBeLessThan(total);
      peer.resume();
      let frames = 0;
      for (let next = await peer.next(); next?.opcode === 2; next = await peer.next()) {
        expect(next.payload.length).toBe(piece.length);
        frames += 1;
      }
      expect(frames).toBe(total);
      peer.leave();
    });
    expect(waits).toBeGreaterThan(1);
    // Who obeys is never far ahead.
    expect(most).toBeLessThan(MiB);
  });

  test("drain comes once for each time that somebody waits", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      message(ws) {
        let behind = 0;
        while (behind < 3) if (!ws.send(piece)) behind += 1;
        log.add("behind");
        ws.send("last");
      },
      drain: (ws) => log.add(`drain ${ws.bufferedAmount < 128 * 1024}`),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      for (let round = 1; round <= 3; round++) {
        peer.pause();
        peer.send(1, "go");
        await until(() => log.entries.length >= 2 * round - 1);
        peer.resume();
        while ((await peer.said()) !== "last");
        await until(() => log.entries.length >= 2 * round);
      }
      peer.leave();
    });
    expect(log.entries).toEqual(Array.from({ length: 3 }, () => ["behind", "drain true"]).flat());
  });

  test("hears of an end that comes meanwhile", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      open(ws) {
        while (ws.send(piece));
        ws.close(4000, "enough");
      },
      drain: () => log.add("drain"),
      close: (_, code) => log.add(`close ${code}`),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      let said = await peer.said();
      while (said?.startsWith("2:")) said = await peer.said();
      expect(said).toBe("close 4000 enough");
      peer.send(8, Buffer.from([0x0f, 0xa0]));
      await log.has("close 4000");
    });
    expect(log.entries).toEqual(["close 4000"]);
  });
});

describe("the backlog", () => {
  test("has a limit, beyond which the connection is ended", async () => {
    const log = new Log();
    const results: boolean[] = [];
    const app = new Chopin().websocket("/", {
      backlogLimit: 4 * MiB,
      open(ws) {
        while (ws.readyState === WebSocket.OPEN) results.push(ws.send(piece));
        log.add(`state ${ws.readyState} ${ws.send("more")}`);
      },
      close: (_, code) => log.add(`close ${code}`),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.connect(server);
      peer.pause();
      peer.raw(handshake("/"));
      await log.has("close 1006");
    });
    expect(log.entries).toEqual(["state 2 false", "close 1006"]);
    // What the kernel takes comes on top of it.
    expect(results.length).toBeGreaterThan(60);
    expect(results.length * piece.length).toBeLessThan(16 * MiB);
    expect(results.at(-1)).toBe(false);
  });

  test("ends the connection at once, also where a timer met it", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      backlogLimit: MiB,
      open(ws) {
        setTimeout(() => ws.send(new Uint8Array(2 * MiB)), 1);
      },
      close: (_, code) => log.add(`close ${code}`),
    });
    await withServer(app, async (server) => {
      await Peer.open(server, "/");
      // Nothing else happens that would have the server look.
      await log.has("close 1006");
    });
  });

  test("an option that is undefined is none", async () => {
    // As programs without exactOptionalPropertyTypes may have it.
    const none: object = { messageLimit: undefined, backlogLimit: undefined };
    const app = new Chopin().websocket("/", {
      ...none,
      message: (ws, message) => void ws.send(message),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      peer.send(1, "hi");
      expect(await peer.said()).toBe("hi");
      peer.leave();
    });
  });

  test("is the server's where a route says nothing, and a message must fit into it", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      open: (ws) => log.add(`${ws.send(new Uint8Array(MiB))}`),
      close: (_, code) => log.add(`close ${code}`),
    });
    const run = async (websocketBacklogLimit: number) =>
      withServer(
        app,
        async (server) => {
          const peer = await Peer.open(server, "/");
          await until(() => log.entries.includes("close 1006") || peer.frames.length > 0);
          peer.leave();
          await log.has("close 1006");
        },
        { websocketBacklogLimit },
      );
    await run(MiB - 1);
    expect(log.entries).toEqual(["false", "close 1006"]);
    log.entries.length = 0;
    await run(2 * MiB);
    expect(log.entries.at(-1)).toBe("close 1006");
  });

  test("of one that is slow does not slow down others that get the same", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/:name", {
      backlogLimit: 2 * MiB,
      upgrade: ({ params }) => params.name,
      open(ws) {
        ws.subscribe("all");
        log.add(`open ${ws.data}`);
      },
      close: (ws, code) => log.add(`close ${ws.data} ${code}`),
    });
    await withServer(app, async (server) => {
      const [slow, quick] = [await Peer.open(server, "/slow"), await Peer.open(server, "/quick")];
      await log.has("open slow");
      await log.has("open quick");
      slow.pause();
      const count = 200;
      for (let at = 0; at < count; at++) {
        app.publish("all", piece);
        expect((await quick.next())?.payload.length).toBe(piece.length);
      }
      await log.has("close slow 1006");
      expect(app.publish("all", "end")).toBe(1);
      expect(await quick.said()).toBe("end");
      slow.leave();
      quick.leave();
    });
  }, 20_000);
});
