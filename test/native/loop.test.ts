import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Chopin, type Server } from "../../src/index.ts";

interface Load {
  stop(): Promise<void>;
}

async function startLoad(port: number, connections: number, depth: number): Promise<Load> {
  const script = `${import.meta.dir}/_load.ts`;
  const child = Bun.spawn([process.execPath, script, `${port}`, `${connections}`, `${depth}`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

/** A server that counts what the load asks for. */
async function startCounting(): Promise<{ server: Server; count: () => number }> {
  let answered = 0;
  const app = new Chopin().get("/load", () => {
    answered++;
    return "ok";
  });
  return { server: await app.serve("127.0.0.1:0"), count: () => answered };
}

function immediates(turns: number): Promise<void> {
  return new Promise((resolve) => {
    let left = turns;
    const step = () => (--left === 0 ? resolve() : void setImmediate(step));
    setImmediate(step);
  });
}

async function timers(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Bun.sleep(1);
}

async function fetches(turns: number): Promise<void> {
  const other = Bun.serve({ port: 0, fetch: () => new Response("other") });
  for (let turn = 0; turn < turns; turn++) {
    expect(await (await fetch(other.url)).text()).toBe("other");
  }
  await other.stop(true);
}

/** Waits until the load got so many more answers. */
async function answersGrow(count: () => number, by: number): Promise<void> {
  const target = count() + by;
  while (count() < target) await Bun.sleep(1);
}

const loads: [name: string, connections: number, depth: number][] = [
  ["under full load", 32, 16],
  ["at one request at a time", 1, 1],
];

for (const [name, connections, depth] of loads) {
  test(`${name} timers, immediates and fetch go on, and requests beside them`, async () => {
    const { server, count } = await startCounting();
    const load = await startLoad(server.port, connections, depth);
    try {
      await answersGrow(count, 100);
      const before = count();
      await Promise.all([immediates(2000), timers(50), fetches(20)]);
      expect(count()).toBeGreaterThan(before);
      // A loop that others keep busy without a pause.
      let busy = true;
      const spin = () => busy && void setImmediate(spin);
      spin();
      await answersGrow(count, 500);
      busy = false;
    } finally {
      await load.stop();
      await server.stop();
    }
  }, 30_000);
}

test("a chain of immediates on a quiet server is not slowed by native waits", async () => {
  const { server } = await startCounting();
  // With a wait of a millisecond in each turn this would take 100 s.
  await immediates(100_000);
  await server.stop();
}, 30_000);

test("an idle server sleeps, and wakes for a request", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/_idle.ts`], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const url = `http://127.0.0.1:${Buffer.from(value!).toString().trim()}/`;
  expect(await (await fetch(url)).text()).toBe("awake");
  // The one thing that only time can show: nothing happens. First it comes to rest.
  await Bun.sleep(300);
  const before = switchesOf(child.pid);
  await Bun.sleep(2000);
  expect(switchesOf(child.pid) - before).toBeLessThan(20);
  expect(await (await fetch(url)).text()).toBe("awake");
  child.kill();
  await child.exited;
}, 30_000);

/** How often the main thread of a process gave up its processor by itself. */
function switchesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
}

/** What a server says to these bytes until `count` answers have come. */
async function exchange(port: number, request: string, count: number): Promise<string> {
  let received = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_socket, bytes) {
        received += bytes.toString("latin1");
        if (received.split("HTTP/1.1 ").length > count) resolve();
      },
      close: () => resolve(),
    },
  });
  socket.write(request);
  await promise;
  socket.terminate();
  return received;
}

/** Runs Bun's loop on top of the caller, as a test framework does. */
function runLoop(ms: number): string {
  void expect(Bun.sleep(ms)).resolves.toBeUndefined();
  return "runs the loop";
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;

test("a handler may run the loop: the answers of its batch stay what they are", async () => {
  const app = new Chopin()
    .get("/first", () => "first")
    .get("/runs", () => runLoop(20))
    .get("/last", () => "last");
  const server = await app.serve("127.0.0.1:0");
  const received = await exchange(server.port, get("/first") + get("/runs") + get("/last"), 3);
  expect(received.match(/\r\n\r\n(first|runs the loop|last)/g)).toHaveLength(3);
  await server.stop();
});

test("a server whose time to stop is over while a handler runs the loop ends then", async () => {
  const app = new Chopin().get("/", () => {
    void server.stop({ timeoutMs: 1 });
    return runLoop(50);
  });
  const server = await app.serve("127.0.0.1:0");
  await exchange(server.port, get("/"), 1);
  await server.stop();
  const again = await new Chopin().serve(`127.0.0.1:${server.port}`);
  await again.stop();
});
