/** Frames that no good client sends (RFC 6455 5, 7.4.1; RFC 7692 6.1), and what it costs to try. */
import { describe, expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { Chopin } from "../../src/index.ts";
import { deflate } from "../../src/websocket/compression.ts";
import { withServer } from "../_setup.ts";
import { closing, frame, Log, opcode, Peer, until } from "./_peer.ts";

const limit = 1000;
const make = (log: Log, compression = false) =>
  new Chopin().websocket("/", {
    messageLimit: limit,
    compression,
    message: (_, message) => log.add(`message ${message.length}`),
    close: (_, code) => log.add(`close ${code}`),
  });

/** The code with which the server closes after these bytes, and that its handler heard. */
async function codeAfter(bytes: Uint8Array, compression = false): Promise<[string, string]> {
  const log = new Log();
  let said: string | undefined;
  await withServer(make(log, compression), async (server) => {
    const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    const peer = await Peer.open(server, "/", compression ? offer : {});
    // What comes behind is looked at by nobody.
    peer.raw(Buffer.concat([frame(1, "x"), bytes, frame(1, "behind")]));
    said = await peer.said();
    // What only TypeScript finds wrong waits for the peer's close.
    if (compression) peer.send(opcode.close, closing(Number(said?.split(" ")[1])));
    await peer.ended();
    await until(() => log.entries.length > 1);
  });
  expect(log.entries[0]).toBe("message 1");
  expect(log.entries).toHaveLength(2);
  return [String(said?.split(" ")[1]), log.entries[1]!];
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const text = (hex: string) => frame(opcode.text, bytes(hex));

const rows: [code: number, name: string, wire: Uint8Array][] = [
  [1002, "an unmasked frame", frame(1, "x", { masked: false })],
  [1002, "an unmasked ping", frame(9, "x", { masked: false })],
  [1002, "RSV1 without an extension", frame(1, "x", { rsv: 4 })],
  [1002, "RSV2", frame(1, "x", { rsv: 2 })],
  [1002, "RSV3", frame(2, "x", { rsv: 1 })],
  [1002, "RSV1 of a ping", frame(9, "x", { rsv: 4 })],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((kind): (typeof rows)[number] => [
    1002,
    `opcode ${kind}`,
    frame(kind, ""),
  ]),
  [1002, "a continuation of nothing", frame(0, "x")],
  [1002, "a continuation of nothing, to be continued", frame(0, "x", { fin: false })],
  [1002, "a message within another", Buffer.concat([frame(1, "x", { fin: false }), frame(1, "y")])],
  [1002, "a ping in pieces", frame(9, "x", { fin: false })],
  [1002, "a close in pieces", frame(8, "", { fin: false })],
  [1002, "a ping of 126 bytes", frame(9, Buffer.alloc(126))],
  [1002, "a length with its highest bit", bytes("81 ff 8000000000000001 00000000")],
  [1002, "a length of two bytes for 125", bytes(`82 fe 007d 00000000 ${"00".repeat(125)}`)],
  [1002, "a length of eight bytes for 126", bytes(`82 ff 000000000000007e 00000000`)],
  [1002, "a close of one byte", frame(8, "x")],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): (typeof rows)[number] => [1002, `a close with ${code}`, frame(8, closing(code))],
  ),
  [1007, "a close whose reason is not UTF-8", frame(8, bytes("03e8 ff"))],
  [1007, "a lone continuation byte", text("80")],
  [1007, "an overlong slash", text("c0af")],
  [1007, "an overlong NUL", text("e08080")],
  [1007, "a surrogate", text("eda080")],
  [1007, "above U+10FFFF", text("f4908080")],
  [1007, "an impossible byte", text("68 ff")],
  [1007, "a character that is cut off", text("e282")],
  [
    1007,
    "a character that goes wrong in the next piece",
    Buffer.concat([frame(1, bytes("e2"), { fin: false }), frame(0, bytes("28a1"))]),
  ],
  [1009, "a message above the limit", frame(2, Buffer.alloc(limit + 1))],
  [1009, "a message that says it is above the limit", frame(2, "", { length: 2 ** 40 })],
  [
    1009,
    "pieces above the limit",
    Buffer.concat([frame(2, Buffer.alloc(limit), { fin: false }), frame(0, "x", { fin: false })]),
  ],
];

