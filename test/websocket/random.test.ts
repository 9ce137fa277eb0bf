/**
 * Many peers that send messages of random sizes, cut into random frames that come in random pieces,
 * while others end in random ways: each gets its own messages back, in order.
 */
import { expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import { withNative } from "../http/_native.ts";
import { frame, Peer, until } from "./_peer.ts";

/** Whole numbers below another, the same for each run with one seed. */
type Random = (below: number) => number;

function seeded(): Random {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const sizes = [0, 1, 10, 125, 126, 1000, 16_384, 40_000, 70_000, 200_000];

/** A message, as frames with pings between them. */
function messageOf(random: Random): { readonly message: Buffer; readonly wire: Buffer } {
  const text = random(2) === 0;
  const size = sizes[random(sizes.length)]!;
  const payload = Buffer.alloc(size, text ? "zażółć" : `\xff${size}`, "utf8");
  // A character must not be cut at the end.
  const message = text ? Buffer.from(payload.toString().replaceAll("\ufffd", "")) : payload;
  const wire: Buffer[] = [];
  let at = 0;
  let kind = text ? 1 : 2;
  for (let fin = false; !fin; kind = 0) {
    const left = message.length - at;
    const length = random(4) === 0 ? random(left + 1) : left;
    fin = length === left;
    wire.push(frame(kind, message.subarray(at, at + length), { fin }));
    at += length;
    if (random(8) === 0) wire.push(frame(9, "ping"));
  }
  return { message, wire: Buffer.concat(wire) };
}

/** Sends messages in random pieces, and expects them back. */
async function talk(peer: Peer, random: Random): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const sent = Array.from({ length: 1 + random(20) }, () => messageOf(random));
    const bytes = Buffer.concat(sent.map(({ wire }) => wire));
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random(random(3) === 0 ? 20 : 100_000);
      peer.raw(bytes.subarray(at, at + length));
      at += length;
      if (random(4) === 0) await Bun.sleep(0);
    }
    for (const { message } of sent) {
      let next = await peer.next();
      while (next !== undefined && next.opcode > 8) next = await peer.next();
      expect(next?.payload.equals(message)).toBe(true);
    }
  }
}

test("random frames, cuts and ends", async () => {
  const random = seeded();
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
    await Promise.all([...peers.map((peer) => talk(peer, random)), others]);
    for (const peer of peers) peer.leave();
    await until(() => closed === 72);
    await until(() => server.websocketsOpen() === 0 && server.connectionsOpen() === 0);
  });
}, 60_000);
