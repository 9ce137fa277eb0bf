/** Stopped time: what moves with it, what goes on, and the parts of Chopin that wait. */
import { afterEach, beforeEach, describe, expect, test as it, jest, spyOn } from "bun:test";
import { scheduler } from "node:timers/promises";
import { Chopin } from "../../src/index.ts";
import { cacheControl, rateLimit, timeout } from "../../src/middleware/index.ts";
import {
  type Clock,
  controlTime,
  type ServedClient,
  type TestClient,
  test,
} from "../../src/testing/index.ts";

/** In process, and over a socket. */
function eachWay(
  name: string,
  make: () => Chopin,
  check: (api: TestClient | ServedClient) => Promise<void>,
): void {
  it(`${name} (in process)`, () => check(test(make())));
  it(`${name} (socket)`, async () => {
    await using served = await test(make()).serve();
    await check(served);
  });
}

const clocks = () => [
  Date.now(),
  performance.now(),
  Bun.nanoseconds() / 1e6,
  process.uptime() * 1e3,
];

describe("the clock", () => {
  it("stands still, and moves only when it is told", async () => {
    using clock = controlTime({ now: "2030-01-01T00:00:00Z" });
    const before = clocks();
    for (let round = 0; round < 1000; round++) await new Promise(setImmediate);
    expect(clocks()).toEqual(before);
    expect(new Date().toISOString()).toBe("2030-01-01T00:00:00.000Z");
    await clock.advance(90_000);
    for (const [index, value] of clocks().entries()) {
      expect(value - before[index]!).toBeCloseTo(90_000, 3);
    }
    expect(new Date().toISOString()).toBe("2030-01-01T00:01:30.000Z");
  });

  it("starts at the present, at a date, or at a number", () => {
    const present = Date.now();
    {
      using _ = controlTime();
      expect(Date.now()).toBeWithin(present, present + 60_000);
    }
    {
      using _ = controlTime({ now: new Date(0) });
      expect(Date.now()).toBe(0);
    }
    using _ = controlTime({ now: 1234 });
    expect(Date.now()).toBe(1234);
  });

  it("never goes back from one controlled time to the next", async () => {
    const read = performance.now.bind(performance);
    const real = read();
    let last = 0;
    for (let round = 0; round < 3; round++) {
      using clock = controlTime();
      expect(read()).toBeGreaterThanOrEqual(Math.max(last, real));
      await clock.advance(3_600_000);
      last = read();
    }
  });

  it("goes on after restore, and after its scope", async () => {
    const start = Date.now();
    const clock = controlTime({ now: 0 });
    setTimeout(() => expect.unreachable(), 1);
    clock.restore();
    clock.restore();
    expect(Date.now()).toBeGreaterThanOrEqual(start);
    await Bun.sleep(5);
    await expect(clock.advance(1)).rejects.toThrow(/it was restored, or another one came/);
  });

  it("is one: another takes its place, and nobody else's is touched", async () => {
    const forgotten = controlTime({ now: 0 });
    {
      using clock = controlTime({ now: 1000 });
      await clock.advance(1);
      await expect(forgotten.advance(1)).rejects.toThrow(/another one came/);
      expect(Date.now()).toBe(1001);
    }
    expect(jest.isFakeTimers()).toBe(false);
    jest.useFakeTimers();
    expect(() => controlTime()).toThrow(/somebody else stopped time/);
    jest.useRealTimers();
  });

  it("refuses a step within a step", async () => {
    using clock = controlTime();
    const step = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow(/time is moved already/);
    await step;
    await clock.advance(10);
  });

  it("refuses what is no time", async () => {
    expect(() => controlTime({ now: "tomorrow" })).toThrow(/now is no date: tomorrow/);
    expect(() => controlTime({ start: 1 } as object)).toThrow(/"start" is no option/);
    using clock = controlTime();
    await expect(clock.advance(-1)).rejects.toThrow(/whole number, 0 at least, not -1/);
    await expect(clock.advance(0.5)).rejects.toThrow(/not 0.5/);
  });
});

describe("hooks of the runner", () => {
  let clock: Clock;
  beforeEach(() => {
    clock = controlTime({ now: 0 });
  });
  afterEach(() => clock.restore());

  for (const round of ["one test", "the next one"]) {
    it(`may stop time for each test: ${round}`, async () => {
      await clock.advance(1000);
      expect(Date.now()).toBe(1000);
    });
  }

  it("may have put time right already", () => {
    jest.useRealTimers();
    expect(Date.now()).toBeGreaterThan(1_000_000);
  });
});