describe("is closed", () => {
  for (const [code, name, wire] of rows) {
    test(`with ${code}: ${name}`, async () => {
      expect(await codeAfter(wire)).toEqual([String(code), `close ${code}`]);
    });
  }
});

describe("is taken", () => {
  const good: [name: string, wire: Uint8Array, message: string][] = [
    ["a message of the limit", frame(2, Buffer.alloc(limit)), `message ${limit}`],
    [
      "a message of the limit in pieces",
      Buffer.concat([
        frame(2, Buffer.alloc(limit - 1), { fin: false }),
        frame(9, Buffer.alloc(125)),
        frame(0, "x", { fin: false }),
        frame(0, ""),
      ]),
      `message ${limit}`,
    ],
    [
      "a character that is cut between pieces",
      Buffer.concat([frame(1, bytes("e282"), { fin: false }), frame(0, bytes("ac"))]),
      "message 1",
    ],
  ];
  for (const [name, wire, message] of good) {
    test(name, async () => {
      const log = new Log();
      await withServer(make(log), async (server) => {
        const peer = await Peer.open(server, "/");
        peer.raw(wire);
        await log.has(message);
        peer.leave();
      });
    });
  }
});

describe("compressed messages", () => {
  const compressed = (payload: Uint8Array, kind = 1) => frame(kind, payload, { rsv: 4 });
  const squeezed = (message: Uint8Array | string) =>
    deflateRawSync(message, { finishFlush: 2 }).subarray(0, -4);

  test("that explode: 1009", async () => {
    const bomb = deflate(new Uint8Array(limit * 1000), 15)!;
    expect(bomb.length).toBeLessThan(limit);
    const small = squeezed(Buffer.alloc(limit + 1));
    for (const payload of [bomb, small]) {
      expect(await codeAfter(compressed(payload, 2), true)).toEqual(["1009", "close 1009"]);
    }
  });

  test("that cannot be inflated, or are not UTF-8 then: 1007", async () => {
    for (const payload of [bytes("ffffff"), bytes("07"), squeezed(bytes("c0af"))]) {
      expect(await codeAfter(compressed(payload), true)).toEqual(["1007", "close 1007"]);
    }
  });

  test("whose continuation says so again, or whose ping does: 1002", async () => {
    const [first, last] = [frame(1, "", { fin: false, rsv: 4 }), frame(0, "\0", { rsv: 4 })];
    expect(await codeAfter(Buffer.concat([first, last]), true)).toEqual(["1002", "close 1002"]);
    expect(await codeAfter(frame(9, "", { rsv: 4 }), true)).toEqual(["1002", "close 1002"]);
  });
});

describe("floods", () => {
  test("of pings cost nobody else anything, and end", async () => {
    const log = new Log();
    await withServer(make(log), async (server) => {
      const flood = await Peer.open(server, "/");
      const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(9, "x".repeat(125))));
      let over = false;
      void flood.ended().then(() => {
        over = true;
      });
      // Nobody reads the pongs.
      flood.pause();
      for (let round = 0; round < 200 && !over && flood.unsent < 64 * 1024 * 1024; round++) {
        flood.raw(pings);
        await Bun.sleep(0);
      }
      const other = await Peer.open(server, "/");
      other.send(1, "hello");
      await log.has("message 5");
      flood.resume();
      await log.has("close 1008");
      other.leave();
    });
  });

  test("of empty pieces end", async () => {
    const log = new Log();
    await withServer(make(log), async (server) => {
      const peer = await Peer.open(server, "/");
      const pieces = Buffer.concat([
        frame(1, "", { fin: false }),
        ...Array.from({ length: 100_000 }, () => frame(0, "", { fin: false })),
      ]);
      peer.raw(pieces);
      expect(await peer.said()).toBe("close 1008 too many empty fragments");
    });
  });
});
