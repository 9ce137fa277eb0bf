/** basicAuth, bearerAuth and csrf. */
import { describe, expect, test } from "bun:test";
import { Chopin, HTTPError, type Middleware } from "../../src/index.ts";
import {
  type BasicAuthState,
  type BearerAuthState,
  basicAuth,
  bearerAuth,
  type CsrfOptions,
  type CsrfState,
  csrf,
  insufficientScope,
} from "../../src/middleware/index.ts";
import { bothWays, type Send } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const secret = "a secret of at least 32 characters";
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

const asked = async (send: Send, authorization?: string) => {
  const headers: Record<string, string> =
    authorization === undefined ? {} : { Authorization: authorization };
  const answer = await send("GET", "/", { headers });
  const challenge = answer.headers.get("www-authenticate");
  const code = answer.status < 400 ? answer.body : JSON.parse(answer.body).code;
  return [answer.status, code, challenge];
};

describe("basicAuth", () => {
  const users = [
    { username: "kim", password: "correct: horse" },
    { username: "jörg", password: "パス" },
  ];
  const make = (middleware: Middleware<object>) => () => {
    const app = new Chopin<BasicAuthState>().layer(middleware);
    return app.get("/", ({ state }) => state.username) as unknown as Chopin;
  };

  bothWays(
    "lets those of its list in",
    make(basicAuth({ users, realm: 'A "b" \\' })),
    async (send) => {
      expect(await asked(send, basic("kim:correct: horse"))).toEqual([200, "kim", null]);
      expect((await asked(send, basic("jörg:パス").replace("Basic", "bASIC")))[0]).toBe(200);
      const challenge = 'Basic realm="A \\"b\\" \\\\", charset="UTF-8"';
      for (const authorization of [
        undefined,
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Bearer abc",
        basic("kim"),
        basic("kim:"),
        basic("kim:correct"),
        basic("jörg:correct: horse"),
        basic("kim:correct: horse\0"),
        "Basic /////w==",
        `${basic("kim:correct: horse")}, ${basic("a:b")}`,
      ]) {
        expect(await asked(send, authorization)).toEqual([401, "unauthorized", challenge]);
      }
    },
  );

  const verify = async (username: string, password: string) => username === password;
  bothWays("asks a function", make(basicAuth({ verify })), async (send) => {
    expect((await asked(send, basic("a:a")))[0]).toBe(200);
    expect(await asked(send, basic("a:b"))).toEqual([
      401,
      "unauthorized",
      'Basic realm="Restricted", charset="UTF-8"',
    ]);
  });

  bothWays(
    "keeps its challenge where onError answers",
    () => make(basicAuth({ users }))().onError(() => "mine"),
    async (send) => {
      const answer = await send("GET", "/");
      expect([answer.status, answer.body]).toEqual([401, "mine"]);
      expect(answer.headers.has("www-authenticate")).toBe(true);
    },
  );

  test("wrong options", () => {
    expectFault(() => basicAuth({}), "either users or verify");
    expectFault(() => basicAuth({ users, verify }), "either users or verify");
    expectFault(() => basicAuth({ users: [] }), "not empty");
    expectFault(() => basicAuth({ users: [{ username: "a:b", password: "c" }] }), "no colon");
    expectFault(() => basicAuth({ users: [{ username: "a", password: "" }] }), "is empty");
    expectFault(() => basicAuth({ users, realm: "a\r\nb" }), "realm is printable ASCII");
  });
});

describe("bearerAuth", () => {
  const make = (middleware: Middleware<object>) => () => {
    const app = new Chopin<BearerAuthState>().layer(middleware);
    return app.get("/", ({ state }) => String(state.bearer)) as unknown as Chopin;
  };

  bothWays(
    "answers as RFC 6750 3 says",
    make(bearerAuth({ tokens: ["abc.-_~+/="] })),
    async (send) => {
      expect(await asked(send, "Bearer abc.-_~+/=")).toEqual([200, "true", null]);
      expect(await asked(send, "bearer   abc.-_~+/=")).toEqual([200, "true", null]);
      expect(await asked(send)).toEqual([401, "unauthorized", "Bearer"]);
      expect(await asked(send, basic("a:b"))).toEqual([401, "unauthorized", "Bearer"]);
      const invalid = [401, "invalid_token", 'Bearer error="invalid_token"'];
      expect(await asked(send, "Bearer abc")).toEqual(invalid);
      const malformed = [400, "invalid_request", 'Bearer error="invalid_request"'];
      for (const text of ["Bearer", "Bearer a b", "Bearer a, Bearer b", 'Bearer "a"']) {
        expect(await asked(send, text)).toEqual(malformed);
      }
    },
  );

  const verify = (token: string) => {
    if (token === "poor") return insufficientScope("orders:read orders:write");
    if (token === "throws") throw new HTTPError(503, "no_keys");
    return token === "later" ? Promise.resolve("claims") : undefined;
  };
  bothWays("asks a function", make(bearerAuth({ verify, realm: "api" })), async (send) => {
    expect(await asked(send, "Bearer later")).toEqual([200, "claims", null]);
    expect(await asked(send, "Bearer other")).toEqual([
      401,
      "invalid_token",
      'Bearer realm="api", error="invalid_token"',
    ]);
    expect(await asked(send, "Bearer poor")).toEqual([
      403,
      "insufficient_scope",
      'Bearer realm="api", error="insufficient_scope", scope="orders:read orders:write"',
    ]);
    expect(await asked(send)).toEqual([401, "unauthorized", 'Bearer realm="api"']);
  });

  test("wrong options", () => {
    expectFault(() => bearerAuth({}), "either tokens or verify");
    expectFault(() => bearerAuth({ tokens: ["a b"] }), "a token has letters");
    expectFault(() => bearerAuth({ tokens: [] }), "not empty");
    expectFault(() => insufficientScope('a"b'), "is no scope");
    expectFault(() => insufficientScope("a  b"), "is no scope");
  });
});

