/** All middleware at once: nothing waits that need not, and their state has types. */
import { expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import {
  type AnyMiddleware,
  type BasicAuthState,
  basicAuth,
  bodyLimit,
  type CookiesState,
  cacheControl,
  compress,
  cookies,
  cors,
  csrf,
  etag,
  ipRestriction,
  logger,
  type RequestIdState,
  rateLimit,
  requestId,
  secureHeaders,
  serverTiming,
  timeout,
} from "../../src/middleware/index.ts";
import { withServer } from "../_setup.ts";

const sink = { info() {}, warn() {}, error() {} };
const all: readonly AnyMiddleware[] = [
  logger({ sink }),
  requestId(),
  serverTiming({ enabled: true }),
  secureHeaders(),
  cors({ origin: [/https:\/\/.*/] }),
  ipRestriction({ allow: ["127.0.0.0/8", "::1"] }),
  rateLimit({ limit: 1000, windowSeconds: 1 }),
  timeout({ timeoutMs: 60_000 }),
  bodyLimit({ maxBytes: 100 }),
  csrf(),
  basicAuth({ users: [{ username: "kim", password: "horse" }] }),
  cookies(),
  compress(),
  cacheControl({ private: true, maxAgeSeconds: 1 }),
  etag(),
];

test("a synchronous handler stays synchronous", () => {
  let waited: boolean | undefined;
  const app = new Chopin<RequestIdState & CookiesState & BasicAuthState>();
  app.layer((_, next) => {
    const answer = next();
    waited = answer instanceof Promise;
    return answer;
  });
  for (const middleware of all) app.layer(middleware);
  app.get("/", ({ state }) => {
    const id: string = state.requestId;
    state.cookies.set("seen", id);
    return { name: state.username, text: "long ".repeat(1000) };
  });
  return withServer(app as unknown as Chopin, async (server) => {
    const headers = { Authorization: `Basic ${btoa("kim:horse")}`, "Accept-Encoding": "zstd" };
    const response = await fetch(server.url, { headers });
    expect(await response.json()).toEqual({ name: "kim", text: "long ".repeat(1000) });
    expect(waited).toBe(false);
    expect([...response.headers.keys()]).toEqual(
      expect.arrayContaining([
        "cache-control",
        "content-encoding",
        "etag",
        "ratelimit",
        "server-timing",
        "set-cookie",
        "vary",
        "x-request-id",
      ]),
    );
    expect(response.headers.get("vary")).toBe("Accept-Encoding, Origin");
  });
});

test("a handler that waits is answered all the same", async () => {
  const app = new Chopin();
  for (const middleware of all) app.layer(middleware);
  app.post("/", async (ctx) => {
    await Bun.sleep(0);
    return { sent: ctx.text() };
  });
  await withServer(app, async (server) => {
    const headers = { Authorization: `Basic ${btoa("kim:horse")}` };
    const response = await fetch(server.url, { method: "POST", headers, body: "x" });
    expect([response.status, await response.json()]).toEqual([200, { sent: "x" }]);
    expect((await fetch(server.url, { method: "POST" })).status).toBe(401);
  });
});
