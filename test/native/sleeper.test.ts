import { JSCallback, type Pointer, toArrayBuffer } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { control, view as layout } from "../../src/native/abi.ts";
import { type Loop, startLoop } from "../../src/native/loop.ts";
import { Router } from "../../src/native/router.ts";
import { configOrder } from "../../src/native/server.ts";
import type { RestOptions } from "../../src/native/sleeper.ts";
import * as symbols from "../../src/native/symbols.ts";
import { doorbellsBecome, doorbellsOpen } from "./_doorbells.ts";

const onLinux = process.platform === "linux";
const ways = { "io_uring, where it is allowed": 0, "a thread": 2 };

const router = new Router();
router.commit({ globalLayer: false, trailingSlashIgnored: false, customNotFound: false });
const callback = new JSCallback(() => {}, { args: ["u32"], returns: "void" });

const config: Partial<Record<(typeof configOrder)[number], number>> = {
  slab_capacity: 16,
  read_buffer_bytes: 4096,
  write_buffer_bytes: 4096,
  head_bytes_max: 4096,
  fields_max: 16,
  pipeline_max: 4,
  pending_max: 4,
  output_backlog_max: 65536,
  head_timeout_ms: 10_000,
  body_timeout_ms: 10_000,
  idle_timeout_ms: 10_000,
  write_timeout_ms: 10_000,
  pending_bytes_max: 65536,
};

/** A native server without routes, whose 404 takes a turn and nothing else. */
class Bare {
  readonly port: number;
  readonly #handle: Pointer;
  readonly #loop: Loop;

  constructor(rest: RestOptions) {
    const words = Uint32Array.from(configOrder, (name) => config[name] ?? 0);
    const handle = symbols.chopin_server_create(words, router.handle, callback.ptr);
    this.#handle = handle as Pointer;
    const memory = toArrayBuffer(symbols.chopin_server_view(handle) as Pointer, 0, layout.bytes);
    const view = new Uint32Array(memory);
    const host = Buffer.from("127.0.0.1");
    expect(symbols.chopin_server_listen_tcp(handle, host, host.length, 0, 16)).toBe(0);
    this.port = view[control.result] as number;
    const nothing = () => {};
    this.#loop = startLoop({
      ...{ handle: this.#handle, view, waits: true, rest },
      ...{ returned: nothing, afterTurn: nothing },
    });
  }

  stop(): void {
    symbols.chopin_server_end(this.#handle);
    this.#loop.close();
    symbols.chopin_server_destroy(this.#handle);
  }
}

/** Resolves with the status of the answer to one request, and closes the connection. */
async function ask(port: number, before?: () => Promise<void>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, bytes) => resolve(bytes.toString("latin1", 0, 12)),
      close: () => reject(new Error("no answer")),
    },
  });
  await before?.();
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const timer = setTimeout(() => reject(new Error("a wake-up is lost")), 10_000);
  const status = await promise;
  clearTimeout(timer);
  socket.terminate();
  return status;
}

describe.if(onLinux)("a server that is asked for nothing", () => {
  for (const [way, preference] of Object.entries(ways)) {
    test(`rests, and answers the next request: ${way}`, async () => {
      const server = new Bare({ afterMs: 5, preference });
      for (let round = 0; round < 20; round += 1) {
        await doorbellsBecome(1);
        expect(await ask(server.port)).toBe("HTTP/1.1 404");
      }
      server.stop();
      expect(doorbellsOpen()).toEqual([]);
    });

    test(`loses no wake-up around its rest, nor do others that come and go: ${way}`, async () => {
      const before = readdirSync("/proc/self/fd").length;
      const servers = Array.from({ length: 8 }, () => new Bare({ afterMs: 1, preference }));
      for (let round = 0; round < 150; round += 1) {
        const at = round % servers.length;
        const asked = servers.map(async ({ port }, index) => {
          // Before, within and after the change from one to the other.
          await Bun.sleep(((round + index) % 9) / 3);
          expect(await ask(port)).toBe("HTTP/1.1 404");
        });
        // Their callbacks share a batch of events with those of the others.
        if (round % 5 === 0) void expect(Promise.all(asked)).resolves.toBeDefined();
        await Promise.all(asked);
        servers[at]?.stop();
        servers[at] = new Bare({ afterMs: 1, preference });
        if (round % 10 === 0) Bun.gc(true);
      }
      for (const server of servers) server.stop();
      while (readdirSync("/proc/self/fd").length > before) await Bun.sleep(1);
    }, 60_000);
  }

  test("rests while a connection is open, and hears what comes on it", async () => {
    const server = new Bare({ afterMs: 5 });
    for (let round = 0; round < 5; round += 1) {
      const [first] = await doorbellsBecome(1);
      // That there is a connection ends one rest, and another one follows.
      const restAgain = async () => {
        while ((await doorbellsBecome(1))[0] === first) await Bun.sleep(1);
      };
      expect(await ask(server.port, restAgain)).toBe("HTTP/1.1 404");
    }
    server.stop();
  });

  test("is only woken by others who ring", async () => {
    const server = new Bare({ afterMs: 5 });
    for (let round = 0; round < 5; round += 1) {
      const [name = ""] = await doorbellsBecome(1);
      const unix = name.replace("@", "\0");
      const ring = () => Bun.connect({ unix, socket: { data() {} } }).catch(() => undefined);
      const rung = await Promise.all([ring(), ring(), ring()]);
      expect(await ask(server.port)).toBe("HTTP/1.1 404");
      for (const socket of rung) socket?.terminate();
    }
    server.stop();
  });
});
