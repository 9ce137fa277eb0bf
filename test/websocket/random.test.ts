/**
 * Many peers that send messages of random sizes, cut into random frames that come in random pieces,
 * while others end in random ways: each gets its own messages back, in order.
 */
import { expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import { withNative } from "../http/_native.ts";
import { frame, Peer, until } from "./_peer.ts";

test("random frames, cuts and ends", async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const sizes = [0, 1, 10, 125, 126, 1000, 16_384, 40_000, 70_000, 200_000];
  let closed = 0;
  const app = new Chopin().websocket("/", {
    message(ws, message) {
      // Control frames go out between messages.
      if (message.length % 3 === 0 && ws.bufferedAmount === 0) ws.ping("between");
      ws.send(message);
    },
    close: () => {
      closed += 1;
    },
  });

  async function talk(peer: Peer): Promise<void> {
    for (let round = 0; round < 5; round++) {
      const sent: Buffer[] = [];
      const wire: Buffer[] = [];
      for (let count = random(20); count >= 0; count--) {
        const text = random(2) === 0;
        const size = sizes[random(sizes.length)]!;
        const payload = Buffer.alloc(size, text ? "zażółć" : `\xff${size}`, "utf8");
        // A character must not be cut at the end.
        const whole = text ? Buffer.from(payload.toString().replaceAll("\ufffd", "")) : payload;
        sent.push(whole);
        let at = 0;
        let kind = text ? 1 : 2;
        for (let fin = false; !fin; kind = 0) {
          const length = random(4) === 0 ? random(whole.length - at + 1) : whole.length - at;
          fin = at + length === whole.length;
          wire.push(frame(kind, whole.subarray(at, at + length), { fin }));
          at += length;
          if (random(8) === 0) wire.push(frame(9, "ping"));
        }
      }
      const bytes = Buffer.concat(wire);
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + random(random(3) === 0 ? 20 : 100_000);
        peer.raw(bytes.subarray(at, at + length));
        at += length;
        if (random(4) === 0) await Bun.sleep(0);
      }
      for (const message of sent) {
        let next = await peer.next();
        while (next !== undefined && next.opcode > 8) next = await peer.next();
        expect(next?.payload.equals(message)).toBe(true);
      }
    }
  }

  await withNative(app, async (server) => {
    const place = { hostname: "127.0.0.1", port: server.port };
    const peers = await Promise.all(Array.from({ length: 12 }, () => Peer.open(place, "/")));
    const others = (async () => {
      for (let count = 0; count < 60; count++) {
        const peer = await Peer.open(place, "/");
        peer.send(2, Buffer.alloc(random(100_000)), { fin: random(2) === 0 });
        if (random(2) === 0) peer.reset();
        else peer.leave();
      }
    })();
    await Promise.all([...peers.map(talk), others]);
    for (const peer of peers) peer.leave();
    await until(() => closed === 72);
    await until(() => server.websocketsOpen() === 0 && server.connectionsOpen() === 0);
  });
}, 60_000);
