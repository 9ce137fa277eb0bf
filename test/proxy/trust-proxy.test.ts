/** How far proxies are believed: by number, by address, and not at all. */
import { describe, expect, test } from "bun:test";
import { type Origin, ProxyTrust, type TrustProxy, trustOf } from "../../src/trust-proxy.ts";

type Fields = Readonly<Record<string, string | readonly string[]>>;

function follow(trust: Exclude<TrustProxy, false>, socketIp: string, fields: Fields): Origin {
  return new ProxyTrust(trust).follow(socketIp, (name) => {
    const given = fields[name] ?? [];
    return typeof given === "string" ? [given] : given;
  });
}

const client = "203.0.113.7";
const spoofed = "198.51.100.66";
const loopback = "127.0.0.1";

describe("the client's address by X-Forwarded-For", () => {
  const cases: [
    name: string,
    trust: Exclude<TrustProxy, false>,
    socket: string,
    list: string | readonly string[],
    ip: string,
  ][] = [
    ["one hop", 1, loopback, client, client],
    ["one hop, no field", 1, loopback, [], loopback],
    ["one hop, a client's own entry in front", 1, loopback, `${spoofed}, ${client}`, client],
    ["one hop, a client's own line in front", 1, loopback, [spoofed, client], client],
    ["two hops", 2, loopback, `${spoofed}, ${client}, 10.0.0.2`, client],
    ["two hops, over lines", 2, loopback, [spoofed, client, "10.0.0.2"], client],
    ["two hops, but one entry", 2, loopback, client, client],
    ["one hop, over a unix socket", 1, "", client, client],
    ["one hop, IPv6", 1, "::1", "2001:DB8::0007", "2001:db8::7"],
    ["one hop, with a port", 1, loopback, `${client}:50123`, client],
    ["one hop, IPv6 with a port", 1, loopback, "[2001:db8::7]:50123", "2001:db8::7"],
    ["one hop, nonsense", 1, loopback, `${spoofed}, nonsense`, loopback],
    ["one hop, unknown", 1, loopback, `${spoofed}, unknown`, loopback],
    ["one hop, hidden", 1, loopback, `${spoofed}, _hidden`, loopback],
    ["one hop, empty", 1, loopback, "", loopback],
    ["one hop, empty at the end", 1, loopback, `${client},`, loopback],
    [
      "two hops, nonsense behind the first",
      2,
      loopback,
      `${client}, nonsense, 10.0.0.2`,
      "10.0.0.2",
    ],
    ["by address", "loopback", loopback, client, client],
    ["by address, IPv6", "loopback", "::1", client, client],
    ["by address, mapped", "loopback", "::ffff:127.0.0.1", client, client],
    ["by address, over a unix socket", "loopback", "", client, client],
    ["by address, not over a unix socket", "private", "", client, ""],
    ["by address, another peer", "loopback", "192.0.2.9", client, "192.0.2.9"],
    ["by network", "10.0.0.0/8", "10.1.2.3", `${spoofed}, ${client}`, client],
    ["by network, beyond it", "10.0.0.0/8", "11.1.2.3", client, "11.1.2.3"],
    [
      "by several",
      ["loopback", "private"],
      loopback,
      `${spoofed}, ${client}, 10.0.0.2, 192.168.1.1`,
      client,
    ],
    ["by several, a gap", ["loopback"], loopback, `${client}, 10.0.0.2`, "10.0.0.2"],
    ["by several, all trusted", ["private"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["by IPv6 network", "2001:db8::/32", "2001:db8::9", `${spoofed}, ${client}`, client],
    ["private, of IPv6", "private", "fd00::1", client, client],
    [
      "thousands of trusted entries",
      "private",
      "10.0.0.1",
      `${"10.0.0.2,".repeat(10_000)}10.0.0.3`,
      "10.0.0.2",
    ],
  ];
  for (const [name, trust, socket, list, ip] of cases) {
    test(name, () => expect(follow(trust, socket, { "x-forwarded-for": list }).ip).toBe(ip));
  }

  test("every entry that a client can write stays in front of what the proxy adds", () => {
    for (const text of [
      "10.0.0.1",
      '"',
      "[",
      "::",
      ",,,",
      "a".repeat(5000),
      "unknown",
      "_x",
      "127.0.0.1",
    ]) {
      const fields = { "x-forwarded-for": `${text}, ${client}` };
      for (const trust of [1, ["loopback", "private"]] as const) {
        expect(follow(trust, loopback, fields).ip).toBe(client);
      }
    }
  });
});

describe("the client's address by Forwarded", () => {
  const trust = (hops: number | string | string[]) => ({ hops, fields: "forwarded" }) as const;
  const cases: [
    name: string,
    hops: number | string | string[],
    list: string | string[],
    ip: string,
  ][] = [
    ["one hop", 1, `for=${client}`, client],
    ["one hop, spoofed in front", 1, `for=${spoofed}, for=${client}`, client],
    ["one hop, spoofed line in front", 1, [`for=${spoofed}`, `for=${client}`], client],
    ["one hop, IPv6 with a port", 1, 'for="[2001:db8::7]:4711"', "2001:db8::7"],
    ["one hop, IPv6 without brackets", 1, 'for="2001:db8::7"', loopback],
    ["one hop, unknown", 1, `for=${spoofed}, for=unknown`, loopback],
    ["one hop, hidden", 1, `for=${spoofed}, for=_gazonk`, loopback],
    ["one hop, no for", 1, `for=${spoofed}, proto=https`, loopback],
    ["one hop, malformed", 1, `for=${spoofed}, for==`, loopback],
    ["one hop, an open quote in front", 1, `for="${spoofed}, for=${client}`, client],
    ["two hops", 2, `for=${spoofed}, for=${client}, for=10.0.0.2`, client],
    [
      "by address",
      ["loopback", "10.0.0.0/8"],
      `for=${spoofed}, for=${client}, for=10.0.0.2`,
      client,
    ],
  ];
  for (const [name, hops, list, ip] of cases) {
    test(name, () => expect(follow(trust(hops), loopback, { forwarded: list }).ip).toBe(ip));
  }

  test("one kind of field is believed, never the other", () => {
    const fields = { forwarded: `for=${spoofed}`, "x-forwarded-for": client };
    expect(follow(1, loopback, fields).ip).toBe(client);
    expect(follow(trust(1), loopback, fields).ip).toBe(spoofed);
    expect(follow(1, loopback, { forwarded: `for=${spoofed};proto=https;host=evil` })).toEqual({
      ip: loopback,
      secure: undefined,
      host: undefined,
    });
  });
});

describe("scheme and host", () => {
  const cases: [
    name: string,
    trust: Exclude<TrustProxy, false>,
    socket: string,
    fields: Fields,
    secure: boolean | undefined,
    host: string | undefined,
  ][] = [
    [
      "one value",
      1,
      loopback,
      { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" },
      true,
      "a.example",
    ],
    ["clear text", 1, loopback, { "x-forwarded-proto": "http" }, false, undefined],
    [
      "from a peer that is not trusted",
      "10.0.0.0/8",
      loopback,
      { "x-forwarded-proto": "https", "x-forwarded-host": "a" },
      undefined,
      undefined,
    ],
    [
      "a list: what the trusted proxy wrote",
      1,
      loopback,
      { "x-forwarded-proto": "https, http", "x-forwarded-host": "evil, a" },
      false,
      "a",
    ],
    [
      "a list: two hops",
      2,
      loopback,
      { "x-forwarded-for": `${client}, 10.0.0.2`, "x-forwarded-proto": "http, https, http" },
      true,
      undefined,
    ],
    [
      "replaced by the second hop",
      2,
      loopback,
      { "x-forwarded-for": `${client}, 10.0.0.2`, "x-forwarded-proto": "https" },
      true,
      undefined,
    ],
    [
      "no scheme",
      1,
      loopback,
      { "x-forwarded-proto": "gopher", "x-forwarded-host": "a/b" },
      undefined,
      undefined,
    ],
    [
      "Forwarded",
      { hops: 1, fields: "forwarded" },
      loopback,
      {
        forwarded: [
          `for=${spoofed};proto=http;host=evil`,
          `for=${client};proto=https;host="a.example:8443"`,
        ],
      },
      true,
      "a.example:8443",
    ],
    [
      "Forwarded: the outermost that is trusted",
      { hops: 2, fields: "forwarded" },
      loopback,
      { forwarded: `for=${client};proto=https;host=a, for=10.0.0.2;proto=http;host=inside` },
      true,
      "a",
    ],
    [
      "Forwarded: one says nothing",
      { hops: 2, fields: "forwarded" },
      loopback,
      { forwarded: `for=${client}, for=10.0.0.2;proto=https;host=a` },
      true,
      "a",
    ],
  ];
  for (const [name, trust, socket, fields, secure, host] of cases) {
    test(name, () => expect(follow(trust, socket, fields)).toMatchObject({ secure, host }));
  }
});

describe("the option", () => {
  test("what cannot be meant is refused", () => {
    const wrong = [
      true,
      0,
      -1,
      1.5,
      33,
      Number.NaN,
      "",
      "nobody",
      "constructor",
      "10.1.2.3/8",
      "10.0.0.0/33",
      [],
      ["loopback", 7],
      {},
      { hops: 1, fields: "both" },
    ];
    for (const given of wrong) {
      expect(() => trustOf(given as TrustProxy, undefined)).toThrow(
        expect.objectContaining({ code: "invalid_option" }),
      );
    }
  });

  test("false and nothing believe nobody", () => {
    expect(trustOf(undefined, undefined)).toBeUndefined();
    expect(trustOf(undefined, "")).toBeUndefined();
    expect(trustOf(undefined, "0")).toBeUndefined();
    expect(trustOf(false, "1")).toBeUndefined();
  });

  test("the environment", () => {
    const lines = () => [`${spoofed}, ${client}, 10.0.0.2`];
    expect(trustOf(undefined, "2")?.follow(loopback, lines).ip).toBe(client);
    expect(trustOf(undefined, "loopback, 10.0.0.0/8")?.follow(loopback, lines).ip).toBe(client);
    expect(trustOf(1, "2")?.follow(loopback, lines).ip).toBe("10.0.0.2");
    expect(() => trustOf(undefined, "everybody")).toThrow(
      expect.objectContaining({
        code: "invalid_environment",
        message: expect.stringContaining("CHOPIN_TRUST_PROXY"),
      }),
    );
  });
});
