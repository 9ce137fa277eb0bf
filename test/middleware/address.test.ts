/** Addresses, ipRestriction and rateLimit. */
import { describe, expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import {
  type IpRestrictionOptions,
  ipRestriction,
  MemoryRateLimitStore,
  type RateLimitOptions,
  rateLimit,
} from "../../src/middleware/index.ts";
import { contains, parseAddress, parseNetwork } from "../../src/middleware/support/ip-address.ts";
import { bothWays } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const get = (app: Chopin, ip: string) => app.fetch(new Request("http://a.test/"), { ip });

describe("addresses", () => {
  test("what is none", () => {
    for (const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "256.1.1.1",
      "1.2.3.-4",
      "1.2.3.4 ",
      "a",
      "0x7f.1.1.1",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "::g",
      "1.2.3.4::",
      "::1.2.3",
      "1:2:3:4:5:6:7::8",
      "::1.2.3.4:5",
    ]) {
      expect([text, parseAddress(text)]).toEqual([text, undefined]);
    }
    for (const text of [
      "10.0.0.0/33",
      "10.0.0.0/",
      "::/129",
      "::/-1",
      "10.0.0.0/08",
      "::ffff:1.2.3.4/95",
      "fe80::1%eth0",
      "1.1.1.1/1/1",
    ]) {
      expect([text, parseNetwork(text)]).toEqual([text, undefined]);
    }
  });

  test("one address in several spellings", () => {
    const [first, ...others] = [
      "2001:db8::1",
      "2001:DB8:0:0:0:0:0:1",
      "2001:db8::0.0.0.1",
      "2001:db8::1%7",
    ].map(parseAddress);
    expect(first?.words).toEqual([0x20010db8, 0, 0, 1]);
    for (const other of others) expect(other).toEqual(first);
    for (const text of ["::ffff:10.1.2.3", "::ffff:a01:203", "0:0:0:0:0:ffff:10.1.2.3"]) {
      expect(parseAddress(text)).toEqual(parseAddress("10.1.2.3"));
    }
  });

  test("networks against a model with whole bits", () => {
    const seed = 1 + Math.floor(Math.random() * 0x7fff_fffe);
    let state = seed;
    const random = (below: number) => {
      state = (state * 48_271) % 0x7fff_ffff;
      return state % below;
    };
    const bitsOf = (words: readonly number[]) =>
      words.map((word) => word.toString(2).padStart(32, "0")).join("");
    for (let round = 0; round < 2000; round++) {
      const version6 = random(2) === 1;
      const size = version6 ? 8 : 4;
      const parts = Array.from({ length: size }, () => random(version6 ? 0x10000 : 256));
      const near = parts.map((part) => (random(size) === 0 ? part ^ (1 << random(8)) : part));
      const text = (list: number[]) =>
        version6 ? list.map((part) => part.toString(16)).join(":") : list.join(".");
      const prefixBits = random(version6 ? 129 : 33);
      const network = parseNetwork(`${text(parts)}/${prefixBits}`);
      const address = parseAddress(text(near));
      if (network === undefined || address === undefined) throw new Error(`seed ${seed}`);
      const [one, other] = [network.address.words, address.words].map((words) =>
        bitsOf(version6 ? words : words.slice(3)).slice(0, prefixBits),
      );
      expect([seed, contains(network, address)]).toEqual([seed, one === other]);
    }
  });
});

