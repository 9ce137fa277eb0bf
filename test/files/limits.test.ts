/** Sizes beyond 32 bits, more files than are kept open, and clients that leave. */
import { describe, expect, test } from "bun:test";
import { readdirSync, truncateSync } from "node:fs";
import { Chopin } from "../../src/index.ts";
import { bothWays, RawClient, withServer } from "../_setup.ts";
import { makeFolder } from "./_folder.ts";

const folder = makeFolder();
const app = () => new Chopin().files("/", folder.path);
const large = 5 * 1024 * 1024 * 1024;

describe("a file of 5 GiB", () => {
  // Sparse: it takes no room on the disk.
  truncateSync(folder.write("large", ""), large);

  bothWays("has its length, and ranges at its end", app, async (send) => {
    const head = await send("HEAD", "/large");
    expect(head.headers.get("content-length")).toBe(String(large));
    for (const first of [2 ** 32 - 8, large - 16]) {
      const Range = `bytes=${first}-${first + 15}`;
      const part = await send("GET", "/large", { headers: { Range } });
      expect([part.status, part.body.length]).toEqual([206, 16]);
      expect(part.headers.get("content-range")).toBe(`bytes ${first}-${first + 15}/${large}`);
    }
  });

  test("is not read for a client that leaves, and the next one is served", async () => {
    await withServer(app(), async (server) => {
      for (let count = 0; count < 20; count++) {
        const client = await RawClient.connect(server);
        client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.read((text) => text.length > 0);
        expect(client.text.startsWith(`HTTP/1.1 200 OK\r\n`)).toBe(true);
        client.close();
      }
      const response = await fetch(`${server.url}large`, { headers: { Range: "bytes=0-0" } });
      expect((await response.bytes()).length).toBe(1);
    });
  });
});

describe("what the kernel sends", () => {
  const megabyte = 1024 * 1024;
  const bytes = Buffer.alloc(4 * megabyte);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  folder.write("numbers", bytes);
  const around: readonly (readonly [string, () => Chopin])[] = [
    ["without JavaScript", app],
    ["behind middleware", () => app().layer((_, next) => next())],
    ["late", () => app().layer(async (_, next) => Bun.sleep(0).then(next))],
  ];

  for (const [how, make] of around) {
    test(`is the file, whole, in ranges and in parts, ${how}`, async () => {
      await withServer(make(), async (server) => {
        const get = async (range?: string) => {
          const headers = range === undefined ? {} : { Range: `bytes=${range}` };
          return Buffer.from(await (await fetch(`${server.url}numbers`, { headers })).bytes());
        };
        expect((await get()).equals(bytes)).toBe(true);
        expect((await get("1000-3999999")).equals(bytes.subarray(1000, 4_000_000))).toBe(true);
        const parts = await get(`0-${megabyte - 1},${2 * megabyte}-${3 * megabyte - 1},-7`);
        const at = parts.indexOf("\r\n\r\n") + 4;
        expect(parts.subarray(at, at + megabyte).equals(bytes.subarray(0, megabyte))).toBe(true);
        const next = parts.indexOf("\r\n\r\n", at + megabyte) + 4;
        const second = bytes.subarray(2 * megabyte, 3 * megabyte);
        expect(parts.subarray(next, next + megabyte).equals(second)).toBe(true);
        expect(parts.indexOf(bytes.subarray(-7), next + megabyte)).toBeGreaterThan(0);
      });
    });

    test(`comes in order when it is asked for again and again, ${how}`, async () => {
      await withServer(make(), async (server) => {
        const client = await RawClient.connect(server);
        const range = (first: number, last: number) =>
          `GET /numbers HTTP/1.1\r\nHost: a\r\nRange: bytes=${first}-${last}\r\n\r\n`;
        const asked = Array.from({ length: 12 }, (_, at): [number, number] => {
          // Small ones are copied, large ones are not.
          return at % 2 === 0 ? [at, at + 9] : [at * megabyte * 0.3 - (at % 4), 4 * megabyte - 5];
        }).map(([first, last]): [number, number] => [Math.floor(first), last]);
        const last = "HEAD /numbers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.send(asked.map(([first, end]) => range(first, end)).join("") + last);
        let rest = Buffer.from(await client.read(), "latin1");
        for (const [first, end] of asked) {
          const start = rest.indexOf("\r\n\r\n") + 4;
          const length = end - first + 1;
          const body = rest.subarray(start, start + length);
          expect([first, body.equals(bytes.subarray(first, end + 1))]).toEqual([first, true]);
          rest = rest.subarray(start + length);
        }
        expect(rest.toString("latin1")).toContain(`Content-Length: ${bytes.length}`);
      });
    });
  }
});

describe("descriptors", () => {
  test.if(process.platform === "linux")("are bounded, however many files there are", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const served = app();
    for (let index = 0; index < 1500; index++) {
      folder.write(`many/${index}`, `content of ${index}`);
      const response = await served.fetch(new Request(`http://localhost/many/${index}`));
      expect(await response.text()).toBe(`content of ${index}`);
    }
    // Open files, the root of the folder, and what the test runner opens meanwhile.
    expect(open() - before).toBeLessThan(1024 + 32);
  });
});
