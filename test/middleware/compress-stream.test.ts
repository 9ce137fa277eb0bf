/** compress over streams: codings, promptness, backpressure, cancellation, what is left alone. */
import { describe, expect, test } from "bun:test";
import { createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import { Chopin, type Context } from "../../src/index.ts";
import { type CompressOptions, compress } from "../../src/middleware/index.ts";
import { withServer } from "../_setup.ts";

const row = "a row of some table, ".repeat(10);
const typed = { headers: { "Content-Type": "text/csv" } };
const decoders = {
  gzip: createGunzip,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;
type Coding = keyof typeof decoders;
const codings = Object.keys(decoders) as Coding[];

async function* rows(count: number) {
  for (let at = 0; at < count; at++) {
    if (at % 100 === 0) await new Promise(setImmediate);
    yield row;
  }
}

function appOf(handler: (ctx: Context) => unknown, options?: CompressOptions): Chopin {
  const app = new Chopin().layer(compress(options));
  app.get("/", handler);
  return app;
}

const get = (app: Chopin, coding: string, init: RequestInit = {}) =>
  app.fetch(
    new Request("http://a.test/", {
      ...init,
      headers: { "Accept-Encoding": coding, ...init.headers },
    }),
  );

/** The text of an encoded body; nothing decodes what `app.fetch` answers. */
async function decoded(response: Response, coding: Coding): Promise<string> {
  const decoder = decoders[coding]();
  const chunks: Buffer[] = [];
  decoder.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve, reject) => decoder.on("end", resolve).on("error", reject));
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) decoder.write(chunk);
  decoder.end();
  await ended;
  return Buffer.concat(chunks).toString();
}

describe("a stream", () => {
  for (const coding of codings) {
    test(`in ${coding}, by fetch and through a socket`, async () => {
      const app = appOf((ctx) => ctx.stream(rows(2000), typed));
      const response = await get(app, coding);
      expect(response.headers.get("content-encoding")).toBe(coding);
      expect(response.headers.get("vary")).toBe("Accept-Encoding");
      expect(response.headers.get("content-type")).toBe("text/csv");
      expect(response.headers.has("content-length")).toBe(false);
      expect(Bun.hash(await decoded(response, coding))).toBe(Bun.hash(row.repeat(2000)));
      await withServer(app, async (server) => {
        const headers = { "Accept-Encoding": coding };
        const answer = await fetch(server.url, { headers });
        expect(answer.headers.get("content-encoding")).toBe(coding);
        expect(Bun.hash(await answer.text())).toBe(Bun.hash(row.repeat(2000)));
      });
    });

    test(`in ${coding} is sent as soon as its producer pauses`, async () => {
      const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
      const app = appOf((ctx) =>
        ctx.stream(
          (async function* () {
            for (const [at, gate] of gates.entries()) {
              yield `piece ${at}, `;
              yield "its end; ";
              await gate.promise;
            }
          })(),
          typed,
        ),
      );
      const response = await get(app, coding);
      const decoder = decoders[coding]();
      let text = "";
      decoder.on("data", (chunk: Buffer) => {
        text += chunk;
      });
      const reader = response.body!.getReader();
      for (const [at, gate] of gates.entries()) {
        while (!text.endsWith(`piece ${at}, its end; `)) {
          const { value } = await reader.read();
          await new Promise<void>((resolve) => decoder.write(value, () => resolve()));
        }
        gate.resolve();
      }
      for (let end = false; !end; ) {
        const { done, value } = await reader.read();
        if (!done) decoder.write(value);
        end = done;
      }
      decoder.destroy();
    });
  }

  test("of every form", async () => {
    function* generator() {
      for (let at = 0; at < 50; at++) yield Buffer.from(row);
    }
    const forms: readonly (() => unknown)[] = [
      () => new Response(new Blob([row.repeat(50)]).stream(), typed),
      () => generator(),
      () => rows(50),
      () => rows(50)[Symbol.asyncIterator](),
    ];
    for (const [index, form] of forms.entries()) {
      const app = appOf((ctx) => {
        ctx.header("Content-Type", "text/csv");
        return form();
      });
      const response = await get(app, "gzip");
      expect([index, response.headers.get("content-encoding")]).toEqual([index, "gzip"]);
      expect(await decoded(response, "gzip")).toBe(row.repeat(50));
    }
  });

  test("without a Content-Type is known to be text by its first piece", async () => {
    const text = await get(
      appOf(() => rows(50)),
      "gzip",
    );
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await decoded(text, "gzip")).toBe(row.repeat(50));
    for (const source of [
      async function* () {
        yield Buffer.from(row);
      },
      async function* () {},
    ]) {
      const bytes = await get(
        appOf(() => source()),
        "gzip",
      );
      expect(bytes.headers.get("content-encoding")).toBe(null);
      expect([row, ""]).toContain(await bytes.text());
    }
  });

  test("weakens a strong ETag, and drops a promised length", async () => {
    const headers = { ...typed.headers, ETag: '"a"' };
    const app = appOf((ctx) => ctx.stream(rows(50), { headers, length: 50 * row.length }));
    const response = await get(app, "zstd");
    expect(response.headers.get("etag")).toBe('W/"a"');
    expect(response.headers.has("content-length")).toBe(false);
    expect(await decoded(response, "zstd")).toBe(row.repeat(50));
  });

  test("is not read ahead of its client, and ends with it", async () => {
    for (const coding of codings) {
      let made = 0;
      const ended = Promise.withResolvers<void>();
      const app = appOf((ctx) =>
        ctx.stream(
          (async function* () {
            try {
              for (; ; made++) yield crypto.getRandomValues(new Uint8Array(16 * 1024));
            } finally {
              ended.resolve();
            }
          })(),
          typed,
        ),
      );
      const reader = (await get(app, coding)).body!.getReader();
      await reader.read();
      for (let round = 0; round < 50; round++) await new Promise(setImmediate);
      expect(made).toBeLessThan(40);
      await reader.cancel();
      await ended.promise;
    }
  });

  test("is cancelled while its producer pauses", async () => {
    const cancelled = Promise.withResolvers<void>();
    const app = appOf((ctx) =>
      ctx.stream(
        new ReadableStream<string>({
          start: (controller) => controller.enqueue(row),
          cancel: () => cancelled.resolve(),
        }),
        typed,
      ),
    );
    const reader = (await get(app, "br")).body!.getReader();
    await reader.read();
    const waiting = reader.read();
    await new Promise(setImmediate);
    await reader.cancel();
    await cancelled.promise;
    expect((await waiting).done).toBe(true);
  });

  test("that fails breaks off", async () => {
    const app = appOf((ctx) =>
      ctx.stream(
        (async function* () {
          yield row;
          await new Promise(setImmediate);
          throw new TypeError("broken");
        })(),
        typed,
      ),
    );
    const response = await get(app, "gzip");
    expect(await response.text().catch(String)).toContain("broken");
  });
});