describe("ipRestriction", () => {
  const reached = async (options: IpRestrictionOptions, ip: string) =>
    (
      await get(
        new Chopin().layer(ipRestriction(options)).get("/", () => "in"),
        ip,
      )
    ).status === 200;

  test("allow, deny and both", async () => {
    const allow = ["10.0.0.0/8", "2001:db8::/32", "::1"];
    for (const ip of ["10.255.1.2", "::ffff:10.1.1.1", "2001:db8:ffff::1", "::1"]) {
      expect([ip, await reached({ allow }, ip)]).toEqual([ip, true]);
    }
    for (const ip of ["11.0.0.1", "::ffff:11.0.0.1", "2001:db9::1", "::2", "", "junk"]) {
      expect([ip, await reached({ allow }, ip)]).toEqual([ip, false]);
    }
    expect(await reached({ deny: ["10.1.0.0/16"] }, "10.1.2.3")).toBe(false);
    expect(await reached({ deny: ["10.1.0.0/16"] }, "::ffff:a01:203")).toBe(false);
    expect(await reached({ deny: ["10.1.0.0/16"] }, "10.2.0.1")).toBe(true);
    expect(await reached({ deny: ["10.1.0.0/16"] }, "")).toBe(false);
    expect(await reached({ allow, deny: ["10.0.0.1"] }, "10.0.0.1")).toBe(false);
    expect(await reached({ allow: ["::/0"] }, "10.0.0.1")).toBe(false);
    expect(await reached({ allow: ["0.0.0.0/0"] }, "10.0.0.1")).toBe(true);
    expect(await reached({ allow: ["::ffff:10.0.0.0/104"] }, "10.9.9.9")).toBe(true);
  });

  bothWays(
    "answers 403",
    () => {
      const app = new Chopin().layerPath("/closed", ipRestriction({ deny: ["127.0.0.0/8"] }));
      app.layerPath("/open", ipRestriction({ allow: ["127.0.0.1"] }));
      app.layerPath("/other", ipRestriction({ allow: ["1.1.1.1"], address: () => "1.1.1.1" }));
      return app.get("/*rest", () => "in");
    },
    async (send) => {
      const refused = await send("GET", "/closed");
      expect([refused.status, JSON.parse(refused.body).code]).toEqual([403, "address_refused"]);
      expect((await send("GET", "/open")).body).toBe("in");
      expect((await send("GET", "/other")).body).toBe("in");
    },
  );

  test("wrong options", () => {
    expectFault(() => ipRestriction({}), "allow or deny is missing");
    expectFault(() => ipRestriction({ allow: ["10.0.0.256"] }), "no address or network");
    expectFault(() => ipRestriction({ deny: ["10.1.2.3/8"] }), "bits behind its prefix");
    expectFault(() => ipRestriction({ deny: ["2001:db8::1/32"] }), "bits behind its prefix");
    expectFault(() => ipRestriction({ allow: "10.0.0.1" as never }), "allow is a list");
  });
});

