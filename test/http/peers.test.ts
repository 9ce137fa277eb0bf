/**
 * Clients that do not read, that leave early or half, and more of them than there are descriptors.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Chopin } from "../../src/index.ts";
import { get, makeApp, ok, post, problem, withoutDate } from "./_cases.ts";
import { type Held, until, withNative } from "./_native.ts";
import { type Place, WireClient } from "./_socket.ts";

const ending = { connection: "close" } as const;
const good = get("/good");

/** `makeApp` with a handler that waits for `release`, called once for all requests. */
function waiting(): { app: Chopin; release: () => void } {
  const released = Promise.withResolvers<void>();
  const app = makeApp().all("/late", async (ctx) => {
    const text = ctx.text();
    await released.promise;
    return `late ${text}`;
  });
  return { app, release: () => released.resolve() };
}

/** Resolves when the server has read everything that was sent before. */
async function readBy(server: Place): Promise<void> {
  const client = await WireClient.connect(server);
  client.send(good);
  await client.read((text) => text.endsWith("good"));
  await client.close();
}

describe("10,000 pipelined requests", () => {
  const count = 10_000;
  const paths = Array.from({ length: count }, (_, number) => `/number/${number}`);
  /** Far more than the kernel takes for both sides. */
  const large = "x".repeat(2048);

  async function check(app: Chopin, asked: () => number): Promise<void> {
    await withNative(app.get("/good", "good"), async (server) => {
      const client = await WireClient.connect(server);
      client.stopReading();
      client.send(paths.map((path) => get(path)).join(""));
      await until(() => server.bytesInUse() > 200 * 1024);
      await readBy(server);
      // The cap of the backlog, and the requests that one connection may have dispatched, in blocks
      // that are at most half empty.
      expect(server.bytesInUse()).toBeLessThan(2 * (256 * 1024 + 64 * 2500));
      expect(asked()).toBeLessThan(count);
      client.readAgain();
      const wanted = paths.map((path) => ok(`${path} ${large}`)).join("");
      const text = withoutDate(await client.read(() => asked() === count && isWhole(client)));
      expect(text === wanted).toBe(true);
      await client.close();
      await until(() => server.connectionsOpen() === 0);
      expect(server.bytesInUse()).toBe(0);
    });
  }

  function isWhole(client: WireClient): boolean {
    const tail = client.text.slice(-large.length - 20);
    return tail.includes(`/number/${count - 1} `) && tail.endsWith(large);
  }

  test("and no reading: the rest waits, memory is bounded, order is kept", async () => {
    let asked = 0;
    const app = new Chopin().get("/number/:number", ({ path }) => {
      asked++;
      return `${path} ${large}`;
    });
    await check(app, () => asked);
  });

  test("and no reading, answered later, the last ones first", async () => {
    let asked = 0;
    const app = new Chopin().get("/number/:number", async ({ path }) => {
      asked++;
      for (let turns = asked % 4; turns < 4; turns++) await Bun.sleep(0);
      return `${path} ${large}`;
    });
    await check(app, () => asked);
  });
});

describe("the end of a connection", () => {
  test("bytes behind the last request cost nobody the answer", () =>
    withNative(makeApp(), async (server) => {
      const body = "x".repeat(1024 * 1024);
      const last = get("/good", "Connection: close");
      const refused = post([`Content-Length: ${16 * 1024 * 1024}`]);
      for (const [request, answer] of [
        [last, ok("good", ending)],
        [refused, problem(413, "body_too_large", ending)],
        ["GET /good HTTP/1.1\r\n\r\n", problem(400, "missing_host", ending)],
      ] as const) {
        const client = await WireClient.connect(server);
        client.send(request);
        for (let sent = 0; sent < 8; sent++) client.send(body);
        expect(withoutDate(await client.read())).toBe(answer);
        expect(client.error).toBeUndefined();
        await client.close();
      }
      await until(() => server.connectionsOpen() === 0);
    }));

  const halves: [name: string, bytes: string, answers: string][] = [
    ["one answer", get("/late"), ok("late ")],
    ["several answers", get("/late") + good + get("/late"), ok("late ") + ok("good") + ok("late ")],
    [
      "a request that has to wait for its turn",
      post([], "", "/late") + post(["Content-Length: 5"], "hello", "/late") + good,
      ok("late ") + ok("late hello") + ok("good"),
    ],
    [
      "a refusal behind it",
      `${get("/late")}GET /\r\n`,
      ok("late ") + problem(400, "missing_version", ending),
    ],
    ["half a request behind it", `${get("/late")}GET /go`, ok("late ")],
    [
      "more requests than are dispatched at a time",
      get("/late") + good.repeat(200),
      ok("late ") + ok("good").repeat(200),
    ],
  ];
  for (const [name, bytes, answers] of halves) {
    test(`half-closed with ${name} pending: answered to the end`, async () => {
      const { app, release } = waiting();
      await withNative(app, async (server) => {
        const client = await WireClient.connect(server);
        client.send(bytes);
        client.endHalf();
        await readBy(server);
        release();
        expect(withoutDate(await client.read())).toBe(answers);
        expect(client.error).toBeUndefined();
        await until(() => server.connectionsOpen() === 0);
      });
    });
  }

  for (const [name, bytes] of [
    ["nothing", ""],
    ["half a head", "GET /go"],
    ["half a body", post(["Content-Length: 5"], "hel")],
    ["half a chunk", post(["Transfer-Encoding: chunked"], "5\r\nhel")],
  ] as const) {
    test(`half-closed after ${name}: closed without a word`, () =>
      withNative(makeApp(), async (server) => {
        const client = await WireClient.connect(server);
        client.send(bytes);
        client.endHalf();
        expect(await client.read()).toBe("");
        await until(() => server.connectionsOpen() === 0);
        expect(server.bytesInUse()).toBe(0);
      }));
  }
});

