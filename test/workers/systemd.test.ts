/** What a service manager gives and hears: sockets that it bound, and news by datagrams. */
import { dlopen, FFIType } from "bun:ffi";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverOptions } from "../../src/environment.ts";
import { bindListeners, closeDescriptors } from "../../src/native/listeners.ts";
import { Service, until } from "./_service.ts";

const fixture = join(import.meta.dir, "../fixtures/service.ts");
// The number of the process that may take sockets is known to nobody before that process.
const shell = ["sh", "-c", 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"', "sh"];
const command = [...shell, process.execPath, fixture];

for (const workers of [1, 2]) {
  test(`a socket that was bound before is served, and left to the next (${workers})`, async () => {
    const options = serverOptions({ hostname: "127.0.0.1", port: 0 }, {});
    const { fds, address } = bindListeners(options, 1);
    try {
      const url = `http://127.0.0.1:${address.port}/`;
      const ready = workers === 1 ? /serves (\S+)/ : /chopin: (\S+) by 2 workers/;
      // The program names another port, as it does when it is started by hand.
      const serve = { workers, port: 8080 };
      await using first = await Service.start({ command, fds, serve, ready });
      expect(first.url).toBe(url);
      await first.pids(workers);
      first.signal("SIGTERM");
      expect(await first.ended()).toBe(0);
      // Nobody serves, and nobody is refused: the socket is still the manager's.
      const waiting = fetch(url, { keepalive: false });
      await using second = await Service.start({ command, fds, serve, ready });
      expect((await waiting).status).toBe(200);
      await second.pids(workers);
    } finally {
      closeDescriptors(fds);
    }
  });
}

test("sockets for another process are not taken", async () => {
  const env = { LISTEN_PID: "1", LISTEN_FDS: "1" };
  await using service = await Service.start({ env });
  expect((await service.pids(1)).size).toBe(1);
});

if (process.platform === "linux") {
  for (const workers of [1, 2]) {
    test(`a service manager hears how the service is (${workers})`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "chopin-notify-"));
      const manager = new Manager(join(folder, "notify"));
      try {
        const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "100000" };
        await using service = await Service.start({ serve: { workers }, env });
        await until(() => manager.heard().includes("READY=1"));
        await until(() => manager.heard().includes("WATCHDOG=1"));
        if (workers === 2) {
          service.signal("SIGHUP");
          await service.says(/all workers were replaced/);
          await until(() => /RELOADING=1\nMONOTONIC_USEC=\d+\nREADY=1/.test(news(manager)));
        }
        service.signal("SIGTERM");
        expect(await service.ended()).toBe(0);
        expect(news(manager)).toEndWith("STOPPING=1");
      } finally {
        manager.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
}

/** Without the watchdog's, which come at any time. */
function news(manager: Manager): string {
  return manager
    .heard()
    .filter((message) => message !== "WATCHDOG=1")
    .join("\n");
}

/** Receives datagrams, which neither Bun nor its Node has for unix sockets. */
class Manager {
  readonly path: string;
  readonly #fd: number;
  readonly #libc = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    recv: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32],
      returns: FFIType.i32,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  readonly #heard: string[] = [];

  constructor(path: string) {
    this.path = path;
    const [unix, datagram, closeOnExec] = [1, 2, 0o2000000];
    this.#fd = this.#libc.symbols.socket(unix, datagram | closeOnExec, 0);
    const address = Buffer.alloc(110);
    address.writeUInt16LE(unix);
    address.write(path, 2);
    if (this.#libc.symbols.bind(this.#fd, address, address.length) !== 0) {
      throw new Error(`${path} cannot be bound`);
    }
  }

  /** All messages so far. */
  heard(): readonly string[] {
    const doNotWait = 0x40;
    const buffer = Buffer.alloc(1024);
    for (;;) {
      const count = this.#libc.symbols.recv(this.#fd, buffer, BigInt(buffer.length), doNotWait);
      if (count <= 0) return this.#heard;
      this.#heard.push(buffer.toString("utf8", 0, count));
    }
  }

  close(): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
