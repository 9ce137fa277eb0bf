/** Fields of proxies, parsed: whatever a client puts in front of them changes nothing. */
import { describe, expect, test } from "bun:test";
import {
  addressText,
  elementsFromRight,
  hostText,
  isSecureScheme,
  itemsFromRight,
  nodeAddress,
} from "../../src/forwarded.ts";
import { parseAddress } from "../../src/middleware/support/ip-address.ts";

const elements = (...lines: string[]) =>
  [...elementsFromRight(lines)].map((element) => element && Object.fromEntries(element));

describe("lists from the right", () => {
  const cases: [lines: string[], items: string[]][] = [
    [[], []],
    [["a"], ["a"]],
    [["a, b,c"], ["c", "b", "a"]],
    [
      ["a, b", " c\t, d "],
      ["d", "c", "b", "a"],
    ],
    [[""], [""]],
    [["a,, b,"], ["", "b", "", "a"]],
    [[","], ["", ""]],
  ];
  for (const [lines, items] of cases) {
    test(JSON.stringify(lines), () => expect([...itemsFromRight(lines)]).toEqual(items));
  }

  test("only as much is read as is asked for", () => {
    const items = itemsFromRight([`${"1.2.3.4,".repeat(100_000)}5.6.7.8`]);
    expect(items.next().value).toBe("5.6.7.8");
    expect(items.next().value).toBe("1.2.3.4");
  });
});

describe("elements of Forwarded", () => {
  const cases: [lines: string[], wanted: (Record<string, string> | undefined)[]][] = [
    [
      ["for=192.0.2.60;proto=http;by=203.0.113.43"],
      [{ for: "192.0.2.60", proto: "http", by: "203.0.113.43" }],
    ],
    [['For="[2001:db8:cafe::17]:4711"'], [{ for: "[2001:db8:cafe::17]:4711" }]],
    [["for=192.0.2.43, for=198.51.100.17"], [{ for: "198.51.100.17" }, { for: "192.0.2.43" }]],
    [
      ["for=a", "for=b"],
      [{ for: "b" }, { for: "a" }],
    ],
    [["for=_hidden, for=unknown"], [{ for: "unknown" }, { for: "_hidden" }]],
    [["for=a; proto=https ;host=h"], [{ for: "a", proto: "https", host: "h" }]],
    [["for=a;"], [{ for: "a" }]],
    [[""], [{}]],
    [['for="a,b";host="x;y"'], [{ for: "a,b", host: "x;y" }]],
    [['for="a\\"b\\\\"'], [{ for: 'a"b\\' }]],
    [['for=a, for="b\\", for=c"'], [{ for: 'b", for=c' }, { for: "a" }]],
    [["for=a;for=b"], [undefined]],
    [["for=a;FOR=b"], [undefined]],
    [["for"], [undefined]],
    [["for="], [undefined]],
    [["=a"], [undefined]],
    [["for = a"], [undefined]],
    [["for=a b"], [undefined]],
    [["for=192.0.2.43:80"], [undefined]],
    [['for="a'], [undefined]],
    [['for="a"b'], [undefined]],
    [['for="a\u0001"'], [undefined]],
  ];
  for (const [lines, wanted] of cases) {
    test(JSON.stringify(lines), () => expect(elements(...lines)).toEqual(wanted));
  }

  test("what a client began does not reach into what the proxy added", () => {
    const added = 'for="[2001:db8::7]:80";proto=https';
    for (const before of [
      '"',
      'x="',
      'for="a',
      'for="a\\',
      'for="\\\\\\',
      "for=a;",
      '","',
      '"\\"',
    ]) {
      expect([...elementsFromRight([`${before}, ${added}`])][0]?.get("for")).toBe(
        "[2001:db8::7]:80",
      );
    }
  });
});

describe("nodes", () => {
  const cases: [text: string, bare: string | undefined, standard?: string | undefined][] = [
    ["192.0.2.7", "192.0.2.7", "192.0.2.7"],
    ["192.0.2.7:80", "192.0.2.7", "192.0.2.7"],
    ["192.0.2.7:_port", "192.0.2.7", "192.0.2.7"],
    ["[2001:DB8::7]", "2001:db8::7", "2001:db8::7"],
    ["[2001:db8:0:0::7]:4711", "2001:db8::7", "2001:db8::7"],
    ["2001:db8::0:7", "2001:db8::7"],
    ["[::ffff:192.0.2.7]", "192.0.2.7", "192.0.2.7"],
    ["::FFFF:c000:207", "192.0.2.7"],
    ...[
      "unknown",
      "_hidden",
      "_",
      "",
      " ",
      "-",
      "localhost",
      "example.com",
      "192.0.2",
      "192.0.2.256",
    ].map((text): [string, undefined] => [text, undefined]),
    ...[
      "192.0.2.07",
      "192.0.2.7:",
      "192.0.2.7:123456",
      "192.0.2.7:x",
      "192.0.2.7 ",
      "0xc0000207",
    ].map((text): [string, undefined] => [text, undefined]),
    ...[
      "[192.0.2.7]",
      "[::1",
      "::1]",
      "[]",
      "[::1]80",
      "[::1]:",
      "[fe80::1%eth0]",
      "fe80::1%1",
    ].map((text): [string, undefined] => [text, undefined]),
    ...[
      "::1::",
      ":",
      "1:2:3",
      "192.0.2.7, 192.0.2.8",
      "192.0.2.7\u0000",
      '"192.0.2.7"',
      "٣.1.1.1",
    ].map((text): [string, undefined] => [text, undefined]),
  ];
  for (const [text, bare, standard] of cases) {
    test(JSON.stringify(text), () => {
      expect(nodeAddress(text, true)).toBe(bare);
      expect(nodeAddress(text, false)).toBe(standard);
    });
  }
});

test("random addresses have the text that URLs have for them", () => {
  for (let round = 0; round < 2000; round++) {
    const groups = Array.from({ length: 8 }, () => {
      const chosen = Math.random();
      return chosen < 0.5 ? 0 : Math.floor(Math.random() * (chosen < 0.75 ? 16 : 65_536));
    });
    const given = groups.map((group) => group.toString(16)).join(":");
    const address = parseAddress(given)!;
    if (address.version === 4) continue;
    expect(`[${addressText(address)}]`).toBe(new URL(`http://[${given}]/`).hostname);
  }
});

test("schemes", () => {
  const texts = ["https", "HTTPS", "wss", "http", "ws", "ftp", "", "https,http", undefined];
  expect(texts.map(isSecureScheme)).toEqual([
    ...[true, true, true, false, false],
    ...[undefined, undefined, undefined, undefined],
  ]);
});

test("hosts", () => {
  const good = [
    "example.com",
    "example.com:8443",
    "[2001:db8::1]:443",
    "192.0.2.7",
    "a_b.internal",
  ];
  expect(good.map(hostText)).toEqual(good);
  const bad = [
    "",
    "a b",
    "a/b",
    "user@host",
    "a,b",
    "a:b",
    "a:123456",
    "[::1",
    "a\r\nb",
    "ä",
    "<b>",
  ];
  expect(bad.map(hostText)).toEqual(bad.map(() => undefined));
  expect(hostText("a".repeat(256))).toBeUndefined();
});