describe("rateLimit", () => {
  const clock = { now: 0 };
  const limited = (options: Partial<RateLimitOptions> = {}) => {
    clock.now = 0;
    const store = new MemoryRateLimitStore({ now: () => clock.now });
    const app = new Chopin();
    app.layer(rateLimit({ limit: 3, windowSeconds: 60, store, ...options }));
    return app.get("/", () => "in");
  };

  test("gives a client its requests back one by one", async () => {
    const app = limited();
    const seen = async (ip = "1.1.1.1") => {
      const { status, headers } = await get(app, ip);
      return [status, headers.get("ratelimit"), headers.get("retry-after")];
    };
    expect(await seen()).toEqual([200, '"default";r=2;t=20', null]);
    expect(await seen()).toEqual([200, '"default";r=1;t=40', null]);
    expect(await seen()).toEqual([200, '"default";r=0;t=60', null]);
    expect(await seen()).toEqual([429, '"default";r=0;t=60', "20"]);
    expect(await seen("2.2.2.2")).toEqual([200, '"default";r=2;t=20', null]);
    clock.now = 19_999;
    expect(await seen()).toEqual([429, '"default";r=0;t=41', "1"]);
    clock.now = 20_000;
    expect(await seen()).toEqual([200, '"default";r=0;t=60', null]);
    expect((await seen())[0]).toBe(429);
    clock.now = 200_000;
    expect(await seen()).toEqual([200, '"default";r=2;t=20', null]);
  });

  test("never more than the limit in a window and what came back since", () => {
    for (const [limit, windowMs] of [
      [7, 1000],
      [3, 10_000],
      [1000, 1000],
      [1, 60_000],
    ] as const) {
      clock.now = 0;
      const store = new MemoryRateLimitStore({ now: () => clock.now });
      let allowed = 0;
      const most = () => limit + Math.floor((clock.now * limit) / windowMs + 1e-6);
      for (; clock.now < 3 * windowMs; clock.now += windowMs / 97) {
        for (let burst = 0; burst < 30; burst++) {
          const decision = store.take("k", { limit, windowMs });
          if (decision.allowed) allowed++;
          expect(decision.allowed || decision.retryAfterMs > 0).toBe(true);
        }
        expect(allowed).toBeLessThanOrEqual(most());
      }
      clock.now = 10 * windowMs;
      expect(store.take("k", { limit, windowMs }).remaining).toBe(limit - 1);
    }
  });

  test("memory is bounded, and given back", () => {
    clock.now = 0;
    const store = new MemoryRateLimitStore({ keysMax: 100, now: () => clock.now });
    const quota = { limit: 1, windowMs: 1000 };
    for (let count = 0; count < 10_000; count++) {
      store.take(`k${count}`, quota);
      expect(store.size).toBeLessThanOrEqual(100);
    }
    expect(store.take("k9999", quota).allowed).toBe(false);
    for (const now of [1000, 2000, 3000]) {
      clock.now = now;
      store.take("other", quota);
    }
    expect(store.size).toBe(1);
  });

  test("one client has a whole network of IPv6", async () => {
    const app = limited({ limit: 1 });
    expect((await get(app, "2001:db8:1:2::1")).status).toBe(200);
    expect((await get(app, "2001:db8:1:2:ffff::9")).status).toBe(429);
    expect((await get(app, "2001:db8:1:3::1")).status).toBe(200);
    expect((await get(app, "9.9.9.9")).status).toBe(200);
    expect((await get(app, "::ffff:9.9.9.9")).status).toBe(429);
    expect((await get(app, "")).status).toBe(200);
    expect((await get(app, "")).status).toBe(429);
  });

  bothWays(
    "several limits, keys and a store that answers later",
    () => {
      const store = new MemoryRateLimitStore();
      const app = new Chopin();
      app.layer(rateLimit({ limit: 100, windowSeconds: 10, name: "all" }));
      app.layerPath(
        "/login",
        rateLimit({
          limit: 1,
          windowSeconds: 3600,
          name: 'log"in',
          key: (ctx) => ctx.header("x-user"),
          store: { take: async (key, quota) => store.take(key, quota) },
        }),
      );
      return app.get("/login", () => "in");
    },
    async (send) => {
      const kim = { headers: { "X-User": "kim" } };
      const first = await send("GET", "/login", kim);
      expect(first.headers.get("ratelimit-policy")).toBe('"all";q=100;w=10, "log\\"in";q=1;w=3600');
      expect(first.headers.get("ratelimit")).toBe('"all";r=99;t=1, "log\\"in";r=0;t=3600');
      const second = await send("GET", "/login", kim);
      expect([second.status, JSON.parse(second.body).code]).toEqual([429, "too_many_requests"]);
      expect(second.headers.get("retry-after")).toBe("3600");
      const other = await send("GET", "/login");
      expect([other.status, other.headers.get("ratelimit-policy")]).toEqual([
        200,
        '"all";q=100;w=10',
      ]);
    },
  );

  test("wrong options", () => {
    const fault = (options: object, text: string) =>
      expectFault(() => rateLimit({ limit: 1, windowSeconds: 1, ...options }), text);
    fault({ limit: 0 }, "limit is a whole number");
    fault({ windowSeconds: 0.5 }, "windowSeconds is a whole number");
    fault({ name: "é" }, "name is printable ASCII");
    fault({ store: {} }, "store has a function take");
    fault({ key: "ip" }, "key is a function");
    expectFault(() => new MemoryRateLimitStore({ keysMax: 1 }), "keysMax is a whole number");
  });
});
