/** The parts of WebSockets that take no socket: handshakes, origins, extensions, messages. */
import { describe, expect, test } from "bun:test";
import { constants, deflateRawSync } from "node:zlib";
import { deflate, inflate, negotiate } from "../../src/websocket/compression.ts";
import { acceptOf, chooseProtocol, readHandshake } from "../../src/websocket/handshake.ts";
import { newSender, opcode, pack, published, unpack } from "../../src/websocket/message.ts";
import { allowsOrigin, checkOrigins } from "../../src/websocket/origin.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const good: Readonly<Record<string, readonly string[]>> = {
  connection: ["Upgrade"],
  upgrade: ["websocket"],
  "sec-websocket-version": ["13"],
  "sec-websocket-key": [key],
};

const read = (
  changed: Readonly<Record<string, readonly string[]>> = {},
  { method = "GET", upgradable = true } = {},
) => {
  const lines = { ...good, ...changed };
  return readHandshake({ method, upgradable, lines: (name) => lines[name] ?? [] });
};

describe("a handshake", () => {
  test("is answered as the RFC's example", () => {
    expect(acceptOf(key)).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect(read()).toEqual({ accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", protocols: [] });
  });

  test("may have its tokens anywhere in the lists, in any case", () => {
    for (const connection of [["keep-alive, Upgrade"], ["keep-alive", "UPGRADE"], [",upgrade ,"]]) {
      expect(read({ connection })).toHaveProperty("accept");
    }
    for (const upgrade of [["WebSocket"], ["h2c, websocket"], ["h2c", "websocket"]]) {
      expect(read({ upgrade })).toHaveProperty("accept");
    }
  });

  test("asks by GET, HTTP/1.1, without a body, in both fields", () => {
    const wrong = [
      read({}, { method: "HEAD" }),
      read({}, { method: "get" }),
      read({}, { upgradable: false }),
      read({ connection: [] }),
      read({ connection: ["keep-alive"] }),
      read({ connection: ["upgraded"] }),
      read({ upgrade: [] }),
      read({ upgrade: ["websocket2"] }),
      read({ upgrade: ["websocket/13"] }),
    ];
    expect(wrong).toEqual(wrong.map(() => "upgrade_required"));
  });

  test("is of version 13", () => {
    for (const version of [[], ["8"], ["13, 8"], ["013"], [" 13"], ["13", "13"], [""]]) {
      expect(read({ "sec-websocket-version": version })).toBe("websocket_version_not_supported");
    }
  });

  test("has one key, of 16 bytes", () => {
    const short = Buffer.alloc(15).toString("base64");
    const long = Buffer.alloc(17).toString("base64");
    const wrong = [[], [""], ["x"], [short], [long], [key.slice(0, -1)], [`${key}=`], [key, key]];
    wrong.push([key.replace("d", "-")], [key.replace("d", " ")], [`${key}, ${key}`]);
    for (const keys of wrong) {
      expect([keys, read({ "sec-websocket-key": keys })]).toEqual([keys, "bad_websocket_key"]);
    }
  });

  test("chooses the first of our subprotocols that the client speaks", () => {
    const handshake = read({ "sec-websocket-protocol": ["b, c", "a"] });
    const { protocols } = handshake as Exclude<typeof handshake, string>;
    expect(protocols).toEqual(["b", "c", "a"]);
    expect(chooseProtocol(["a", "b"], protocols)).toBe("a");
    expect(chooseProtocol(["x", "c"], protocols)).toBe("c");
    expect(chooseProtocol(["A"], protocols)).toBe("");
    expect(chooseProtocol([], protocols)).toBe("");
  });
});

describe("origins", () => {
  test('"same" are those of the host that was asked', () => {
    const allowed = [
      [undefined, "a.example"],
      ["https://a.example", "a.example"],
      ["http://a.example", "A.example"],
      ["https://a.example", "a.example:443"],
      ["http://a.example:8080", "a.example:8080"],
      ["http://[::1]:8080", "[::1]:8080"],
    ] as const;
    for (const [origin, host] of allowed) {
      expect([origin, allowsOrigin("same", origin, host)]).toEqual([origin, true]);
    }
    const refused = [
      ["https://b.example", "a.example"],
      ["https://a.example.b.example", "a.example"],
      ["https://a.example", "a.example:8443"],
      ["https://a.example:8443", "a.example"],
      ["null", "a.example"],
      ["", "a.example"],
      ["https://a.example/", "a.example"],
      ["https://a.example, https://a.example", "a.example"],
      ["https://user@a.example", "a.example"],
      ["https://a.example", ""],
    ] as const;
    for (const [origin, host] of refused) {
      expect([origin, allowsOrigin("same", origin, host)]).toEqual([origin, false]);
    }
  });

  test("are any, or those of a list", () => {
    expect(allowsOrigin("any", "https://b.example", "a.example")).toBe(true);
    const list = ["https://b.example", "chrome-extension://abc"];
    expect(allowsOrigin(list, "https://b.example", "a.example")).toBe(true);
    expect(allowsOrigin(list, "chrome-extension://abc", "a.example")).toBe(true);
    expect(allowsOrigin(list, undefined, "a.example")).toBe(true);
    expect(allowsOrigin(list, "https://a.example", "a.example")).toBe(false);
  });

  test("are written as browsers send them", () => {
    checkOrigins(["https://app.example", "http://localhost:3000", "chrome-extension://abc"]);
    for (const wrong of ["https://a.example/", "a.example", "https://A.example", "", "*", "null"]) {
      expect(() => checkOrigins([wrong])).toThrow("origins");
    }
    expect(() => checkOrigins([])).toThrow("origins");
    expect(() => checkOrigins("https://a.example" as never)).toThrow("origins");
  });
});

describe("permessage-deflate", () => {
  const taken = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

  test("takes the first offer that can be met", () => {
    const offers: [string[], string | undefined][] = [
      [["permessage-deflate"], taken],
      [["permessage-deflate; client_max_window_bits"], taken],
      [["permessage-deflate; client_max_window_bits=8"], taken],
      [["Permessage-Deflate ; server_no_context_takeover;client_no_context_takeover"], taken],
      [["x-other; a=1, permessage-deflate"], taken],
      [["x-other", "permessage-deflate"], taken],
      [[",, permessage-deflate ,"], taken],
      [["permessage-deflate; server_max_window_bits=10"], `${taken}; server_max_window_bits=10`],
      [['permessage-deflate; server_max_window_bits="9"'], `${taken}; server_max_window_bits=9`],
      // zlib makes no raw stream with the smallest window.
      [["permessage-deflate; server_max_window_bits=8, permessage-deflate"], taken],
      [["permessage-deflate; unknown, permessage-deflate"], taken],
      [["permessage-deflate; server_max_window_bits=8"], undefined],
      [["permessage-deflate; server_max_window_bits"], undefined],
      [["permessage-deflate; server_max_window_bits=16"], undefined],
      [["permessage-deflate; server_max_window_bits=010"], undefined],
      [["permessage-deflate; client_max_window_bits=7"], undefined],
      [["permessage-deflate; server_no_context_takeover=1"], undefined],
      [["permessage-deflate; client_max_window_bits; client_max_window_bits"], undefined],
      [["x-webkit-deflate-frame"], undefined],
      [["permessage-deflate; ="], undefined],
      [["permessage-deflate client_max_window_bits"], undefined],
      [[""], undefined],
      [[], undefined],
    ];
    for (const [lines, answer] of offers) {
      expect([lines, negotiate(lines)?.answer]).toEqual([lines, answer]);
    }
  });

  test("reading takes no longer than in proportion to the field", () => {
    // Were it the square, a field of this size would not be read within the test's time.
    const half = 200_000;
    const hostile = ["permessage-deflate;".repeat(half / 10), " ".repeat(half), ", ".repeat(half)];
    hostile.push(`permessage-deflate; ${"a=b ".repeat(half / 2)}`, `${"a;".repeat(half)}"`);
    for (const line of hostile) expect(negotiate([line])).toBeUndefined();
  });

  const bytes = (text: string) => new TextEncoder().encode(text);
  const text = "The quick brown fox. ".repeat(100);

  test("round trips with every window", () => {
    for (let windowBits = 9; windowBits <= 15; windowBits++) {
      const deflated = deflate(bytes(text), windowBits)!;
      expect(deflated.length).toBeLessThan(200);
      const inflated = inflate(deflated, 1 << 20) as Uint8Array;
      expect(new TextDecoder().decode(inflated)).toBe(text);
    }
  });

  test("leaves what becomes no smaller as it is", () => {
    expect(deflate(crypto.getRandomValues(new Uint8Array(2000)), 15)).toBeUndefined();
    expect(deflate(new Uint8Array(0), 15)).toBeUndefined();
  });

  test("takes every form of a payload", () => {
    const hello = "f248cdc9c90700";
    const forms: [string, string][] = [
      // RFC 7692 7.2.3: one block, a stored one, one with BFINAL, two blocks, and nothing.
      [hello, "Hello"],
      ["000500faff48656c6c6f00", "Hello"],
      ["f348cdc9c9070000", "Hello"],
      ["f248050000 00ffffcac9c90700".replaceAll(" ", ""), "Hello"],
      ["00", ""],
      ["", ""],
      [`f348cdc9c90700${"f348cdc9c9070000"}`, "HelloHello"],
    ];
    for (const [hex, expected] of forms) {
      const inflated = inflate(new Uint8Array(Buffer.from(hex, "hex")), 100);
      expect([hex, inflated.toString()]).toEqual([hex, bytes(expected).toString()]);
    }
  });

  test("inflates no more than the limit", () => {
    const made = deflate(new Uint8Array(1000), 15)!;
    expect((inflate(made, 1000) as Uint8Array).length).toBe(1000);
    expect(inflate(made, 999)).toBe("too_large");
    const bomb = deflate(new Uint8Array(256 * 1024 * 1024), 15)!;
    const before = process.memoryUsage().rss;
    expect(inflate(bomb, 1024 * 1024)).toBe("too_large");
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("refuses what is no such payload", () => {
    for (const hex of ["ff", "ffffffff", "07", "000500fbff48656c6c6f"]) {
      expect([hex, inflate(new Uint8Array(Buffer.from(hex, "hex")), 100)]).toEqual([
        hex,
        "corrupt",
      ]);
    }
    // Nor one that refers to messages before it.
    const dictionary = bytes(text);
    const options = { dictionary, finishFlush: constants.Z_SYNC_FLUSH };
    const referring = new Uint8Array(deflateRawSync(bytes(text.slice(0, 100)), options));
    expect(inflate(referring, 1000)).toBe("corrupt");
    // Streams without end would cost time and nothing else.
    const empty = new Uint8Array(Buffer.from("0300".repeat(100_000), "hex"));
    expect(inflate(empty, 1000)).toBe("corrupt");
  });
});

describe("a published message", () => {
  test("comes out of its bytes as it went in", () => {
    const [mine, theirs] = [newSender(), newSender()];
    for (const [topic, message] of [
      ["news", "extra!"],
      ["", ""],
      ["ü\u0000\n", new Uint8Array([0, 10, 255])],
      ["binary", new Uint8Array(0)],
    ] as const) {
      const one = published(topic, message);
      expect(one.kind).toBe(typeof message === "string" ? opcode.text : opcode.binary);
      expect(unpack(mine, pack(theirs, one))).toEqual(one);
      expect(unpack(mine, pack(mine, one))).toBeUndefined();
      // Transports hand over buffers that are part of a larger one.
      const within = Buffer.concat([Buffer.from("xx"), pack(theirs, one)]).subarray(2);
      expect(unpack(mine, within)).toEqual(one);
    }
  });

  test("is not made of what is none", () => {
    const sender = newSender();
    const packed = pack(newSender(), published("topic", "message"));
    for (let length = 0; length < 26; length++) {
      expect(unpack(sender, packed.slice(0, length))).toBeUndefined();
    }
    packed[16] = 3;
    expect(unpack(sender, packed)).toBeUndefined();
    expect(unpack(sender, "text" as never)).toBeUndefined();
    expect(() => published("topic", 7 as never)).toThrow("text or bytes");
    expect(() => published("topic", null as never)).toThrow("not null");
  });
});
