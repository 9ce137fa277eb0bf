import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Chopin } from "../../src/index.ts";

/** Serves, answers a body that fills part of every arena, and stops. */
async function serveOnce(): Promise<void> {
  const app = new Chopin().post("/", (ctx) => ctx.text());
  const server = await app.serve("127.0.0.1:0");
  const body = "x".repeat(200_000);
  const answer = await fetch(server.url, { method: "POST", body, keepalive: false });
  expect((await answer.text()).length).toBe(body.length);
  await server.stop();
}

const descriptors = () => readdirSync("/proc/self/fd").length;

/** Without pages of files: Bun's own code comes in as it is first run. */
function privateKiB(): number {
  Bun.gc(true);
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
}

test("descriptors and memory are back where they were after stop", async () => {
  // What Bun itself opens and keeps for its first servers and clients is there after a few.
  for (let round = 0; round < 5; round++) await serveOnce();
  const [openBefore, privateBefore] = [descriptors(), privateKiB()];
  for (let round = 0; round < 40; round++) await serveOnce();
  while (descriptors() > openBefore) await Bun.sleep(1);
  // Forty servers that kept their pages would hold 16 MiB and more.
  expect(privateKiB() - privateBefore).toBeLessThan(8 * 1024);
}, 30_000);
