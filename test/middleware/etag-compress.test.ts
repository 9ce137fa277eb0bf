/** etag and compress: validators, 304, negotiation, what is left alone, and both together. */
import { describe, expect, test } from "bun:test";
import { brotliDecompressSync } from "node:zlib";
import { Chopin, HTTPError } from "../../src/index.ts";
import {
  type CompressOptions,
  compress,
  type EtagOptions,
  etag,
} from "../../src/middleware/index.ts";
import { negotiate } from "../../src/middleware/support/coding.ts";
import { bothWays, withServer } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const long = "0123456789 ".repeat(500);

describe("etag", () => {
  const make = (options?: EtagOptions) => () => {
    const app = new Chopin().layer(etag(options));
    app.get("/", () => ({ a: 1 })).post("/", () => ({ a: 1 }));
    app.get("/constant", "constant");
    app.get("/own", (ctx) => ctx.header("ETag", '"a,b"').header("Last-Modified", "x").text("own"));
    app.get("/secret", (ctx) => ctx.header("Cache-Control", "private, NO-STORE").text("secret"));
    app.get("/created", (ctx) => ctx.text("created", 201));
    app.get("/empty", () => null);
    app.get("/fails", () => {
      throw new HTTPError(409);
    });
    return app;
  };

  bothWays("answers 304 for what the client has", make(), async (send) => {
    for (const path of ["/", "/constant"]) {
      const first = await send("GET", path);
      const tag = first.headers.get("etag") ?? "";
      expect(tag).toMatch(/^W\/"[\da-z-]+"$/);
      for (const list of [tag, tag.slice(2), `"x", ${tag}`, `W/"y",${tag} , "z"`, "*"]) {
        const again = await send("GET", path, { headers: { "If-None-Match": list } });
        expect([list, again.status, again.body]).toEqual([list, 304, ""]);
        expect(again.headers.get("etag")).toBe(tag);
        expect(again.headers.has("content-type")).toBe(false);
      }
      for (const list of ['"x"', tag.slice(0, -1), "", `"${tag}"`]) {
        const again = await send("GET", path, { headers: { "If-None-Match": list } });
        expect([again.status, again.body]).toEqual([200, first.body]);
      }
      const head = await send("HEAD", path, { headers: { "If-None-Match": tag } });
      expect(head.status).toBe(304);
      expect((await send("HEAD", path)).headers.get("etag")).toBe(tag);
    }
    expect((await send("GET", "/")).headers.get("content-type")).toBe("application/json");
  });

  bothWays("keeps what the handler set, and leaves the rest alone", make(), async (send) => {
    const own = await send("GET", "/own", { headers: { "If-None-Match": '"x", "a,b"' } });
    expect([own.status, own.headers.get("etag")]).toEqual([304, '"a,b"']);
    expect(own.headers.has("last-modified")).toBe(false);
    for (const [method, path, status] of [
      ["POST", "/", 200],
      ["GET", "/secret", 200],
      ["GET", "/created", 201],
      ["GET", "/empty", 204],
      ["GET", "/fails", 409],
      ["GET", "/missing", 404],
    ] as const) {
      const answer = await send(method, path, { headers: { "If-None-Match": "*" } });
      expect([path, answer.status, answer.headers.has("etag")]).toEqual([path, status, false]);
    }
  });

  bothWays("makes strong ones with SHA-256", make({ strong: true }), async (send) => {
    const { headers } = await send("GET", "/");
    const digest = new Bun.CryptoHasher("sha256").update('{"a":1}').digest("base64url");
    expect(headers.get("etag")).toBe(`"${digest}"`);
  });

  test("wrong options", () => expectFault(() => etag({ strong: 1 as never }), "true or false"));
});

