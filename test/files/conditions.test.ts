/** Conditions, ranges and encodings, by `fetch` and through sockets. */
import { describe, expect, test } from "bun:test";
import { renameSync, rmSync, utimesSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { Chopin, type Server } from "../../src/index.ts";
import { bothWays, RawClient, type Send, withServer } from "../_setup.ts";
import { makeFolder } from "./_folder.ts";

const folder = makeFolder();
const content = Array.from({ length: 1000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join(
  "",
);
folder.write("a.bin", content);
const script = "console.log(1);".repeat(20);
folder.write("app.js", script);
folder.write("app.js.br", brotliCompressSync(script));
folder.write("app.js.gz", gzipSync(script));
const app = () => new Chopin().files("/", folder.path, { checkMs: 0 });

const get = (send: Send, path: string, headers: Record<string, string>) =>
  send("GET", path, { headers });

describe("conditions", () => {
  bothWays("an ETag and a date lead to 304 and 412", app, async (send) => {
    const whole = await send("GET", "/a.bin");
    const etag = whole.headers.get("etag")!;
    const modified = whole.headers.get("last-modified")!;
    const before = new Date(Date.parse(modified) - 1000).toUTCString();
    for (const [headers, status] of [
      [{ "If-None-Match": etag }, 304],
      [{ "If-None-Match": `"x", W/${etag}` }, 304],
      [{ "If-None-Match": "*" }, 304],
      [{ "If-None-Match": '"x"' }, 200],
      [{ "If-None-Match": '"x"', "If-Modified-Since": modified }, 200],
      [{ "If-Modified-Since": modified }, 304],
      [{ "If-Modified-Since": before }, 200],
      [{ "If-Modified-Since": "yesterday" }, 200],
      [{ "If-Match": etag }, 200],
      [{ "If-Match": `W/${etag}` }, 412],
      [{ "If-Match": '"x"' }, 412],
      [{ "If-Unmodified-Since": modified }, 200],
      [{ "If-Unmodified-Since": before }, 412],
      [{ "If-Match": etag, "If-None-Match": etag }, 304],
      [{ "If-None-Match": etag, Range: "bytes=0-1" }, 304],
    ] as [Record<string, string>, number][]) {
      const received = await get(send, "/a.bin", headers);
      expect([headers, received.status]).toEqual([headers, status]);
      if (status !== 304) continue;
      expect(received.body).toBe("");
      expect(received.headers.get("etag")).toBe(etag);
      expect(received.headers.has("content-type")).toBe(false);
    }
    const failed = await get(send, "/a.bin", { "If-Match": '"x"' });
    expect(JSON.parse(failed.body)).toMatchObject({ code: "precondition_failed" });
  });

  bothWays("If-Range lets a download go on, unless the file is another", app, async (send) => {
    const whole = await send("GET", "/a.bin");
    const Range = "bytes=500-";
    for (const value of [whole.headers.get("etag")!, whole.headers.get("last-modified")!]) {
      const rest = await get(send, "/a.bin", { Range, "If-Range": value });
      expect(rest.status).toBe(206);
      expect(rest.body === content.slice(500)).toBe(true);
    }
    for (const value of [
      '"x"',
      `W/${whole.headers.get("etag")}`,
      "Sun, 06 Nov 1994 08:49:37 GMT",
    ]) {
      const all = await get(send, "/a.bin", { Range, "If-Range": value });
      expect([value, all.status, all.body.length]).toEqual([value, 200, 1000]);
    }
  });
});

test("a file from the future was changed when it was first seen", async () => {
  folder.write("future", "x");
  utimesSync(folder.at("future"), 4_000_000_000, 4_000_000_000);
  const response = await app().fetch(new Request("http://localhost/future"));
  expect(Date.parse(response.headers.get("last-modified")!)).toBeLessThanOrEqual(Date.now());
});

describe("ranges", () => {
  bothWays("one", app, async (send) => {
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 0],
      ["bytes=10-19", 10, 19],
      ["bytes=990-", 990, 999],
      ["bytes=-10", 990, 999],
      ["bytes=-5000", 0, 999],
      ["bytes=0-99999999999999999999999", 0, 999],
      ["bytes=0-9,5-20,21-30", 0, 30],
    ] as const) {
      const received = await get(send, "/a.bin", { Range: range });
      expect(received.status).toBe(206);
      expect(received.headers.get("content-range")).toBe(`bytes ${start}-${end}/1000`);
      expect(received.headers.get("content-length")).toBe(String(end - start + 1));
      expect(received.body === content.slice(start, end + 1)).toBe(true);
    }
  });

  bothWays("several are parts", app, async (send) => {
    const received = await get(send, "/a.bin", { Range: "bytes=900-901, 0-1, -1" });
    expect(received.status).toBe(206);
    expect(received.headers.has("content-range")).toBe(false);
    const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{16})$/.exec(
      received.headers.get("content-type")!,
    )?.[1];
    const part = (range: string, text: string) =>
      `--${boundary}\r\ncontent-type: application/octet-stream\r\n` +
      `content-range: bytes ${range}/1000\r\n\r\n${text}\r\n`;
    expect(received.body).toBe(
      part("900-901", content.slice(900, 902)) +
        part("0-1", content.slice(0, 2)) +
        part("999-999", content.slice(999)) +
        `--${boundary}--\r\n`,
    );
    expect(received.headers.get("content-length")).toBe(String(received.body.length));
  });

  bothWays("what is reversed, malformed or excessive is ignored", app, async (send) => {
    for (const range of [
      "bytes=5-4",
      "bytes=a-b",
      "bytes=",
      "bytes",
      "items=0-1",
      "bytes=0-1,5-4",
      `bytes=${Array.from({ length: 1000 }, (_, at) => `${at}-`).join(",")}`,
      `bytes=${"0-,".repeat(2000)}0-`,
    ]) {
      const received = await get(send, "/a.bin", { Range: range });
      expect([range.slice(0, 20), received.status]).toEqual([range.slice(0, 20), 200]);
      expect(received.body === content).toBe(true);
    }
  });

  bothWays("behind the end there is nothing", app, async (send) => {
    for (const range of [
      "bytes=1000-",
      "bytes=-0",
      "bytes=99999999999999999999-",
      "bytes=1000-,5000-",
    ]) {
      const received = await get(send, "/a.bin", { Range: range });
      expect([range, received.status]).toEqual([range, 416]);
      expect(received.headers.get("content-range")).toBe("bytes */1000");
      expect(JSON.parse(received.body)).toMatchObject({ code: "range_not_satisfiable" });
    }
  });

  bothWays("HEAD has none", app, async (send) => {
    const received = await send("HEAD", "/a.bin", { headers: { Range: "bytes=0-0" } });
    expect([received.status, received.headers.get("content-length")]).toEqual([200, "1000"]);
  });
});

