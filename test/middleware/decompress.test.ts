/** decompress: each coding, whole and streamed; bombs, what is cut off, corrupt or unknown. */
import { describe, expect, test } from "bun:test";
import * as zlib from "node:zlib";
import { Chopin, type HTTPError } from "../../src/index.ts";
import { bodyLimit, type DecompressOptions, decompress } from "../../src/middleware/index.ts";
import {
  InflatedPieces,
  inflate,
  type RequestCodingName,
} from "../../src/middleware/support/inflate.ts";
import { ZstdFrames } from "../../src/middleware/support/zstd-frames.ts";
import { bothWays, withServer } from "../_setup.ts";
import { expectMemory } from "../form/_form.ts";
import { expectFault } from "./_fault.ts";

type Bytes = Uint8Array<ArrayBuffer>;
const mib = 2 ** 20;
const encode: Readonly<Record<RequestCodingName, (bytes: Uint8Array) => Bytes>> = {
  gzip: (bytes) => zlib.gzipSync(bytes),
  br: (bytes) => zlib.brotliCompressSync(bytes, quick),
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
  deflate: (bytes) => zlib.deflateSync(bytes),
};
const quick = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } };
const names = Object.keys(encode) as RequestCodingName[];

const small = Buffer.from("a small body, a small body");
/** Larger than what is decoded at once, and of no use to guess. */
const large = Buffer.from(Array.from({ length: 40_000 }, (_, at) => `${at * 7919},`).join(""));

/** `mebibytes` of zeros, encoded by a coder that never holds them. */
async function bomb(name: RequestCodingName, mebibytes: number): Promise<Bytes> {
  const coder = {
    gzip: () => zlib.createGzip(),
    br: () => zlib.createBrotliCompress(quick),
    zstd: () => zlib.createZstdCompress(),
    deflate: () => zlib.createDeflate(),
  }[name]();
  const chunks: Buffer[] = [];
  coder.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => coder.on("end", resolve));
  const zeros = Buffer.alloc(mib);
  for (let at = 0; at < mebibytes; at++) {
    await new Promise<void>((resolve) => coder.write(zeros, () => resolve()));
  }
  coder.end();
  await ended;
  return Buffer.concat(chunks);
}

/** The body as it was sent: text that `send` writes byte by byte. */
const make = (options?: DecompressOptions) => () => {
  const app = new Chopin().layer(decompress(options));
  app.post("/", (ctx) => ({
    hash: String(Bun.hash(ctx.bytes())),
    text: ctx.text().slice(0, 30),
    encoding: ctx.header("content-encoding") ?? null,
    length: ctx.header("content-length") ?? null,
    names: [...ctx.headers.keys()].filter((name) => name.startsWith("content-")).sort(),
  }));
  app.post("/request", async (ctx) => {
    const { request } = ctx;
    return { text: await request.text(), encoding: request.headers.get("content-encoding") };
  });
  app.post("/stream", { streamBody: true, bodyLimit: 16 * mib }, async (ctx) => {
    const hasher = new Bun.CryptoHasher("sha256");
    let length = 0;
    for await (const chunk of ctx.body as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      hasher.update(chunk);
    }
    return { length, hash: hasher.digest("hex"), encoding: ctx.header("content-encoding") ?? null };
  });
  return app;
};

const coded = (encoding: string, body: Uint8Array<ArrayBuffer>) => ({
  headers: { "Content-Encoding": encoding },
  body,
});

function refused(answer: { readonly status: number; readonly body: string }): unknown[] {
  return [answer.status, (JSON.parse(answer.body) as { code?: string }).code];
}

