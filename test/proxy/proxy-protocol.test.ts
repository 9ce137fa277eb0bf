/** Connections of a load balancer, over real sockets; `zig/simulation.zig` splits them. */
import { describe, expect, test } from "bun:test";
import { Chopin, type ClosedConnections } from "../../src/index.ts";
import { RawClient, withServer } from "../_setup.ts";
import { withoutDate } from "../http/_cases.ts";

const request = "GET /ip HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const app = () => new Chopin().get("/ip", ({ ip, socketIp }) => `${ip} ${socketIp}`);

const bodyOf = (answer: string) => answer.split("\r\n\r\n")[1];

const ipv4 = "\xcb\x00\x71\x07\x7f\x00\x00\x01\x12\x67\x00\x50";
const signature = "\r\n\r\n\x00\r\nQUIT\n";

describe("proxyProtocol", () => {
  const headers: [name: string, header: string, ip: string][] = [
    ["version 1, IPv4", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n", "203.0.113.7"],
    ["version 1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"],
    ["version 1, unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"],
    ["version 2, IPv4", `${signature}\x21\x11\x00\x0c${ipv4}`, "203.0.113.7"],
    ["version 2, extensions", `${signature}\x21\x11\x00\x12${ipv4}\x04\x00\x03abc`, "203.0.113.7"],
    ["version 2, local", `${signature}\x20\x00\x00\x00`, "127.0.0.1"],
  ];
  for (const [name, header, ip] of headers) {
    test(name, () =>
      withServer(
        app(),
        async (server) => {
          for (const cut of [0, 1, header.length - 1, header.length, header.length + 5]) {
            const client = await RawClient.connect(server);
            const bytes = header + request;
            client.send(bytes.slice(0, cut));
            client.send(bytes.slice(cut));
            expect(bodyOf(await client.read())).toBe(`${ip} ${ip}`);
          }
        },
        { proxyProtocol: true },
      ),
    );
  }

  test("what begins otherwise is closed without an answer, and told", async () => {
    const told: ClosedConnections[] = [];
    const options = {
      proxyProtocol: true,
      headTimeoutMs: 100,
      onClosed: (closed: ClosedConnections) => void told.push(closed),
    };
    await withServer(
      app(),
      async (server) => {
        for (const bytes of [request, "PROXY TCP4 nonsense\r\n", "PROXY ", ""]) {
          const client = await RawClient.connect(server);
          if (bytes !== "") client.send(bytes);
          expect(await client.read()).toBe("");
        }
      },
      options,
    );
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    expect(told[0]).toEqual({
      reason: "proxy_header",
      count: 1,
      address: "127.0.0.1",
      message:
        "chopin: closed 1 connection: no PROXY protocol header within 0.1 s (last 127.0.0.1)",
    });
  });

  test("where it is off a header is a bad request", () =>
    withServer(app(), async (server) => {
      const client = await RawClient.connect(server);
      client.send(`PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n${request}`);
      expect(withoutDate(await client.read())).toStartWith("HTTP/1.1 400 Bad Request\r\n");
    }));
});