describe("siblings", () => {
  bothWays("the best that the client accepts is sent", app, async (send) => {
    const tags = new Set<string>();
    for (const [accepted, coding] of [
      ["gzip, deflate, br, zstd", "br"],
      ["gzip", "gzip"],
      ["br;q=0.5, gzip;q=0.9", "gzip"],
      ["br;q=0, *", "gzip"],
      ["zstd", null],
      ["identity", null],
      ["", null],
      ["identity;q=0", null],
    ] as const) {
      const received = await get(send, "/app.js", { "Accept-Encoding": accepted });
      expect([accepted, received.headers.get("content-encoding")]).toEqual([accepted, coding]);
      expect(received.headers.get("vary")).toBe("accept-encoding");
      expect(received.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
      tags.add(received.headers.get("etag")!);
      if (coding === null) expect(received.body === script).toBe(true);
    }
    expect(tags.size).toBe(3);
  });

  test("their bytes are those of the files", async () => {
    const request = new Request("http://localhost/app.js", {
      headers: { "Accept-Encoding": "br" },
    });
    const response = await app().fetch(request);
    expect(Buffer.from(await response.arrayBuffer()).equals(brotliCompressSync(script))).toBe(true);
  });

  test("one that is older than its file is not sent", async () => {
    const request = () =>
      new Request("http://localhost/old.js", { headers: { "Accept-Encoding": "gzip" } });
    folder.write("old.js.gz", gzipSync("old"));
    utimesSync(folder.at("old.js.gz"), 1000, 1000);
    folder.write("old.js", "new");
    expect(await (await app().fetch(request())).text()).toBe("new");
  });

  bothWays(
    "can be switched off",
    () => {
      return new Chopin().files("/", folder.path, { precompressed: false });
    },
    async (send) => {
      const received = await get(send, "/app.js", { "Accept-Encoding": "br" });
      expect(received.headers.has("content-encoding")).toBe(false);
      expect(received.headers.has("vary")).toBe(false);
    },
  );
});

describe("a file that changes", () => {
  bothWays("is sent as it is now", app, async (send) => {
    folder.write("changing", "one");
    const first = await send("GET", "/changing");
    folder.write("changing", "second");
    const second = await send("GET", "/changing");
    folder.write("new", "third one");
    renameSync(folder.at("new"), folder.at("changing"));
    const third = await send("GET", "/changing");
    expect([first.body, second.body, third.body]).toEqual(["one", "second", "third one"]);
    const tags = [first, second, third].map(({ headers }) => headers.get("etag"));
    expect(new Set(tags).size).toBe(3);
    const old = { "If-None-Match": tags[0]! };
    expect((await get(send, "/changing", old)).status).toBe(200);
    rmSync(folder.at("changing"));
    expect((await send("GET", "/changing")).status).toBe(404);
  });

  const large = 32 * 1024 * 1024;

  test("is sent whole as it was when it is replaced meanwhile", async () => {
    folder.write("large", Buffer.alloc(large, "a"));
    await withServer(app(), async (server) => {
      const response = await fetch(`${server.url}large`);
      folder.write("new", Buffer.alloc(large, "b"));
      renameSync(folder.at("new"), folder.at("large"));
      const body = Buffer.from(await response.arrayBuffer());
      expect([body.length, body.indexOf("b")]).toEqual([large, -1]);
    });
  });

  test("that becomes shorter breaks the connection visibly", async () => {
    folder.write("shrinking", Buffer.alloc(large, "a"));
    await withServer(app(), async (server) => {
      const client = await halfRead(server, "/shrinking");
      folder.write("shrinking", "short");
      client.resume();
      const received = await client.all();
      expect(received.length < large).toBe(true);
    });
  });
});

/** A client that has read the head of an answer and no more yet. */
async function halfRead(server: Server, path: string) {
  const chunks: Buffer[] = [];
  const { promise: head, resolve: gotHead } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: server.hostname,
    port: server.port,
    socket: {
      data(own, data) {
        if (chunks.length === 0) own.pause();
        chunks.push(data);
        gotHead();
      },
      close: () => close(),
      error: () => close(),
    },
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await head;
  return {
    resume: () => socket.resume(),
    all: () => closed.then(() => Buffer.concat(chunks)),
  };
}

test("pipelined files come in order", async () => {
  await withServer(app(), async (server) => {
    const client = await RawClient.connect(server);
    const range = (at: number) =>
      `GET /a.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=${at}-${at}\r\n\r\n`;
    const last = "GET /app.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.send(Array.from({ length: 20 }, (_, at) => range(at)).join("") + last);
    await client.read();
    const ranges = [...client.text.matchAll(/content-range: bytes (\d+)-/g)].map(([, at]) => at);
    expect(ranges).toEqual(Array.from({ length: 20 }, (_, at) => String(at)));
    expect(client.text.endsWith(script)).toBe(true);
  });
});