describe("timers", () => {
  it("run at their own times, with what they set off between them", async () => {
    using clock = controlTime({ now: 0 });
    const told: string[] = [];
    const tell = (what: string) => told.push(`${Date.now()} ${what}`);
    const chain = async () => {
      await Bun.sleep(100);
      tell("sleep");
      await scheduler.wait(100);
      tell("wait");
      setTimeout(() => tell("timeout"), 100);
    };
    const interval = setInterval(() => tell("interval"), 120);
    AbortSignal.timeout(250).addEventListener("abort", () => tell("abort"));
    void chain();
    await clock.advance(300);
    clearInterval(interval);
    await clock.advance(1000);
    expect(told).toEqual([
      "100 sleep",
      "120 interval",
      "200 wait",
      "240 interval",
      "250 abort",
      "300 timeout",
    ]);
    expect(Date.now()).toBe(1300);
  });

  it("of the same time run in their order, those for the very end too", async () => {
    using clock = controlTime();
    const told: string[] = [];
    setTimeout(() => setTimeout(() => told.push("c"), 600), 400);
    setTimeout(() => told.push("a"), 1000);
    setTimeout(() => told.push("b"), 1000);
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(["a", "b", "c"]);
  });

  it("of years run too", async () => {
    using clock = controlTime({ now: "2030-01-01" });
    const yearMs = 365 * 86_400_000;
    let months = 0;
    const interval = setInterval(() => months++, yearMs / 12 / 2);
    await clock.advance(10 * yearMs);
    clearInterval(interval);
    expect([months, new Date().getFullYear()]).toEqual([240, 2039]);
  });

  it("that were set before keep to the real time", async () => {
    const real = Bun.sleep(5);
    using _ = controlTime();
    await real;
  });
});

