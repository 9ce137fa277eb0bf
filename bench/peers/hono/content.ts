// Hono on Bun with its own middleware: serve-static with variants, and compress, whose
// CompressionStream has zlib's default level (6).
import { Hono } from "hono";
import { serveStatic } from "hono/bun";
import { compress } from "hono/compress";
import { stream } from "hono/streaming";
import dataset from "../../data/arena-dataset.json";

const root = process.env.BENCH_FILES ?? ".";
const piece = new Uint8Array(64 * 1024).fill(120);

const app = new Hono();

app.use("/files/*", serveStatic({ root }));
app.use("/static/*", serveStatic({ root, precompressed: true }));
app.get("/compressed/:count", compress({ encoding: "gzip" }), (c) => {
  const count = Math.min(Number(c.req.param("count")), dataset.length);
  const multiplier = Number(c.req.query("m") ?? 1);
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return c.json({ items, count });
});
app.post("/upload", async (c) => {
  let bytes = 0;
  const { body } = c.req.raw;
  if (body !== null) for await (const chunk of body) bytes += chunk.length;
  return c.text(String(bytes));
});
app.get("/stream", (c) => {
  c.header("Content-Type", "application/octet-stream");
  return stream(c, async (out) => {
    for (let sent = 0; sent < 16; sent++) await out.write(piece);
  });
});

Bun.serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  development: false,
  fetch: app.fetch,
});
