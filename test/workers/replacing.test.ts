/** No request is lost by a replacement, and by a killed worker only those that it had accepted. */
import { expect, test } from "bun:test";
import { Load } from "./_load.ts";
import { exists, Service, until } from "./_service.ts";

test("rolling replacements under load fail no request", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const load = new Load(service.url, 16);
  // These pause, for less than an idle connection is kept while its worker drains.
  const calm = new Load(service.url, 16, 100);
  for (let round = 1; round <= 3; round += 1) {
    const answered = load.answered;
    await until(() => load.answered > answered + 100);
    service.signal("SIGHUP");
    await service.says(/all workers were replaced/, round);
  }
  await Promise.all([load.end(), calm.end()]);
  expect(load.failures).toEqual([]);
  expect(calm.failures).toEqual([]);
  expect(new Set([...load.pids, ...calm.pids]).size).toBeGreaterThanOrEqual(6);
  expect(load.connected).toBeGreaterThan(16);
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
}, 60_000);

test("orders to replace that come meanwhile lead to one more replacement", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  for (let count = 0; count < 5; count += 1) service.signal("SIGHUP");
  await service.says(/all workers were replaced/);
  await until(() => service.count(/onStop of/) % 2 === 0);
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
  expect(service.count(/all workers were replaced/)).toBeLessThanOrEqual(2);
}, 30_000);

test("a killed worker takes its own connections along, and no others", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const load = new Load(service.url, 16);
  const killed = new Set<number>();
  for (let round = 0; round < 3; round += 1) {
    const answered = load.answered;
    await until(() => load.answered > answered + 500);
    const [victim = 0] = await service.pids(2);
    process.kill(victim, "SIGKILL");
    killed.add(victim);
    await until(() => !exists(victim) || service.text.includes(`(process ${victim}) was killed`));
    await until(async () => (await service.pids(2)).size === 2);
  }
  await load.end();
  // Whom a connection belongs to is known from its first answer on; one that has none yet may
  // belong to the one that was killed.
  for (const { what, pid } of load.failures) {
    expect([what, pid === 0 || killed.has(pid)]).toEqual([what, true]);
    expect(what).toMatch(/^closed/);
  }
  expect(load.failures.length).toBeLessThanOrEqual(3 * 16);
}, 60_000);
