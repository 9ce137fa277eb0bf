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