describe("until", () => {
  it("passes from timer to timer, and gives what the promise gives", async () => {
    using clock = controlTime({ now: 0 });
    const work = async () => {
      for (let step = 0; step < 100; step++) await Bun.sleep(1000);
      return "done";
    };
    expect(await clock.until(work())).toBe("done");
    expect(Date.now()).toBe(100_000);
    await expect(clock.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  it("waits for files and sockets", async () => {
    using clock = controlTime();
    const beat = setInterval(() => {}, 1000);
    using server = Bun.serve({ port: 0, fetch: () => new Response("hello") });
    const read = async () => {
      const text = await (await fetch(server.url)).text();
      await Bun.sleep(10);
      return text + (await Bun.file(import.meta.path).text()).length;
    };
    expect(await clock.until(read())).toStartWith("hello");
    clearInterval(beat);
  });

  it("gives up where nothing is left, or time is over", async () => {
    using clock = controlTime();
    const never = new Promise(() => {});
    await expect(clock.until(never)).rejects.toThrow(/not settled, and no timer is left/);
    const beat = setInterval(() => {}, 1000);
    await expect(clock.until(never, { withinMs: 10_000 })).rejects.toThrow(/within 10,000 ms/);
    await expect(clock.until(never, { withinMs: 0 })).rejects.toThrow(/whole number/);
    clearInterval(beat);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("parts that wait", () => {
  const limited = () =>
    new Chopin().layer(rateLimit({ limit: 2, windowSeconds: 60 })).get("/", "hello");

  eachWay("rateLimit counts windows", limited, async (api) => {
    const statuses = async (count: number) => {
      const seen: number[] = [];
      for (let at = 0; at < count; at++) seen.push((await api.get("/")).status);
      return seen;
    };
    // The limit was made before time was stopped.
    using clock = controlTime();
    expect(await statuses(3)).toEqual([200, 200, 429]);
    await clock.advance(30_000);
    expect(await statuses(2)).toEqual([200, 429]);
    await clock.advance(60_000);
    expect(await statuses(3)).toEqual([200, 200, 429]);
  });

  const slow = () =>
    new Chopin().layer(timeout({ timeoutMs: 5000 })).get("/:ms", async ({ params }) => {
      await Bun.sleep(Number(params.ms));
      return "late";
    });

  eachWay("timeout answers in the place of a slow handler", slow, async (api) => {
    using printed = spyOn(console, "error").mockImplementation(() => {});
    using clock = controlTime();
    const [quick, late] = [api.get("/4999"), api.get("/60000")];
    await clock.advance(5000);
    expect([(await quick).body, (await late).status]).toEqual(["late", 503]);
    expect(printed).toHaveBeenCalledTimes(1);
    expect((await clock.until(api.get("/4000"))).body).toBe("late");
  });

  const silent = () =>
    new Chopin().get("/events", (ctx) =>
      ctx.events(
        async function* () {
          await Bun.sleep(50_000);
          yield "at last";
        },
        { heartbeatMs: 15_000 },
      ),
    );

  eachWay("events have heartbeats", silent, async (api) => {
    using clock = controlTime();
    const asked = api.get("/events", { as: "stream" });
    await clock.advance(0);
    const answer = await clock.until(asked);
    const text = new Response(answer.body as ReadableStream).text();
    expect(await clock.until(text)).toBe(`${":\n\n".repeat(3)}data: at last\n\n`);
  });

  const checked = () =>
    new Chopin().health({ timeoutMs: 2000, ready: { database: () => new Promise(() => {}) } });

  eachWay("health checks take their time and no more", checked, async (api) => {
    using clock = controlTime();
    const ready = api.get("/readyz");
    await clock.advance(2000);
    const { status, body } = await ready;
    expect([status, body]).toEqual([503, { status: "failed", checks: { database: "timeout" } }]);
  });

  const cached = () => {
    let made = { text: "", atMs: Number.NEGATIVE_INFINITY };
    return new Chopin().layer(cacheControl({ maxAgeSeconds: 60 })).get("/", (ctx) => {
      if (Date.now() - made.atMs >= 60_000) {
        made = { text: new Date().toISOString(), atMs: Date.now() };
      }
      return ctx.text(made.text);
    });
  };

  eachWay("caches of a program grow old", cached, async (api) => {
    using clock = controlTime({ now: "2030-01-01" });
    const first = await api.get("/");
    expect(first.headers.get("cache-control")).toBe("max-age=60");
    expect(first.body).toBe("2030-01-01T00:00:00.000Z");
    await clock.advance(59_999);
    expect((await api.get("/")).body).toBe("2030-01-01T00:00:00.000Z");
    await clock.advance(1);
    expect((await api.get("/")).body).toBe("2030-01-01T00:01:00.000Z");
  });

  const failing = () => {
    let failures = 0;
    return new Chopin().get("/", (ctx) => ctx.text("", failures++ < 3 ? 503 : 200));
  };

  eachWay("clients wait between attempts", failing, async (api) => {
    using clock = controlTime();
    const retry = { attempts: 4, delayMs: 60_000, delayMaxMs: 600_000 };
    const call = api.get("/", { retry });
    await clock.advance(60_000 + 120_000 + 240_000);
    expect((await call).status).toBe(200);
  });

  eachWay("clients give up in time", slow, async (api) => {
    using clock = controlTime();
    const call = api.get("/4000", { timeoutMs: 3000 }).catch((error: unknown) => String(error));
    await clock.advance(3000);
    expect(await call).toContain("there was no complete answer within 3000 ms");
  });

  eachWay(
    "many calls wait together",
    () => new Chopin().get("/:ms", async ({ params }) => Bun.sleep(Number(params.ms))),
    async (api) => {
      using clock = controlTime();
      const calls = Array.from({ length: 200 }, (_, at) => api.get(`/${1 + (at % 100) * 1000}`));
      const answered = Promise.all(calls);
      await clock.advance(100_000);
      expect(new Set((await answered).map(({ status }) => status))).toEqual(new Set([204]));
    },
  );
});

describe("a server while time is stopped", () => {
  it("answers one after another, also to those that know nothing of it", async () => {
    await using served = await test(new Chopin().post("/", (ctx) => ctx.text())).serve();
    using _ = controlTime();
    for (let at = 0; at < 300; at++) {
      const body = `number ${at}`;
      expect(await (await fetch(served.url, { method: "POST", body })).text()).toBe(body);
    }
  });

  it("starts and stops", async () => {
    using _ = controlTime();
    const served = await test(new Chopin().get("/", "hello")).serve();
    expect((await served.get("/")).body).toBe("hello");
    await served.stop();
    await expect(fetch(served.url)).rejects.toThrow();
  });
});
