/** permessage-deflate on sockets: what is negotiated, what is compressed, and that it comes out. */
import { describe, expect, test } from "bun:test";
import { inflateRawSync } from "node:zlib";
import { Chopin } from "../../src/index.ts";
import { deflate } from "../../src/websocket/compression.ts";
import { withServer } from "../_setup.ts";
import { frame, Log, opcode, Peer } from "./_peer.ts";

const extensions = "Sec-WebSocket-Extensions";
const offered = { [extensions]: "permessage-deflate; client_max_window_bits" };
const compressed = { rsv: 4 };
const text = "Nocturne in E-flat major, Op. 9, No. 2. ".repeat(100);

const app = (threshold?: number) =>
  new Chopin().websocket("/", {
    compression: true,
    ...(threshold !== undefined && { compressionThreshold: threshold }),
    open: (ws) => ws.subscribe("all"),
    message(ws, message) {
      ws.send(message);
    },
  });

/** What a frame's payload says, inflated when it has to be. */
function contentOf({ rsv, payload }: { rsv: number; payload: Buffer }): Buffer {
  return rsv === 4 ? inflateRawSync(payload, { finishFlush: 2 }) : payload;
}

describe("compression", () => {
  test("is off unless an option says otherwise, and unless the client wants it", async () => {
    const off = new Chopin().websocket("/", { message: (ws, message) => void ws.send(message) });
    await withServer(off, async (server) => {
      const peer = await Peer.open(server, "/", offered);
      expect(peer.head).not.toContain(extensions);
      peer.send(1, text);
      expect(await peer.said()).toBe(text);
      peer.leave();
    });
    await withServer(app(), async (server) => {
      for (const fields of [{}, { [extensions]: "permessage-deflate; unknown" }]) {
        const peer = await Peer.open(server, "/", fields);
        expect(peer.head).not.toContain(extensions);
        peer.send(1, text);
        expect(await peer.said()).toBe(text);
        peer.leave();
      }
    });
  });

  test("goes both ways, of text and of bytes, whole and in pieces", async () => {
    await withServer(app(), async (server) => {
      const peer = await Peer.open(server, "/", offered);
      expect(peer.head).toContain(
        `\r\n${extensions}: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n`,
      );
      const payload = deflate(new TextEncoder().encode(text), 15)!;
      peer.send(opcode.text, payload, compressed);
      peer.send(opcode.binary, payload, compressed);
      for (let at = 0; at < payload.length; at += 10) {
        const fin = at + 10 >= payload.length;
        peer.send(at === 0 ? 1 : 0, payload.subarray(at, at + 10), { fin, rsv: at === 0 ? 4 : 0 });
      }
      // What the client does not compress is no less a message.
      peer.send(opcode.text, text);
      const kinds = [1, 2, 1, 1];
      for (const kind of kinds) {
        const next = (await peer.next())!;
        expect([next.opcode, next.rsv, next.fin]).toEqual([kind, 4, true]);
        expect(next.payload.length).toBeLessThan(200);
        expect(contentOf(next).toString()).toBe(text);
      }
      peer.leave();
    });
  });

  test("is of messages from the threshold on, where they become smaller", async () => {
    const random = crypto.getRandomValues(new Uint8Array(5000));
    await withServer(app(), async (server) => {
      const peer = await Peer.open(server, "/", offered);
      const rows: [string | Uint8Array, number][] = [
        ["a".repeat(1023), 0],
        ["a".repeat(1024), 4],
        ["é".repeat(511), 0],
        ["é".repeat(512), 4],
        [random, 0],
        [new Uint8Array(1024), 4],
        ["", 0],
      ];
      for (const [message, rsv] of rows) {
        peer.send(typeof message === "string" ? 1 : 2, message);
        const next = (await peer.next())!;
        expect([message.length, next.rsv]).toEqual([message.length, rsv]);
        expect(contentOf(next).equals(Buffer.from(message as string))).toBe(true);
      }
      peer.leave();
    });
    await withServer(app(0), async (server) => {
      const peer = await Peer.open(server, "/", offered);
      for (const message of ["", "aaaaaaaaaaaaaaaa", "ab"]) {
        peer.send(1, message);
        const next = (await peer.next())!;
        expect([message, contentOf(next).toString()]).toEqual([message, message]);
      }
      peer.leave();
    });
  });

  test("keeps to the window that a client asks for", async () => {
    await withServer(app(), async (server) => {
      const asked = { [extensions]: "permessage-deflate; server_max_window_bits=9" };
      const peer = await Peer.open(server, "/", asked);
      expect(peer.head).toContain("client_no_context_takeover; server_max_window_bits=9\r\n");
      const repeated = crypto.getRandomValues(new Uint8Array(1000)).toHex();
      peer.send(1, repeated + repeated);
      const next = (await peer.next())!;
      expect(next.rsv).toBe(4);
      // With a window of 512 bytes the repetition is out of reach.
      expect(next.payload.length).toBeGreaterThan(1900);
      const inflated = inflateRawSync(next.payload, { finishFlush: 2, windowBits: 9 });
      expect(inflated.toString()).toBe(repeated + repeated);
      peer.leave();
    });
  });

  test("of what is published is for those who have it", async () => {
    const log = new Log();
    const both = app().websocket("/plain", { open: (ws) => ws.subscribe("all") });
    await withServer(both, async (server) => {
      const peers = [
        await Peer.open(server, "/", offered),
        await Peer.open(server, "/plain", offered),
        await Peer.open(server, "/"),
        await Peer.open(server, "/", {
          [extensions]: "permessage-deflate; server_max_window_bits=10",
        }),
        await Peer.open(server, "/", offered),
      ];
      for (const peer of peers) {
        peer.send(1, "ready");
        if (peer !== peers[1]) expect(await peer.said()).toBe("ready");
      }
      expect(both.publish("all", text)).toBe(5);
      for (const peer of peers) {
        const next = (await peer.next())!;
        log.add(String(next.rsv));
        expect(contentOf(next).toString()).toBe(text);
        peer.leave();
      }
    });
    expect(log.entries).toEqual(["4", "0", "0", "4", "4"]);
  });

  test("is understood by Bun's client, with ten thousand messages", async () => {
    await withServer(app(16), async ({ url }) => {
      const ws = new WebSocket(url.replace("http", "ws"));
      const count = 10_000;
      const all = Promise.withResolvers<void>();
      let next = 0;
      const textOf = (at: number) => `message ${at} `.repeat(at % 97);
      ws.onmessage = ({ data }) => {
        if (data !== textOf(next)) all.reject(new Error(`${next}: ${data}`));
        next += 1;
        if (next === count) all.resolve();
      };
      ws.onopen = () => {
        expect(ws.extensions).toContain("permessage-deflate");
        for (let at = 0; at < count; at++) ws.send(textOf(at));
      };
      await all.promise;
      ws.close();
    });
  });

  test("leaves no trace of one message in the next", async () => {
    await withServer(app(0), async (server) => {
      const peer = await Peer.open(server, "/", offered);
      const wire = frame(1, text);
      peer.raw(Buffer.concat([wire, wire, wire]));
      const payloads = [];
      for (let at = 0; at < 3; at++) payloads.push((await peer.next())!.payload.toString("hex"));
      expect(new Set(payloads).size).toBe(1);
      peer.leave();
    });
  });
});
