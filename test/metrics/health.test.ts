/** app.health(): checks, their time, one run for many, and what is told while stopping. */
import { describe, expect, test } from "bun:test";
import { Chopin, type HealthOptions } from "../../src/index.ts";
import { bothWays, withServer } from "../_setup.ts";

const make = (options?: HealthOptions) => () => new Chopin().health(options);

describe("health", () => {
  bothWays("is fine without checks", make(), async (send) => {
    for (const path of ["/healthz", "/readyz"]) {
      const { status, headers, body } = await send("GET", path);
      expect([status, JSON.parse(body)]).toEqual([200, { status: "ok", checks: {} }]);
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });

  const checks = {
    fine: () => undefined,
    waits: async () => Bun.sleep(1),
    refuses: () => false,
    throws: () => {
      throw new Error("no connection");
    },
    rejects: () => Promise.reject(new Error("gone")),
    hangs: () => new Promise(() => {}),
  };
  bothWays("names what failed", make({ ready: checks, timeoutMs: 20 }), async (send) => {
    const { status, body } = await send("GET", "/readyz");
    expect([status, JSON.parse(body)]).toEqual([
      503,
      {
        status: "failed",
        checks: {
          fine: "ok",
          waits: "ok",
          refuses: "failed",
          throws: "failed: no connection",
          rejects: "failed: gone",
          hangs: "timeout",
        },
      },
    ]);
    expect((await send("GET", "/healthz")).status).toBe(200);
  });

  bothWays(
    "takes a list, and paths of choice",
    make({
      live: [() => false, checks.fine],
      livePath: "/status/live",
      readyPath: "/status/ready",
    }),
    async (send) => {
      const { status, body } = await send("GET", "/status/live");
      expect([status, JSON.parse(body).checks]).toEqual([503, { check_1: "failed", fine: "ok" }]);
      expect((await send("HEAD", "/status/ready")).status).toBe(200);
      expect((await send("GET", "/healthz")).status).toBe(404);
    },
  );

  test("says nothing of errors in production", async () => {
    const before = process.env.CHOPIN_ENV;
    process.env.CHOPIN_ENV = "production";
    try {
      const answer = await make({ ready: { throws: checks.throws } })().fetch(
        new Request("http://localhost/readyz"),
      );
      expect(await answer.text()).not.toContain("connection");
    } finally {
      if (before === undefined) delete process.env.CHOPIN_ENV;
      else process.env.CHOPIN_ENV = before;
    }
  });

  test("runs its checks once for all that ask meanwhile", async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const database = () => {
      runs++;
      return gate.promise;
    };
    await withServer(make({ ready: { database } })(), async ({ url }) => {
      const asked = Array.from({ length: 20 }, () => fetch(`${url}readyz`));
      while (runs === 0) await Bun.sleep(1);
      gate.resolve();
      for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200);
      expect(runs).toBeLessThan(20);
    });
  });
});

test("readiness turns false before the listener closes, and true with the next start", async () => {
  const app = new Chopin().health({ stopDelayMs: 50, ready: { fine: () => true } });
  app.get("/", "x");
  const server = await app.serve("127.0.0.1:0");
  expect((await fetch(`${server.url}readyz`)).status).toBe(200);
  const stopped = server.stop();
  const answer = await fetch(`${server.url}readyz`);
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { status: "failed", checks: { server: "stopping" } },
  ]);
  // Only requests of balancers should stay away: others are still answered.
  expect((await fetch(server.url)).status).toBe(200);
  expect((await fetch(`${server.url}healthz`)).status).toBe(200);
  await stopped;
  await withServer(app, async ({ url }) => {
    expect((await fetch(`${url}readyz`)).status).toBe(200);
  });
});

describe("wrong options are refused", () => {
  const wrong: Readonly<Record<string, object>> = {
    livePath: { livePath: "live" },
    readyPath: { readyPath: "/healthz" },
    timeoutMs: { timeoutMs: 0 },
    stopDelayMs: { stopDelayMs: -1 },
    port: { port: 0 },
    "no function": { ready: { database: true } },
    "no option": { checks: [] },
  };
  for (const [text, options] of Object.entries(wrong)) {
    test(text, () => expect(() => new Chopin().health(options)).toThrow(text));
  }
});