describe("connections that are reset", () => {
  const moments: [name: string, bytes: string, answers: string][] = [
    ["at once", "", ""],
    ["in a head", "GET /good HTTP/1.1\r\nX: ", ""],
    ["in a body", post(["Content-Length: 50000"], "x".repeat(20_000)), ""],
    ["in a chunk", post(["Transfer-Encoding: chunked"], "5\r\nhel"), ""],
    [
      "in a body that is dropped",
      post(["Content-Length: 5"], "h", "/none"),
      problem(404, "not_found"),
    ],
    ["after an answer", good, ok("good")],
    ["before an answer", get("/late"), ""],
    ["before several", get("/late") + good + post([], "", "/late"), ""],
    ["after the last answer", get("/good", "Connection: close"), ok("good", ending)],
  ];
  const connections = 300;

  test("leave nothing behind", async () => {
    const { app, release } = waiting();
    await withNative(app, async (server) => {
      await churn(server, moments.length);
      const descriptors = openDescriptors();
      const bytes = server.bytesInUse();
      await churn(server, connections);
      expect(openDescriptors()).toBe(descriptors);
      expect(server.bytesInUse()).toBe(bytes);
      // Handlers keep their requests until they settle.
      expect(server.requestsPending()).toBeGreaterThan(connections / moments.length);
      release();
      await until(() => server.requestsPending() === 0);
      expect(server.bytesInUse()).toBe(0);
      await readBy(server);
    });
  });

  async function churn(server: Held, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const [, bytes, answers] = moments[index % moments.length]!;
      const client = await WireClient.connect(server);
      client.send(bytes);
      expect(withoutDate(await client.read((text) => withoutDate(text) === answers))).toBe(answers);
      // Without an answer to wait for, every other is reset before its bytes are read.
      if (answers === "" && index % 2 === 0) await readBy(server);
      await client.reset();
    }
    await until(() => server.connectionsOpen() === 0);
  }

  function openDescriptors(): number {
    return readdirSync("/proc/self/fd").length;
  }
});

describe("without descriptors", () => {
  const descriptors = 64;
  const script = `${import.meta.dir}/_few-descriptors.ts`;

  test("accepting pauses, nothing spins, and it goes on", async () => {
    const command = [
      "sh",
      "-c",
      `ulimit -n ${descriptors}; exec "$0" "$1"`,
      process.execPath,
      script,
    ];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    const server = { port: Number(Buffer.from(value!).toString()) };
    const clients: WireClient[] = [];
    for (let index = 0; index < 2 * descriptors; index++) {
      const client = await WireClient.connect(server);
      client.send(good);
      clients.push(client);
    }
    await until(() => readdirSync(`/proc/${child.pid}/fd`).length === descriptors);
    const served = () => clients.filter(({ text }) => text !== "");
    await until(() => served().length > 0);
    // Requests on open connections are answered meanwhile.
    const [first] = served();
    first!.send(good);
    await first!.read((text) => text.endsWith("good") && text.length > 200);
    // Only time can show that nothing is done: a loop that spins takes all of it.
    const before = processorMs(child.pid);
    await Bun.sleep(1000);
    expect(processorMs(child.pid) - before).toBeLessThan(250);
    const waitingFor = clients.filter(({ text }) => text === "");
    expect(waitingFor.length).toBeGreaterThan(descriptors);
    await Promise.all(served().map((client) => client.close()));
    for (const client of waitingFor) {
      expect(withoutDate(await client.read((text) => text.endsWith("good")))).toBe(ok("good"));
      await client.close();
    }
    child.kill();
    await child.exited;
  }, 20_000);

  /** In ticks of ten milliseconds, user and system. */
  function processorMs(pid: number): number {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  }
});
