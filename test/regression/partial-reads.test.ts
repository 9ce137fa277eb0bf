/**
 * Reads that complete no request once filled the request arena for good: the next read went beyond
 * it. In a process of its own, because that was a crash.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";

test("bodies and heads in many reads", () => {
  const script = join(import.meta.dir, "../fixtures/partial-reads.ts");
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, script], { timeout: 20_000 });
  expect([stdout.toString(), exitCode]).toEqual(["6291456\ntrue\n", 0]);
}, 30_000);
