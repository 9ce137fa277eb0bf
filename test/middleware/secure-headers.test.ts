/** Fields for browsers: defaults, overriding, policies with a nonce, HSTS over TLS only. */
import { expect, test } from "bun:test";
import { Chopin, HTTPError } from "../../src/index.ts";
import { type SecureHeadersState, secureHeaders } from "../../src/middleware/index.ts";
import { bothWays } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const defaults = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "SAMEORIGIN",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "origin-agent-cluster": "?1",
  "x-permitted-cross-domain-policies": "none",
};

bothWays(
  "defaults are on every answer, but for what the handler said",
  () => {
    const app = new Chopin().layer(secureHeaders());
    app.get("/", () => "plain");
    app.get("/constant", "constant");
    app.get("/context", (ctx) => ctx.header("X-Frame-Options", "DENY").text(""));
    app.get("/response", () => new Response("", { headers: { "Referrer-Policy": "origin" } }));
    app.get("/fails", () => {
      throw new HTTPError(400);
    });
    return app;
  },
  async (send) => {
    for (const path of ["/", "/constant", "/fails", "/missing"]) {
      const { headers } = await send("GET", path);
      expect(Object.fromEntries(headers)).toMatchObject(defaults);
      expect(headers.has("strict-transport-security")).toBe(false);
      expect(headers.has("content-security-policy")).toBe(false);
    }
    const { headers } = await send("GET", "/context");
    expect(Object.fromEntries(headers)).toMatchObject({ ...defaults, "x-frame-options": "DENY" });
    const response = await send("GET", "/response");
    expect(response.headers.get("referrer-policy")).toBe("origin");
    expect(response.headers.get("x-frame-options")).toBe("SAMEORIGIN");
  },
);

bothWays(
  "policies, and fields left out",
  () =>
    new Chopin()
      .layer(
        secureHeaders({
          contentSecurityPolicy: {
            "default-src": ["'self'"],
            "img-src": ["'self'", "data:"],
            "upgrade-insecure-requests": true,
          },
          contentSecurityPolicyReportOnly: { "script-src": [] },
          permissionsPolicy: { camera: [], geolocation: ["self", "https://a.test"], usb: ["*"] },
          crossOriginEmbedderPolicy: "require-corp",
          originAgentCluster: false,
          frameOptions: false,
        }),
      )
      .get("/", () => ""),
  async (send) => {
    const { headers } = await send("GET", "/");
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'self'; img-src 'self' data:; upgrade-insecure-requests",
    );
    expect(headers.get("content-security-policy-report-only")).toBe("script-src");
    expect(headers.get("permissions-policy")).toBe(
      'camera=(), geolocation=(self "https://a.test"), usb=*',
    );
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(headers.has("origin-agent-cluster") || headers.has("x-frame-options")).toBe(false);
  },
);

bothWays(
  "a nonce is fresh for each request",
  () => {
    const app = new Chopin<SecureHeadersState>();
    app.layer(secureHeaders({ contentSecurityPolicy: { "script-src": ["'nonce'", "'self'"] } }));
    app.get("/", ({ state }) => state.cspNonce);
    app.get("/own", (ctx) => ctx.header("Content-Security-Policy", "default-src 'none'").text(""));
    return app as unknown as Chopin;
  },
  async (send) => {
    const answers = [await send("GET", "/"), await send("GET", "/")];
    for (const { body, headers } of answers) {
      expect(body).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(headers.get("content-security-policy")).toBe(`script-src 'nonce-${body}' 'self'`);
    }
    expect(answers[0]?.body).not.toBe(answers[1]?.body);
    const own = await send("GET", "/own");
    expect(own.headers.get("content-security-policy")).toBe("default-src 'none'");
  },
);

test("Strict-Transport-Security is sent over TLS only", async () => {
  const sent = async (url: string, options = {}) => {
    const app = new Chopin().layer(secureHeaders(options)).get("/", () => "");
    return (await app.fetch(new Request(url))).headers.get("strict-transport-security");
  };
  expect(await sent("http://a.test/")).toBeNull();
  expect(await sent("https://a.test/")).toBe("max-age=31536000; includeSubDomains");
  const strictTransportSecurity = { maxAgeSeconds: 60, includeSubDomains: false };
  expect(await sent("https://a.test/", { strictTransportSecurity })).toBe("max-age=60");
  expect(await sent("https://a.test/", { strictTransportSecurity: false })).toBeNull();
});

test("wrong options", () => {
  const policy = (value: object) => () => secureHeaders({ contentSecurityPolicy: value as never });
  expectFault(policy({ "default-src": ["'self'; script-src *"] }), "each a word");
  expectFault(policy({ "default-src": ["a;b"] }), "each a word");
  expectFault(policy({ "default-src": "'self'" }), "a list of sources");
  expectFault(policy({ "bad name": [] }), "no directive");
  expectFault(policy({}), "without directives");
  expectFault(() => secureHeaders({ permissionsPolicy: { camera: ['a"b'] } }), "camera is allowed");
  const strictTransportSecurity = { maxAgeSeconds: 60, preload: true };
  expectFault(() => secureHeaders({ strictTransportSecurity }), "at least a year");
  expectFault(() => secureHeaders({ hsts: true } as object), '"hsts" is no option');
  expect(() => secureHeaders({ referrerPolicy: "a\r\nb" })).toThrow("control character");
});
