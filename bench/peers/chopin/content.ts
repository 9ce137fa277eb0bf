// Chopin with bodies of all kinds; compression is gzip alone, level 6, as in the others.
import { join } from "node:path";
import { Chopin } from "chopin";
import { compress } from "chopin/middleware";
import dataset from "../../data/arena-dataset.json";

const root = process.env.BENCH_FILES ?? ".";
const piece = new Uint8Array(64 * 1024).fill(120);

async function* pieces() {
  for (let sent = 0; sent < 16; sent++) yield piece;
}

const app = new Chopin();

app.files("/files", join(root, "files"));
app.files("/static", join(root, "static"));
app.get("/compressed/:count", { use: compress({ codings: ["gzip"] }) }, (ctx) => {
  const count = Math.min(Number(ctx.params.count), dataset.length);
  const multiplier = Number(ctx.query.m ?? 1);
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return { items, count };
});
app.post("/upload", { streamBody: true, bodyLimit: 32 * 1024 * 1024 }, async (ctx) => {
  let bytes = 0;
  for await (const chunk of ctx.body) bytes += chunk.length;
  return String(bytes);
});
app.get("/stream", (ctx) =>
  ctx.stream(pieces(), { headers: { "Content-Type": "application/octet-stream" } }),
);

await app.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
