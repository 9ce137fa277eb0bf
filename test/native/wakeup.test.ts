import { dlopen, FFIType } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Doorbell } from "../../src/native/doorbell.ts";
import { libcOf } from "../../src/native/library.ts";
import { Wakeup } from "../../src/native/wakeup.ts";
import { doorbellsOpen } from "./_doorbells.ts";

const onLinux = process.platform === "linux";
const libc = dlopen(libcName(), {
  socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  write: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
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

/** Runs Bun's loop on top of the caller, as a test framework does. */
function runLoop(): void {
  void expect(Bun.sleep(2)).resolves.toBeUndefined();
}

test("bytes of one batch of events all call back, though callbacks run the loop", async () => {
  for (let round = 0; round < 10; round += 1) {
    const pairs = Array.from({ length: 6 }, socketPair);
    const wakes = counter();
    const wakeups = pairs.map(
      ({ scriptEnd }) =>
        new Wakeup(scriptEnd, () => {
          runLoop();
          wakes.call();
        }),
    );
    for (const pair of pairs) pair.send();
    while (wakes.count < pairs.length) await wakes.next();
    for (const wakeup of wakeups) wakeup.close();
    for (const pair of pairs) pair.close();
  }
});

test("many that come and go while memory is collected lose nothing", async () => {
  const before = onLinux ? openDescriptors() : 0;
  const wakes = counter();
  const open: { pair: ReturnType<typeof socketPair>; wakeup: Wakeup }[] = [];
  for (let round = 0; round < 400; round += 1) {
    const pair = socketPair();
    open.push({ pair, wakeup: new Wakeup(pair.scriptEnd, wakes.call) });
    if (round % 20 === 0) Bun.gc(true);
    const expected = wakes.count + open.length;
    for (const { pair } of open) pair.send();
    while (wakes.count < expected) await wakes.next();
    if (open.length < 8) continue;
    // Numbers of descriptors are used again at once.
    for (const { pair, wakeup } of open.splice(round % 7, 2)) {
      wakeup.close();
      pair.close();
    }
  }
  for (const { pair, wakeup } of open) {
    wakeup.close();
    pair.close();
  }
  if (onLinux) expect(openDescriptors()).toBe(before);
});

describe.if(onLinux)("a doorbell", () => {
  const ring = ({ name }: Doorbell) => {
    const [unix, stream] = [1, 1];
    const fd = libc.symbols.socket(unix, stream, 0);
    const address = Buffer.from(`\x01\0${name}`);
    expect(libc.symbols.connect(fd, address, address.length)).toBe(0);
    libc.symbols.close(fd);
  };

  test("calls back for each ring but the first, and for none after close", async () => {
    const wakes = counter();
    const doorbell = new Doorbell(wakes.call);
    for (let round = 0; round < 20; round += 1) {
      const called = wakes.next();
      ring(doorbell);
      if (round > 0) await called;
      expect(wakes.count).toBe(round);
    }
    ring(doorbell);
    doorbell.close();
    doorbell.close();
    await Bun.sleep(0);
    await new Promise(setImmediate);
    expect(wakes.count).toBe(19);
    expect(doorbellsOpen()).toEqual([]);
  });

  test("misses none of a batch of events, though callbacks run the loop", async () => {
    const wakes = counter();
    const doorbells = Array.from({ length: 6 }, () => new Doorbell(rung));
    function rung() {
      runLoop();
      wakes.call();
    }
    for (const doorbell of doorbells) ring(doorbell);
    for (let round = 1; round <= 10; round += 1) {
      if (round % 3 === 0) Bun.gc(true);
      for (const doorbell of doorbells) ring(doorbell);
      while (wakes.count < round * doorbells.length) await wakes.next();
    }
    for (const doorbell of doorbells) doorbell.close();
  });
});

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
