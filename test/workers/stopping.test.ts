/** How a service stops: what is finished, what is told, what is closed, and when. */
import { expect, test } from "bun:test";
import type { Server } from "../../src/index.ts";
import { RawClient } from "../_setup.ts";
import { Service, until } from "./_service.ts";

const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;

/** A connection that is kept, with its first answer. */
async function connected(service: Service): Promise<RawClient> {
  const { hostname, port } = new URL(service.url);
  const client = await RawClient.connect({ hostname, port: Number(port) } as Server);
  client.send(request("/"));
  await client.read((text) => text.includes('{"pid"'));
  client.text = "";
  return client;
}

for (const workers of [1, 2]) {
  const named = (title: string): string => `${title} (${workers} of them)`;

  test(named("what is in flight is finished, and told that it is the last"), async () => {
    await using service = await Service.start({ serve: { workers } });
    const busy = await connected(service);
    const kept = await connected(service);
    const silent = await connected(service);
    busy.send(request("/slow/200"));
    // It has arrived when a later request was answered by each of the processes.
    await service.pids(workers);
    service.signal("SIGTERM");
    await until(() => refused(service));
    kept.send(request("/"));
    const last = await kept.read();
    expect(last).toContain("Connection: close\r\n");
    expect(last).toEndWith("}");
    expect(await busy.read()).toContain("Connection: close\r\n");
    expect(busy.text).toEndWith("}");
    await silent.read();
    expect(silent.text).toBe("");
    expect(await service.ended()).toBe(0);
    expect(service.count(/onStop of/)).toBe(workers);
  });

  test(named("a second signal ends at once"), async () => {
    const serve = { workers, stopTimeoutMs: 60_000 };
    await using service = await Service.start({ serve });
    const client = await connected(service);
    client.send(request("/slow/60000"));
    await service.pids(workers);
    service.signal("SIGTERM");
    await until(() => refused(service));
    service.signal("SIGINT");
    expect(await service.ended()).toBe(130);
    expect(await client.read()).toBe("");
    expect(service.count(/onStop of/)).toBeLessThan(workers);
  });

  test(named("requests that take too long are cut off"), async () => {
    const serve = { workers, stopTimeoutMs: 100 };
    await using service = await Service.start({ serve });
    const client = await connected(service);
    client.send(request("/slow/60000"));
    await service.pids(workers);
    service.signal("SIGTERM");
    expect(await client.read()).toBe("");
    expect(await service.ended()).toBe(0);
    expect(service.count(/onStop of/)).toBe(workers);
  });

  test(named("without `signals` a signal does what it does everywhere"), async () => {
    await using service = await Service.start({ serve: { workers, signals: false } });
    service.signal("SIGTERM");
    expect(await service.ended()).toBe("SIGTERM");
    expect(service.count(/onStop/)).toBe(0);
  });
}

test("a signal to which the program listens is the program's", async () => {
  await using service = await Service.start({ env: { TOUCH: "1" } });
  service.signal("SIGTERM");
  await service.says(/the program's own SIGTERM/);
  expect((await service.pids(1)).size).toBe(1);
  service.signal("SIGINT");
  expect(await service.ended()).toBe(0);
});

test("a single process says that SIGHUP cannot replace it, and goes on", async () => {
  await using service = await Service.start({});
  service.signal("SIGHUP");
  await service.says(/a single process has none/);
  expect((await service.pids(1)).size).toBe(1);
});

test("a file of options cannot be out of range", async () => {
  await using service = new Service({ serve: { drainIdleMs: -1 } });
  expect(await service.ended()).toBe(1);
  expect(service.text).toContain("drainIdleMs is a whole number");
});

/** Nothing accepts any more. */
async function refused(service: Service): Promise<boolean> {
  const { hostname, port } = new URL(service.url);
  try {
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
    socket.terminate();
    return false;
  } catch {
    return true;
  }
}