describe("negotiation", () => {
  const all = ["zstd", "br", "gzip"] as const;
  for (const [accepted, coding] of [
    [undefined, undefined],
    ["", undefined],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip;q=1.0, br;q=0.9", "gzip"],
    ["BR ; Q=0.5", "br"],
    ["*", "zstd"],
    ["*;q=0.5, zstd;q=0", "br"],
    ["gzip;q=0", undefined],
    ["identity, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["gzip;q=2", undefined],
    ["gzip;q=0.0001", undefined],
    ["x-gzip", "gzip"],
    ["deflate", undefined],
  ] as const) {
    test(`${accepted} gives ${coding}`, () => expect(negotiate(accepted, all)).toBe(coding));
  }
});

describe("compress", () => {
  const make = (options?: CompressOptions) => {
    const app = new Chopin().layer(compress(options));
    app.get("/", () => ({ long }));
    app.get("/constant", long);
    app.get("/short", () => "short");
    app.get("/bytes", () => Buffer.from(long));
    app.get("/png", (ctx) => ctx.header("Content-Type", "image/png").text(long));
    app.get("/events", (ctx) => ctx.header("Content-Type", "text/event-stream").text(long));
    app.get("/coded", (ctx) => ctx.header("Content-Encoding", "br").text(long));
    app.get("/fixed", (ctx) => ctx.header("Cache-Control", "no-transform").text(long));
    app.get("/part", (ctx) => ctx.header("Content-Range", "bytes 0-1/9").text(long, 206));
    app.get("/random", (ctx) => ctx.header("Content-Type", "font/ttf").bytes(randomBytes));
    app.get("/tagged", (ctx) => ctx.header("ETag", '"t"').header("Vary", "Origin").html(long));
    app.get("/text", () => new Response(long, { headers: { "Content-Type": "Text/CSV; a=b" } }));
    return app;
  };
  const randomBytes = crypto.getRandomValues(new Uint8Array(4000));

  const raw = async (app: Chopin, path: string, coding: string, more = {}) => {
    const headers = { "Accept-Encoding": coding, ...more };
    const response = await app.fetch(new Request(`http://a.test${path}`, { headers }));
    return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
  };

  for (const asyncFromBytes of [0, 1_000_000]) {
    test(`each coding, from ${asyncFromBytes} bytes on another thread`, async () => {
      const app = make({ asyncFromBytes });
      const decoders = {
        gzip: (bytes: Uint8Array<ArrayBuffer>) => Bun.gunzipSync(bytes),
        br: (bytes: Uint8Array<ArrayBuffer>) => brotliDecompressSync(bytes),
        zstd: (bytes: Uint8Array<ArrayBuffer>) => Bun.zstdDecompressSync(bytes),
      };
      for (const [coding, decode] of Object.entries(decoders)) {
        for (const path of ["/", "/constant", "/text"]) {
          const { response, bytes } = await raw(app, path, coding);
          expect(response.headers.get("content-encoding")).toBe(coding);
          expect(response.headers.get("vary")).toBe("Accept-Encoding");
          expect(response.headers.get("content-length")).toBe(String(bytes.length));
          const text = Buffer.from(decode(bytes)).toString();
          expect(text).toBe(path === "/" ? JSON.stringify({ long }) : long);
        }
      }
      const { response } = await raw(app, "/", "gzip");
      expect(response.headers.get("content-type")).toBe("application/json");
    });
  }

  test("through a socket, with a client that decodes", () =>
    withServer(make(), async (server) => {
      for (const coding of ["gzip", "br", "zstd"]) {
        const response = await fetch(server.url, { headers: { "Accept-Encoding": coding } });
        expect(response.headers.get("content-encoding")).toBe(coding);
        expect(await response.json()).toEqual({ long });
      }
      const constant = new URL("/constant", server.url);
      const headers = { "Accept-Encoding": "identity" };
      expect(await (await fetch(constant, { headers })).text()).toBe(long);
    }));

  bothWays("what is left alone", make, async (send) => {
    const headers = { "Accept-Encoding": "gzip" };
    for (const [path, vary] of [
      ["/short", "Accept-Encoding"],
      ["/random", "Accept-Encoding"],
      ["/bytes", null],
      ["/png", null],
      ["/events", null],
      ["/fixed", null],
      ["/part", null],
    ] as const) {
      const answer = await send("GET", path, { headers });
      expect([path, answer.headers.get("content-encoding")]).toEqual([path, null]);
      expect([path, answer.headers.get("vary")]).toEqual([path, vary]);
    }
    expect((await send("GET", "/coded", { headers })).headers.get("content-encoding")).toBe("br");
    const head = await send("HEAD", "/", { headers });
    expect(head.headers.has("content-encoding")).toBe(false);
    expect(head.headers.get("vary")).toBe("Accept-Encoding");
    const range = await send("GET", "/", { headers: { ...headers, Range: "bytes=0-1" } });
    expect(range.headers.has("content-encoding")).toBe(false);
    expect((await send("GET", "/")).headers.get("vary")).toBe("Accept-Encoding");
  });

  test("strong validators become weak, and Vary grows", async () => {
    const { response } = await raw(make(), "/tagged", "zstd");
    expect(response.headers.get("etag")).toBe('W/"t"');
    expect(response.headers.get("vary")).toBe("Origin, Accept-Encoding");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  test("with etag outside and inside", async () => {
    for (const layers of [
      [etag(), compress()],
      [compress(), etag({ strong: true })],
    ]) {
      const app = new Chopin();
      for (const layer of layers) app.layer(layer);
      app.get("/", () => ({ long }));
      const first = await raw(app, "/", "gzip");
      const tag = first.response.headers.get("etag") ?? "";
      expect([first.response.headers.get("content-encoding"), tag.slice(0, 3)]).toEqual([
        "gzip",
        'W/"',
      ]);
      const { response } = await raw(app, "/", "gzip", { "If-None-Match": tag });
      expect([response.status, response.headers.get("content-encoding")]).toEqual([304, null]);
      expect(response.headers.get("etag")).toBe(tag);
    }
  });

  test("other types, thresholds and codings", async () => {
    const options = {
      types: ["image/png", /text\/.*/],
      codings: ["gzip"],
      thresholdBytes: 1,
    } as const;
    const app = make(options);
    expect((await raw(app, "/png", "gzip")).response.headers.get("content-encoding")).toBe("gzip");
    expect((await raw(app, "/", "gzip")).response.headers.has("content-encoding")).toBe(false);
    expect((await raw(app, "/constant", "br")).response.headers.has("content-encoding")).toBe(
      false,
    );
  });

  test("wrong options", () => {
    expectFault(() => compress({ codings: ["deflate" as never] }), "codings is a list of");
    expectFault(() => compress({ codings: [] }), "codings is a list of");
    expectFault(() => compress({ types: ["text"] }), "text in types is no media type");
    expectFault(() => compress({ thresholdBytes: -1 }), "thresholdBytes is a whole number");
  });
});
