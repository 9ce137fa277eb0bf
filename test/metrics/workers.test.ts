/** Metrics of several workers: any of them tells for all, and no counter goes back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { freePort } from "./_port.ts";
import { Reading } from "./_reading.ts";

test("workers are summed up, also those that were killed", async () => {
  const port = freePort();
  const program = join(import.meta.dir, "_service.ts");
  const child = Bun.spawn([process.execPath, program, String(port)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const url = await addressOf(child.stdout);
    const operations = `http://127.0.0.1:${port}`;
    const reading = () => Reading.of(operations);
    const requests = async () => (await reading()).value("chopin_requests_total");
    while ((await reading()).value("chopin_workers") < 2) await Bun.sleep(5);
    const pids = new Set<number>();
    let sent = 0;
    while (pids.size < 2) {
      pids.add(Number(await (await fetch(url, { keepalive: false })).text()));
      sent++;
    }
    for (let at = 0; at < 10; at++) expect(await requests()).toBe(sent);
    const [victim = 0] = pids;
    process.kill(victim, "SIGKILL");
    let last = sent;
    while (pids.size < 3) {
      const answer = await fetch(url, { keepalive: false }).catch(() => undefined);
      if (answer !== undefined) pids.add(Number(await answer.text()));
      const now = await requests().catch(() => last);
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(await requests()).toBeGreaterThan(sent);
    expect((await fetch(`${operations}/readyz`)).status).toBe(200);
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}, 20_000);

async function addressOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  for (;;) {
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
    if (url !== undefined) {
      reader.releaseLock();
      return url;
    }
    const { value, done } = await reader.read();
    if (done) throw new Error(`the service ended: ${text.slice(0, 200)}`);
    text += new TextDecoder().decode(value);
  }
}
