/** Workers count together: any of them tells of all, and what the dead ones counted stays. */
import { expect, test } from "bun:test";
import type { Server } from "../../src/index.ts";
import { RawClient } from "../_setup.ts";
import { Service, until } from "./_service.ts";

/** The sum of a counter over its labels, as a worker tells it. */
async function counted(service: Service, name: string): Promise<number> {
  const text = await (await fetch(`${service.url}metrics`, { keepalive: false })).text();
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)$`, "gm"))];
  return lines.reduce((sum, [, value]) => sum + Number(value), 0);
}

test("requests to all workers are one number, which no replacement puts back", async () => {
  await using service = await Service.start({ serve: { workers: 2 }, env: { METRICS: "1" } });
  const pids = await service.pids(2);
  const name = "chopin_requests_total";
  const first = await counted(service, name);
  for (let count = 0; count < 50; count += 1) await service.get("/");
  expect((await counted(service, name)) - first).toBeGreaterThanOrEqual(50);

  const before = await counted(service, name);
  service.signal("SIGHUP");
  await service.says(/all workers were replaced/);
  const [victim = 0] = await service.pids(1);
  expect(pids).not.toContain(victim);
  process.kill(victim, "SIGKILL");
  await service.says(new RegExp(`process ${victim}\\) was killed`));
  await service.pids(2);
  expect(await counted(service, name)).toBeGreaterThan(before);
  await until(async () => (await counted(service, "chopin_workers")) === 2);
}, 20_000);

test("a worker that stops says so where readiness is asked for, on a kept connection", async () => {
  const serve = { workers: 2, drainIdleMs: 2000 };
  await using service = await Service.start({ serve, env: { METRICS: "1" } });
  const { hostname, port } = new URL(service.url);
  const client = await RawClient.connect({ hostname, port: Number(port) } as Server);
  const statuses = new Set<string>();
  const ask = async (): Promise<void> => {
    client.text = "";
    client.send("GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n");
    const answer = await client.read((text) => /\r\n\r\n\{.*\}$/s.test(text));
    statuses.add(answer.slice(9, 12));
  };
  await ask();
  service.signal("SIGTERM");
  while (!/\r\nConnection: close\r\n/.test(client.text)) await ask();
  expect([...statuses]).toEqual(["200", "503"]);
  expect(await service.ended()).toBe(0);
});