describe("left alone", () => {
  const events = { headers: { "Content-Type": "text/event-stream" } };
  const cases: readonly (readonly [string, (ctx: Context) => unknown, RequestInit?])[] = [
    ["short ones", (ctx) => ctx.stream(rows(1), { ...typed, length: row.length })],
    ["other types", (ctx) => ctx.stream(rows(9), { headers: { "Content-Type": "image/png" } })],
    ["events", (ctx) => ctx.stream(rows(9), events)],
    ["encoded ones", (ctx) => ctx.header("Content-Encoding", "x").stream(rows(9), typed)],
    ["no-transform", (ctx) => ctx.header("Cache-Control", "no-transform").stream(rows(9), typed)],
    ["parts", (ctx) => ctx.stream(rows(9), { ...typed, status: 206 })],
    ["for Range", (ctx) => ctx.stream(rows(9), typed), { headers: { Range: "bytes=0-1" } }],
    ["for HEAD", (ctx) => ctx.stream(rows(9), typed), { method: "HEAD" }],
  ];
  for (const [what, handler, init] of cases) {
    test(what, async () => {
      const response = await get(appOf(handler), "gzip", init);
      expect(["x", null]).toContain(response.headers.get("content-encoding"));
      const text = await response.text();
      expect(text.replaceAll(row, "")).toBe("");
    });
  }

  test("events are compressed where they are named", async () => {
    const app = appOf((ctx) => ctx.stream(rows(9), events), { types: ["text/event-stream"] });
    const response = await get(app, "zstd");
    expect(response.headers.get("content-encoding")).toBe("zstd");
    expect(await decoded(response, "zstd")).toBe(row.repeat(9));
  });
});
