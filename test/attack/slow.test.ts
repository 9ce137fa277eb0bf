/**
 * slowhttptest's modes, small: everybody else is answered meanwhile, and nothing is left when they
 * have gone. How long answers take is for `scripts/attack.ts`, because it depends on the machine.
 */
import { describe, expect, test } from "bun:test";
import { attack, slowModes, startTarget, type Target } from "./_target.ts";

/** Debian's package of the same name; a machine without it leaves these out, by this name. */
const installed = Bun.which("slowhttptest") !== null;

async function isServed({ port }: Target): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { keepalive: false });
  expect(await answer.text()).toBe("good");
}

describe.skipIf(!installed)("slowhttptest (needs the Debian package of this name)", () => {
  for (const mode of Object.keys(slowModes)) {
    test.concurrent(mode, async () => {
      const target = await startTarget({ headTimeoutMs: 1500, bodyTimeoutMs: 1500 });
      await isServed(target);
      const quiet = target.openDescriptors();
      const attackers = attack(target, mode, { connections: 200, rate: 200, seconds: 3 })!;
      let served = 0;
      while (attackers.exitCode === null) {
        await isServed(target);
        served++;
      }
      await attackers.exited;
      expect(served).toBeGreaterThan(10);
      while (target.openDescriptors() > quiet) await Bun.sleep(10);
      await isServed(target);
      const errors = await target.stop();
      for (const line of errors.split("\n").filter(Boolean)) {
        expect(line).toMatch(/^chopin: closed \d+ connections?: /);
      }
    }, 30_000);
  }
});

describe("connect, ask, reset", () => {
  test("thousands of times leaves nothing behind", async () => {
    const target = await startTarget();
    await isServed(target);
    const descriptors = target.openDescriptors();
    await cycles(target, 3000);
    while (target.openDescriptors() > descriptors) await Bun.sleep(10);
    const before = target.privateKiB();
    await cycles(target, 3000);
    while (target.openDescriptors() > descriptors) await Bun.sleep(10);
    // A connection that kept its block would have left 6 MiB; garbage comes and goes.
    expect(target.privateKiB() - before).toBeLessThan(4 * 1024);
    await isServed(target);
    await target.stop();
  }, 30_000);

  /** Half of them leave before the answer comes. */
  async function cycles({ port }: Target, count: number): Promise<void> {
    let left = count;
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const closed = Promise.withResolvers<void>();
        const answered = Promise.withResolvers<void>();
        const socket = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { data: () => answered.resolve(), close: () => closed.resolve() },
        });
        socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        if (left % 2 === 0) await answered.promise;
        socket.terminate();
        await closed.promise;
      }
    };
    await Promise.all(Array.from({ length: 16 }, one));
  }
});
