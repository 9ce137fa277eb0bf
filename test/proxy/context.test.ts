/** What handlers and middleware see of a request that came through a proxy. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { csrf, ipRestriction, rateLimit, secureHeaders } from "../../src/middleware/index.ts";
import { bothWays, exchange, withServer } from "../_setup.ts";

const client = "203.0.113.7";
const bySpoofing = { "X-Forwarded-For": `198.51.100.66, ${client}` };
const byProxy = {
  ...bySpoofing,
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "shop.example:8443",
};

function seen(app: Chopin): Chopin {
  return app.all("/seen", ({ ip, socketIp, secure, host, url }) => ({
    ip,
    socketIp,
    secure,
    host,
    url,
  }));
}

describe("a context", () => {
  bothWays(
    "believes nobody unless told",
    () => seen(new Chopin()),
    async (send) => {
      const { body } = await send("GET", "/seen?q=1", { headers: byProxy });
      expect(JSON.parse(body)).toEqual({
        ip: "127.0.0.1",
        socketIp: "127.0.0.1",
        secure: false,
        host: "localhost",
        url: "http://localhost/seen?q=1",
      });
    },
  );

  bothWays(
    "believes the proxy that it is told of",
    () => seen(new Chopin({ trustProxy: "loopback" })),
    async (send) => {
      const { body } = await send("GET", "/seen?q=1", { headers: byProxy });
      expect(JSON.parse(body)).toEqual({
        ip: client,
        socketIp: "127.0.0.1",
        secure: true,
        host: "shop.example:8443",
        url: "https://shop.example:8443/seen?q=1",
      });
      const plain = await send("GET", "/seen");
      expect(JSON.parse(plain.body)).toMatchObject({ ip: "127.0.0.1", host: "localhost" });
    },
  );

  bothWays(
    "reads Forwarded where that is told",
    () => seen(new Chopin({ trustProxy: { hops: 1, fields: "forwarded" } })),
    async (send) => {
      const Forwarded = `for=198.51.100.66, for="${client}:4711";proto=https;host=shop.example`;
      const { body } = await send("GET", "/seen", { headers: { ...byProxy, Forwarded } });
      expect(JSON.parse(body)).toMatchObject({ ip: client, secure: true, host: "shop.example" });
    },
  );

  test("has the lines of a field in their order", () =>
    withServer(seen(new Chopin({ trustProxy: 2 })), async (server) => {
      const lines = ["198.51.100.66", client, "10.0.0.1"];
      const fields = lines.map((line) => `x-forwarded-for: ${line}\r\n`).join("");
      const head = `GET /seen HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${fields}\r\n`;
      expect(await exchange(server, head)).toContain(`"ip":"${client}"`);
    }));

  test("that is held still knows", () => {
    const app = new Chopin({ trustProxy: 1 }).get("/late", async (ctx) => {
      await Bun.sleep(1);
      return `${ctx.ip} ${ctx.host}`;
    });
    return withServer(app, async (server) => {
      const answer = await fetch(`${server.url}late`, { headers: byProxy });
      expect(await answer.text()).toBe(`${client} shop.example:8443`);
    });
  });

  test("follows the server's option before the application's", () =>
    withServer(
      seen(new Chopin({ trustProxy: 1 })),
      async (server) => {
        const answer = await fetch(`${server.url}seen`, { headers: byProxy });
        expect(await answer.json()).toMatchObject({ ip: "127.0.0.1", secure: false });
      },
      { trustProxy: false },
    ));

  test("believes a proxy on a unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "chopin-proxy-"));
    const unix = join(folder, "server.sock");
    const server = await seen(new Chopin({ trustProxy: "loopback" })).serve({ unix });
    try {
      expect(existsSync(unix)).toBe(true);
      const answer = await fetch("http://localhost/seen", { unix, headers: byProxy });
      expect(await answer.json()).toMatchObject({ ip: client, socketIp: "", secure: true });
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("middleware sees the client", () => {
  const trusting = () => new Chopin({ trustProxy: 1 });

  bothWays(
    "rateLimit counts clients, not the proxy",
    () =>
      trusting()
        .layer(rateLimit({ limit: 1, windowSeconds: 60 }))
        .get("/", "fine"),
    async (send) => {
      const from = async (ip: string) =>
        (await send("GET", "/", { headers: { "X-Forwarded-For": ip } })).status;
      expect([await from("203.0.113.1"), await from("203.0.113.2")]).toEqual([200, 200]);
      expect(await from("198.51.100.66, 203.0.113.1")).toBe(429);
      expect([await from("2001:db8::1"), await from("2001:DB8:0::2")]).toEqual([200, 429]);
    },
  );

  bothWays(
    "ipRestriction",
    () =>
      trusting()
        .layer(ipRestriction({ allow: [client] }))
        .get("/", "fine"),
    async (send) => {
      expect((await send("GET", "/", { headers: bySpoofing })).status).toBe(200);
      expect((await send("GET", "/")).status).toBe(403);
      const spoofed = { "X-Forwarded-For": `${client}, 198.51.100.66` };
      expect((await send("GET", "/", { headers: spoofed })).status).toBe(403);
    },
  );

  bothWays(
    "secureHeaders knows of TLS",
    () => trusting().layer(secureHeaders()).get("/", "fine"),
    async (send) => {
      const field = "strict-transport-security";
      expect((await send("GET", "/", { headers: byProxy })).headers.has(field)).toBe(true);
      expect((await send("GET", "/")).headers.has(field)).toBe(false);
    },
  );

  bothWays(
    "csrf compares with the host that the client asked for",
    () =>
      trusting()
        .layer(csrf())
        .post("/", () => "fine"),
    async (send) => {
      const from = async (Origin: string) =>
        (await send("POST", "/", { headers: { ...byProxy, Origin } })).status;
      expect(await from("https://shop.example:8443")).toBe(200);
      expect(await from("https://evil.example")).toBe(403);
      expect(await from("http://localhost")).toBe(403);
    },
  );
});
