// Elysia with its static plugin. It has no variants and no compression of its own: both are the
// hooks that its documentation shows, gzip at level 6.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { staticPlugin } from "@elysiajs/static";
import { Elysia } from "elysia";
import dataset from "../../data/arena-dataset.json";

const root = process.env.BENCH_FILES ?? ".";
const variants = new Set(readdirSync(join(root, "static")));
const piece = new Uint8Array(64 * 1024).fill(120);

const compression = new Elysia()
  .mapResponse(({ responseValue, headers, set }) => {
    if (!headers["accept-encoding"]?.includes("gzip")) return;
    const text = JSON.stringify(responseValue);
    if (text.length < 1024) return;
    set.headers["content-encoding"] = "gzip";
    set.headers.vary = "Accept-Encoding";
    return new Response(gzipSync(text, { level: 6 }), {
      headers: { "content-type": "application/json" },
    });
  })
  .get("/compressed/:count", ({ params, query }) => {
    const count = Math.min(Number(params.count), dataset.length);
    const multiplier = Number(query.m ?? 1);
    const items = dataset.slice(0, count).map((item) => ({
      ...item,
      total: item.price * item.quantity * multiplier,
    }));
    return { items, count };
  });

const app = new Elysia()
  .onRequest(({ request }) => {
    const at = request.url.indexOf("/static/", 8);
    if (at < 0) return;
    const name = request.url.slice(at + 8);
    const accept = request.headers.get("accept-encoding") ?? "";
    const coding =
      accept.includes("br") && variants.has(`${name}.br`)
        ? "br"
        : accept.includes("gzip") && variants.has(`${name}.gz`)
          ? "gzip"
          : undefined;
    if (coding === undefined) return;
    const path = join(root, "static", name);
    return new Response(Bun.file(`${path}.${coding === "br" ? "br" : "gz"}`), {
      headers: {
        "content-type": Bun.file(path).type,
        "content-encoding": coding,
        vary: "Accept-Encoding",
      },
    });
  })
  .use(staticPlugin({ assets: join(root, "files"), prefix: "/files" }))
  .use(staticPlugin({ assets: join(root, "static"), prefix: "/static" }))
  .use(compression)
  .post(
    "/upload",
    async ({ request }) => {
      let bytes = 0;
      if (request.body !== null) for await (const chunk of request.body) bytes += chunk.length;
      return String(bytes);
    },
    { parse: "none" },
  )
  .get("/stream", async function* ({ set }) {
    set.headers["content-type"] = "application/octet-stream";
    for (let sent = 0; sent < 16; sent++) yield piece;
  });

// The static plugin lists its folders asynchronously: without this the first answers are 404.
await app.modules;
app.listen({ port: Number(process.env.PORT), hostname: "127.0.0.1" });