describe("bodies", () => {
  bothWays("in each coding, small and large", make(), async (send) => {
    for (const name of names) {
      for (const bytes of [small, large, Buffer.alloc(0)]) {
        const answer = await send("POST", "/", coded(name, encode[name](bytes)));
        expect([name, answer.status, JSON.parse(answer.body)]).toEqual([
          name,
          200,
          {
            hash: String(Bun.hash(bytes)),
            text: bytes.toString().slice(0, 30),
            encoding: null,
            length: String(bytes.length),
            names: ["content-length"],
          },
        ]);
      }
      const answer = await send("POST", "/request", coded(name, encode[name](small)));
      expect(JSON.parse(answer.body)).toEqual({ text: small.toString(), encoding: null });
    }
  });

  bothWays("in two codings, by other names, and in none", make(), async (send) => {
    const twice = encode.br(encode.gzip(large));
    const hash = String(Bun.hash(large));
    for (const list of ["gzip, br", "GZIP,,BR", "x-gzip , identity, br"]) {
      expect(JSON.parse((await send("POST", "/", coded(list, twice))).body).hash).toBe(hash);
    }
    for (const list of ["identity", " "]) {
      const answer = await send("POST", "/", coded(list, new Uint8Array(small)));
      expect(JSON.parse(answer.body).text).toBe(small.toString());
    }
    const plain = await send("POST", "/", { body: "plain" });
    expect(JSON.parse(plain.body).text).toBe("plain");
    const empty = await send("POST", "/", coded("gzip", new Uint8Array(0)));
    expect(empty.status).toBe(200);
  });

  bothWays("while they are read", make({ maxBytes: mib }), async (send) => {
    for (const name of names) {
      for (const bytes of [small, large]) {
        const answer = await send("POST", "/stream", coded(name, encode[name](bytes)));
        const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
        expect([name, JSON.parse(answer.body)]).toEqual([
          name,
          { length: bytes.length, hash, encoding: null },
        ]);
      }
    }
    const empty = await send("POST", "/stream", coded("gzip", new Uint8Array(0)));
    expect(JSON.parse(empty.body).length).toBe(0);
    const twice = await send("POST", "/stream", coded("br, gzip", encode.gzip(encode.br(large))));
    expect(JSON.parse(twice.body).length).toBe(large.length);
  });

  test("in members and frames behind one another", async () => {
    const parts = [small, large];
    for (const name of ["gzip", "zstd"] as const) {
      const whole = Buffer.concat(parts.map(encode[name]));
      const both = Buffer.concat(parts);
      expect(Bun.hash(await inflate(whole, name, mib))).toBe(Bun.hash(both));
      const twoSmall = Buffer.concat([encode[name](small), encode[name](small)]);
      expect((await inflate(twoSmall, name, mib)).length).toBe(2 * small.length);
    }
  });

  test("split at every byte", async () => {
    for (const name of names) {
      const bytes = encode[name](small);
      for (let at = 1; at < bytes.length; at++) {
        const source = [bytes.subarray(0, at), bytes.subarray(at)][Symbol.iterator]();
        const pieces = new InflatedPieces(source, name, mib);
        let text = "";
        for (let step = await pieces.next(); !step.done; step = await pieces.next()) {
          text += Buffer.from(step.value).toString();
        }
        expect([name, at, text]).toEqual([name, at, small.toString()]);
      }
    }
  });

  test("are counted by bodyLimit behind it as they are decoded", async () => {
    const app = new Chopin().layer(decompress()).layer(bodyLimit({ maxBytes: 1000 }));
    app.post("/", (ctx) => ctx.text());
    const request = { method: "POST", ...coded("gzip", encode.gzip(Buffer.alloc(1001))) };
    expect((await app.fetch(new Request("http://a.test/", request))).status).toBe(413);
  });
});

describe("refused", () => {
  bothWays(
    "codings that are not decoded: 415",
    make({ codings: ["gzip", "zstd"] }),
    async (send) => {
      for (const list of ["br", "compress", "gzip, gzip, gzip", "gzip;q=1", "*", "__proto__"]) {
        const answer = await send("POST", "/", coded(list, new Uint8Array(small)));
        expect([list, ...refused(answer)]).toEqual([list, 415, "unsupported_encoding"]);
        expect(answer.headers.get("accept-encoding")).toBe("gzip, zstd");
      }
    },
  );

  bothWays("what is no such coding: 400", make(), async (send) => {
    for (const name of names) {
      const whole = encode[name](large);
      const middle = new Uint8Array(whole);
      middle[whole.length >> 1]! ^= 0xff;
      const wrong = {
        "something else": new Uint8Array(large),
        "something short": new Uint8Array(small),
        corrupt: middle,
        "cut off": whole.slice(0, -1),
        "cut off early": whole.slice(0, 20),
        "cut off when small": encode[name](small).slice(0, -1),
        "with bytes behind": new Uint8Array(Buffer.concat([whole, small])),
        "small with bytes behind": new Uint8Array(Buffer.concat([encode[name](small), small])),
      };
      for (const [what, body] of Object.entries(wrong)) {
        for (const path of ["/", "/stream"]) {
          const answer = await send("POST", path, coded(name, body));
          expect([name, what, path, ...refused(answer)]).toEqual([
            name,
            what,
            path,
            400,
            "invalid_encoding",
          ]);
        }
      }
    }
  });

  test("a body cut at every byte: 400", async () => {
    for (const name of names) {
      const bytes = encode[name](small);
      for (let at = 1; at < bytes.length; at++) {
        let code: unknown;
        try {
          await inflate(bytes.slice(0, at), name, mib);
        } catch (error) {
          code = (error as HTTPError).code;
        }
        expect([name, at, code]).toEqual([name, at, "invalid_encoding"]);
      }
    }
  });

  test("a zstd frame that asks for a window of 128 MiB: 400", async () => {
    const params = { [zlib.constants.ZSTD_c_windowLog]: 27 };
    const coder = zlib.createZstdCompress({ params });
    const chunks: Buffer[] = [];
    coder.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => coder.on("end", resolve));
    coder.end(large);
    await ended;
    const frame = Buffer.concat(chunks);
    const promise = (async () => inflate(frame, "zstd", mib))();
    expect(((await promise.catch((error: unknown) => error)) as HTTPError).code).toBe(
      "invalid_encoding",
    );
  });
});