describe("csrf", () => {
  const make = (options?: CsrfOptions) => () => {
    const app = new Chopin<CsrfState>().layer(csrf(options));
    app.get("/", () => "read").post("/", () => "written");
    app.get("/token", ({ state }) => state.csrfToken());
    return app as unknown as Chopin;
  };
  const trustedOrigins = ["https://admin.example.com"];

  bothWays("takes what comes from here", make({ trustedOrigins }), async (send) => {
    for (const headers of [
      {},
      { "Sec-Fetch-Site": "same-origin" },
      { "Sec-Fetch-Site": "none" },
      { Origin: "http://localhost" },
      { Origin: "https://localhost" },
      { Origin: "https://localhost", Host: "LOCALHOST:443" },
      { Origin: "https://admin.example.com", "Sec-Fetch-Site": "cross-site" },
    ] as Record<string, string>[]) {
      expect([headers, (await send("POST", "/", { headers })).body]).toEqual([headers, "written"]);
    }
    const headers = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" };
    expect((await send("GET", "/", { headers })).body).toBe("read");
    expect((await send("HEAD", "/", { headers })).status).toBe(200);
  });

  bothWays("refuses the rest", make({ trustedOrigins }), async (send) => {
    for (const headers of [
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site", Origin: "http://localhost" },
      { "Sec-Fetch-Site": "anything" },
      { Origin: "null" },
      { Origin: "https://evil.test" },
      { Origin: "https://localhost.evil.test" },
      { Origin: "http://localhost:81" },
      { Origin: "junk" },
      { Origin: "http://admin.example.com" },
    ] as Record<string, string>[]) {
      const answer = await send("POST", "/", { headers });
      expect([headers, answer.status]).toEqual([headers, 403]);
      expect(JSON.parse(answer.body).code).toBe("cross_site_request");
    }
  });

  bothWays("takes the same site where it is told to", make({ sameSite: true }), async (send) => {
    const headers = { "Sec-Fetch-Site": "same-site", Origin: "https://a.test" };
    expect((await send("POST", "/", { headers })).status).toBe(200);
  });

  const sessionId = (ctx: { header(name: string): string | undefined }) => ctx.header("x-session");
  const token = { secrets: [secret], sessionId };
  bothWays("asks for a token", make({ token }), async (send) => {
    const made = await send("GET", "/token", { headers: { "X-Session": "1" } });
    const cookie = made.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(
      /^__Host-csrf=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    const sent = async (more: Record<string, string>, body = "") => {
      const headers = { "X-Session": "1", Cookie: `a=b; __Host-csrf=${made.body}`, ...more };
      return (await send("POST", "/", { headers, body })).status;
    };
    expect(await sent({ "X-CSRF-Token": made.body })).toBe(200);
    const form = { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" };
    expect(await sent(form, `a=1&csrf_token=${made.body}`)).toBe(200);
    expect(await sent(form, "a=1")).toBe(403);
    expect(await sent({})).toBe(403);
    expect(await sent({ "X-CSRF-Token": "" })).toBe(403);
    expect(await sent({ "X-CSRF-Token": `${made.body}x` })).toBe(403);
    expect(await sent({ "X-CSRF-Token": made.body, Cookie: "a=b" })).toBe(403);
    expect(await sent({ "X-CSRF-Token": made.body, "X-Session": "2" })).toBe(403);
    expect(await sent({ "X-CSRF-Token": "a.b", Cookie: "__Host-csrf=a.b" })).toBe(403);
    expect((await send("GET", "/")).headers.has("set-cookie")).toBe(false);
  });

  test("tokens hold while secrets are exchanged", async () => {
    const next = "another secret of 32 characters, at least";
    const app = (secrets: string[]) => make({ token: { secrets, secure: false } })();
    const made = await app([secret]).fetch(new Request("http://a.test/token"));
    const text = await made.text();
    expect(made.headers.get("set-cookie")).toStartWith(`csrf=${text}; Path=/; HttpOnly; SameSite`);
    const sent = async (secrets: string[]) => {
      const headers = { Cookie: `csrf=${text}`, "X-CSRF-Token": text };
      const request = new Request("http://a.test/", { method: "POST", headers });
      return (await app(secrets).fetch(request)).status;
    };
    expect([await sent([next, secret]), await sent([next])]).toEqual([200, 403]);
  });

  test("wrong options", () => {
    expectFault(() => csrf({ trustedOrigins: ["example.com"] }), "a trusted origin is");
    expectFault(() => csrf({ token: { secrets: [] } }), "token.secrets is a list");
    expectFault(() => csrf({ token: { secrets: ["short"] } }), "fewer than 32 characters");
    expectFault(() => csrf({ token: { ...token, headerName: "a b" } }), "headerName is a field");
    expect(() => csrf({ token: { ...token, cookieName: "a=b" } })).toThrow("the name is no token");
  });
});
