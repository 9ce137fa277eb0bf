/** Cross-origin requests: grants, refusals, preflights, Vary and wrong options. */
import { describe, expect, test } from "bun:test";
import { Chopin, HTTPError } from "../../src/index.ts";
import { type CorsOptions, cors } from "../../src/middleware/index.ts";
import { bothWays } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const site = "https://example.com";

const make = (options?: CorsOptions) => () => {
  const app = new Chopin().layer(cors(options));
  app.get("/", (ctx) => ctx.header("Vary", "Accept").text("read"));
  app.post("/fails", () => {
    throw new HTTPError(409);
  });
  app.get("/response", () => new Response("r", { headers: { Vary: "origin" } }));
  return app;
};

const preflight = (origin = site, more: Record<string, string> = {}) => ({
  headers: { Origin: origin, "Access-Control-Request-Method": "PUT", ...more },
});

describe("everyone", () => {
  bothWays("may read, without Vary", make(), async (send) => {
    const answer = await send("GET", "/", { headers: { Origin: site } });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("vary")).toBe("Accept");
    expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
    const failed = await send("POST", "/fails", { headers: { Origin: site } });
    expect([failed.status, failed.headers.get("access-control-allow-origin")]).toEqual([409, "*"]);
    const missing = await send("GET", "/missing", { headers: { Origin: site } });
    expect(missing.headers.get("access-control-allow-origin")).toBe("*");
  });

  bothWays("gets preflights answered with 204", make(), async (send) => {
    const answer = await send(
      "OPTIONS",
      "/",
      preflight(site, { "Access-Control-Request-Headers": "X-One,x-two" }),
    );
    expect([answer.status, answer.body]).toEqual([204, ""]);
    expect(Object.fromEntries(answer.headers)).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
      "access-control-max-age": "600",
      "access-control-allow-headers": "X-One, x-two",
      vary: "Access-Control-Request-Headers",
    });
    const junk = { "Access-Control-Request-Headers": "X-One, a b" };
    const refused = await send("OPTIONS", "/", preflight(site, junk));
    expect(refused.headers.has("access-control-allow-headers")).toBe(false);
  });

  bothWays("other OPTIONS go on to the route", make(), async (send) => {
    const plain = await send("OPTIONS", "/", { headers: { Origin: site } });
    expect([plain.status, plain.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect((await send("OPTIONS", "/")).headers.has("access-control-allow-methods")).toBe(false);
  });
});

describe("single origins", () => {
  const options: CorsOptions = {
    origin: [site, /https:\/\/[a-z]+\.example\.org/g],
    credentials: true,
    exposedHeaders: ["X-Total"],
    allowedHeaders: ["X-Token"],
    methods: ["PUT"],
    maxAgeSeconds: 5,
    privateNetwork: true,
  };

  bothWays("may read with credentials, and caches tell them apart", make(options), async (send) => {
    for (const origin of [site, "https://a.example.org", "https://b.example.org"]) {
      const { headers } = await send("GET", "/", { headers: { Origin: origin } });
      expect(headers.get("access-control-allow-origin")).toBe(origin);
      expect(headers.get("access-control-allow-credentials")).toBe("true");
      expect(headers.get("access-control-expose-headers")).toBe("X-Total");
      expect(headers.get("vary")).toBe("Accept, Origin");
    }
    const response = await send("GET", "/response", { headers: { Origin: site } });
    expect(response.headers.get("vary")).toBe("origin");
  });

  bothWays("others get no grant, but Vary", make(options), async (send) => {
    for (const origin of [
      "null",
      "https://example.com.evil.test",
      "https://a.example.org.evil.test",
      "http://example.com",
      "https://example.com:8443",
      "https://1.example.org",
    ]) {
      const { headers } = await send("GET", "/", { headers: { Origin: origin } });
      expect([origin, headers.get("access-control-allow-origin")]).toEqual([origin, null]);
      expect(headers.get("vary")).toBe("Accept, Origin");
      const asked = await send("OPTIONS", "/", preflight(origin));
      expect(asked.status).toBe(204);
      expect(Object.fromEntries(asked.headers)).toEqual({
        vary: "Origin, Access-Control-Request-Private-Network",
      });
    }
    expect((await send("GET", "/")).headers.get("vary")).toBe("Accept, Origin");
  });

  bothWays("have preflights of their own", make(options), async (send) => {
    const local = { "Access-Control-Request-Private-Network": "true" };
    const { headers } = await send("OPTIONS", "/any", preflight(site, local));
    expect(Object.fromEntries(headers)).toEqual({
      "access-control-allow-origin": site,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "X-Token",
      "access-control-allow-private-network": "true",
      "access-control-max-age": "5",
      vary: "Origin, Access-Control-Request-Private-Network",
    });
  });

  bothWays("one alone is the same for all", make({ origin: site }), async (send) => {
    for (const headers of [{ Origin: site }, { Origin: "https://evil.test" }, undefined]) {
      const answer = await send("GET", "/", headers === undefined ? {} : { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe(site);
      expect(answer.headers.get("vary")).toBe("Accept");
    }
  });

  for (const [name, origin] of [
    ["now", (sent: string) => sent.endsWith(".test")],
    ["later", async (sent: string) => sent.endsWith(".test")],
  ] as const) {
    bothWays(`a function decides ${name}`, make({ origin }), async (send) => {
      const allowed = await send("GET", "/", { headers: { Origin: "https://a.test" } });
      expect(allowed.headers.get("access-control-allow-origin")).toBe("https://a.test");
      const asked = await send("OPTIONS", "/", preflight("https://a.test"));
      expect(asked.headers.get("access-control-allow-origin")).toBe("https://a.test");
      const refused = await send("GET", "/", { headers: { Origin: site } });
      expect(refused.headers.has("access-control-allow-origin")).toBe(false);
    });
  }
});

test("wrong options", () => {
  expectFault(() => cors({ credentials: true }), 'origin "*" is refused with credentials');
  expectFault(() => cors({ origin: [] }), "nobody is allowed");
  expectFault(() => cors({ origin: "https://example.com/" }), "without a path");
  expectFault(() => cors({ origin: "https://EXAMPLE.com" }), "as browsers send it");
  expectFault(() => cors({ origin: "https://example.com:443" }), "as browsers send it");
  expectFault(() => cors({ origin: "example.com" }), "as browsers send it");
  expectFault(() => cors({ origin: ["*"] }), "allowed alone only");
  expectFault(() => cors({ origin: site, credentials: true, methods: ["*"] }), "name them");
  expectFault(() => cors({ methods: ["G T"] }), "methods is a list of names");
  expectFault(() => cors({ maxAgeSeconds: -1 }), "maxAgeSeconds is a whole number");
  expectFault(() => cors({ origins: site } as CorsOptions), '"origins" is no option');
  cors({ origin: ["chrome-extension://abc", "https://xn--bcher-kva.example"] });
});