describe("bombs", () => {
  const sizes: readonly (readonly [RequestCodingName, number])[] = [
    ["gzip", 1024],
    ["deflate", 64],
    ["br", 1024],
    ["zstd", 1024],
  ];
  for (const [name, mebibytes] of sizes) {
    test(`${mebibytes} MiB of zeros in ${name}: 413, with memory flat`, async () => {
      const sent = await bomb(name, mebibytes);
      await withServer(
        make({ maxBytes: mib })(),
        async (server) => {
          await expectMemory(48, async () => {
            for (const path of ["/", "/stream"]) {
              const url = new URL(path, server.url);
              const answer = await fetch(url, { method: "POST", ...coded(name, sent) });
              const { code } = (await answer.json()) as { code: string };
              expect([name, path, answer.status, code]).toEqual([
                name,
                path,
                413,
                "body_too_large",
              ]);
            }
          });
        },
        { bodyLimit: 2 * mib },
      );
    });
  }

  bothWays("10 MiB in a few bytes of br, and inside of another", make(), async (send) => {
    const sent = await bomb("br", 10);
    expect(sent.length).toBeLessThan(1000);
    expect(refused(await send("POST", "/", coded("br", sent)))).toEqual([413, "body_too_large"]);
    const twice = encode.gzip(encode.gzip(Buffer.alloc(10 * mib)));
    expect(refused(await send("POST", "/", coded("gzip, gzip", twice)))).toEqual([
      413,
      "body_too_large",
    ]);
  });

  bothWays("the cap is met to the byte", make({ maxBytes: 1000 }), async (send) => {
    for (const name of names) {
      for (const path of ["/", "/stream"]) {
        const fits = await send("POST", path, coded(name, encode[name](Buffer.alloc(1000))));
        const exceeds = await send("POST", path, coded(name, encode[name](Buffer.alloc(1001))));
        expect([name, path, fits.status, exceeds.status]).toEqual([name, path, 200, 413]);
      }
    }
  });
});

describe("frames of zstd", () => {
  test("are followed whatever they declare", () => {
    const { constants } = zlib;
    const params: readonly Record<number, number>[] = [
      { [constants.ZSTD_c_checksumFlag]: 1 },
      { [constants.ZSTD_c_checksumFlag]: 0 },
      { [constants.ZSTD_c_contentSizeFlag]: 0 },
    ];
    for (const bytes of [Buffer.alloc(0), small, large, Buffer.alloc(300), Buffer.alloc(mib)]) {
      for (const one of params) {
        const frame = zlib.zstdCompressSync(bytes, { params: one });
        const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
        const whole = Buffer.concat([skippable, frame]);
        const complete = (end: number) => {
          const frames = new ZstdFrames();
          frames.push(whole.subarray(0, end));
          return frames.complete;
        };
        expect([complete(whole.length), complete(whole.length - 1), complete(12)]).toEqual([
          true,
          false,
          false,
        ]);
      }
    }
  });
});

test("wrong options", () => {
  expectFault(() => decompress({ maxBytes: 0 }), "maxBytes is a whole number");
  expectFault(() => decompress({ codings: [] }), "codings is a list of");
  expectFault(() => decompress({ codings: ["compress" as never] }), "codings is a list of");
  expectFault(() => decompress({ limit: 1 } as never), '"limit" is no option');
});
