/** WebSockets of a service of several processes: what is published, and what its end is. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Service } from "../workers/_service.ts";
import { closing, opcode, Peer, until } from "./_peer.ts";

const fixture = join(import.meta.dir, "../fixtures/websocket-service.ts");
const command = [process.execPath, fixture];
const start = (workers: number, serve: object = {}) =>
  Service.start({ command, serve: { workers, ...serve } });

async function connect({ url }: Service): Promise<[peer: Peer, pid: string]> {
  const { hostname, port } = new URL(url);
  const peer = await Peer.open({ hostname, port: Number(port) }, "/ws");
  return [peer, (await peer.said())!.split(" ")[1]!];
}

/** One peer at each of so many processes; more peers connect until there is one. */
async function spread(service: Service, count: number): Promise<Map<string, Peer>> {
  const found = new Map<string, Peer>();
  while (found.size < count) {
    const [peer, pid] = await connect(service);
    if (found.has(pid)) peer.leave();
    else found.set(pid, peer);
  }
  return found;
}

async function order(peer: Peer, text: string): Promise<void> {
  peer.send(1, text);
  expect(await peer.said()).toBe(`done ${text}`);
}

test("what is published in one worker comes out in all, in order, text and bytes", async () => {
  await using service = await start(3);
  const peers = [...(await spread(service, 3)).values()] as [Peer, Peer, Peer];
  const [first, second, third] = peers;
  for (const peer of peers)
    for (const topic of ["t", "binary"]) await order(peer, `subscribe ${topic}`);
  await order(first, "publish t hello");
  expect([await second.said(), await third.said()]).toEqual(["hello", "hello"]);
  const count = 2000;
  first.send(1, `many t ${count}`);
  for (const peer of [second, third]) {
    for (let at = 0; at < count; at++) expect(await peer.said()).toBe(String(at));
  }
  expect(await first.said()).toBe(`done many t ${count}`);
  const bytes = Buffer.from([0, 10, 13, 123, 255, 0]);
  const large = crypto.getRandomValues(Buffer.alloc(60_000));
  for (const message of [bytes, large, Buffer.alloc(0), Buffer.alloc(5 * 1024 * 1024, "\0\n{")]) {
    second.send(opcode.binary, message);
    for (const peer of [first, third]) {
      const next = (await peer.next())!;
      expect([next.opcode, next.payload.equals(message)]).toEqual([opcode.binary, true]);
    }
  }
  await service.get("/publish/t/from-http");
  for (const peer of peers) expect(await peer.said()).toBe("from-http");
  for (const peer of peers) peer.leave();
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
}, 60_000);

test("a worker that does not read costs the primary no more than its limit", async () => {
  await using service = await start(2, { blockedMs: 60_000 });
  const peers = await spread(service, 2);
  const [[, publisher], [, blocked]] = [...peers] as [[string, Peer], [string, Peer]];
  await order(blocked, "subscribe flood");
  const memory = () => {
    const status = readFileSync(`/proc/${service.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  };
  const before = memory();
  blocked.send(1, "block 3000");
  // The order has arrived when the worker answers nothing any more.
  await Bun.sleep(50);
  await order(publisher, "flood flood 300");
  await service.says(/worker \d is too far behind: .+ dropped/);
  expect(memory() - before).toBeLessThan(150);
  expect(await blocked.said()).toBe("done block 3000");
  // It gets what was kept for it, and what is published once there is room again.
  const last = () => blocked.frames.some(({ opcode: kind }) => kind === opcode.text);
  blocked.frames.length = 0;
  for (; !last(); await Bun.sleep(5)) await order(publisher, "publish flood last");
  expect(blocked.frames.length).toBeGreaterThan(8);
  for (const peer of peers.values()) peer.leave();
}, 60_000);

for (const workers of [1, 2]) {
  test(`SIGTERM says 1001, and the close handlers run before the end (${workers})`, async () => {
    await using service = await start(workers);
    const peers = await Promise.all([1, 2, 3, 4].map(() => connect(service)));
    service.signal("SIGTERM");
    for (const [peer] of peers) {
      expect(await peer.said()).toBe("close 1001");
      peer.send(opcode.close, closing(1001));
      expect(await peer.ended()).toBe("finished");
    }
    expect(await service.ended()).toBe(0);
    expect(service.count(/close 1001 in/)).toBe(4);
    const [last] = [...service.text.matchAll(/(?:close|onStop).* in/g)].reverse();
    expect(last?.[0]).toBe("onStop in");
    expect(service.count(/onStop in/)).toBe(workers);
  }, 30_000);
}

for (const [name, workers, options] of [
  ["a peer that does not answer does not hold up the end for longer than 5 s", 1, {}],
  [
    "stopTimeoutMs ends those that are left, and their handlers still run",
    2,
    { stopTimeoutMs: 100 },
  ],
] as const) {
  test(name, async () => {
    await using service = await start(workers, options);
    const [peer] = await connect(service);
    service.signal("SIGTERM");
    expect(await peer.said()).toBe("close 1001");
    expect(await service.ended()).toBe(0);
    expect(service.count(/close 1006 in/)).toBe(1);
  }, 30_000);
}

test("SIGHUP replaces workers: those of the old are told to go, and find the new", async () => {
  await using service = await start(2);
  const before = await spread(service, 2);
  for (const peer of before.values()) await order(peer, "subscribe t");
  service.signal("SIGHUP");
  const leaving = [...before.values()].map(async (peer) => {
    expect(await peer.said()).toBe("close 1001");
    peer.send(opcode.close, closing(1001));
    // Whoever comes back at once finds somebody.
    (await connect(service))[0].leave();
  });
  await Promise.all(leaving);
  await service.says(/all workers were replaced/);
  await until(() => service.count(/onStop in/) === 2);
  const now = await spread(service, 2);
  for (const pid of now.keys()) expect(before.has(pid)).toBe(false);
  const [one, other] = [...now.values()] as [Peer, Peer];
  await order(other, "subscribe t");
  await order(one, "publish t again");
  expect(await other.said()).toBe("again");
  one.leave();
  other.leave();
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
}, 60_000);
