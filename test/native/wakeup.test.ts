import { dlopen, FFIType } from "bun:ffi";
import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { libcOf } from "../../src/native/library.ts";
import { Wakeup } from "../../src/native/wakeup.ts";

const onLinux = process.platform === "linux";
const libc = dlopen(libcName(), {
  socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  write: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
});
afterAll(() => libc.close());

function libcName(): string {
  if (!onLinux) return "libSystem.B.dylib";
  if (libcOf(readFileSync("/proc/self/maps", "latin1")) === "gnu") return "libc.so.6";
  return `libc.musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`;
}

const one = new Uint8Array([1]);

/** What native code does: a pair of non-blocking stream sockets. */
function socketPair(): { scriptEnd: number; send: (times?: number) => void; close: () => void } {
  const [unix, stream, getFlags, setFlags] = [1, 1, 3, 4];
  const nonBlocking = onLinux ? 0o4000 : 4;
  const pair = new Int32Array(2);
  expect(libc.symbols.socketpair(unix, stream, 0, pair)).toBe(0);
  const [nativeEnd = -1, scriptEnd = -1] = pair;
  for (const fd of pair) {
    const flags = libc.symbols.fcntl(fd, getFlags, 0);
    libc.symbols.fcntl(fd, setFlags, flags | nonBlocking);
  }
  return {
    scriptEnd,
    send: (times = 1) => {
      for (let count = 0; count < times; count += 1) {
        expect(Number(libc.symbols.write(nativeEnd, one, 1))).toBe(1);
      }
    },
    close: () => void libc.symbols.close(nativeEnd),
  };
}

/** Counts calls and lets a test wait for the next. */
function counter() {
  let next = Promise.withResolvers<void>();
  const state = {
    count: 0,
    call: () => {
      state.count += 1;
      next.resolve();
      next = Promise.withResolvers();
    },
    next: () => next.promise,
  };
  return state;
}

const openDescriptors = () => readdirSync("/proc/self/fd").length;

test("bytes call back, those that came together once", async () => {
  const pair = socketPair();
  const wakes = counter();
  const wakeup = new Wakeup(pair.scriptEnd, wakes.call);
  for (let round = 1; round <= 100; round += 1) {
    const called = wakes.next();
    pair.send(round % 7 === 0 ? 3 : 1);
    expect(wakes.count).toBe(round - 1);
    await called;
    expect(wakes.count).toBe(round);
  }
  wakeup.close();
  pair.close();
});

test("nothing calls back after close", async () => {
  const pair = socketPair();
  const wakes = counter();
  const wakeup = new Wakeup(pair.scriptEnd, wakes.call);
  pair.send();
  wakeup.close();
  wakeup.close();
  pair.close();
  await Bun.sleep(0);
  await new Promise(setImmediate);
  expect(wakes.count).toBe(0);
});

test.if(onLinux)("Bun owns the descriptor: closing leaves none behind", async () => {
  const before = openDescriptors();
  for (let round = 0; round < 20; round += 1) {
    const pair = socketPair();
    const wakeup = new Wakeup(pair.scriptEnd, () => {});
    // Either end may go first.
    if (round % 2 === 0) pair.close();
    wakeup.close();
    if (round % 2 === 1) pair.close();
  }
  expect(openDescriptors()).toBe(before);
});

// What zig/wakeup/bun_epoll.zig relies on.
test.if(onLinux)("an adopted descriptor is in Bun's epoll under its own number", async () => {
  const pair = socketPair();
  expect(epollsWith(pair.scriptEnd)).toBe(0);
  const wakeup = new Wakeup(pair.scriptEnd, () => {});
  expect(epollsWith(pair.scriptEnd)).toBe(1);
  wakeup.close();
  expect(epollsWith(pair.scriptEnd)).toBe(0);
  pair.close();
});

function epollsWith(fd: number): number {
  const watches = new RegExp(`^tfd:\\s+${fd} `, "m");
  return readdirSync("/proc/self/fdinfo").filter((name) => {
    try {
      return watches.test(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"));
    } catch {
      // The descriptor of the folder that was being listed.
      return false;
    }
  }).length;
}

test("it keeps the process alive until it is closed, which then ends by itself", async () => {
  const module = JSON.stringify(join(import.meta.dir, "../../src/native/wakeup.ts"));
  const program = `
    const { Wakeup } = await import(${module});
    const { dlopen } = await import("bun:ffi");
    const { socketpair } = dlopen(${JSON.stringify(libcName())}, {
      socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    }).symbols;
    const pair = new Int32Array(2);
    socketpair(1, 1, 0, pair);
    const wakeup = new Wakeup(pair[1], () => {});
    process.on("exit", () => console.log("exit"));
    setTimeout(() => {
      console.log("alive");
      wakeup.close();
    }, 20).unref();
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  expect(await child.stdout.text()).toBe("alive\nexit\n");
  expect(await child.exited).toBe(0);
});
