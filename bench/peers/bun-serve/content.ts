// Bun.serve with bodies of all kinds. Files without variants are native file routes; which variant
// of the others goes out is chosen by hand, as is compression (gzip, level 6).
import { readdirSync } from "node:fs";
import { join } from "node:path";
import dataset from "../../data/arena-dataset.json";

const folder = process.env.BENCH_FILES ?? ".";
const octets = { "Content-Type": "application/octet-stream" };

const plain = readdirSync(join(folder, "files"));
const fileRoutes = Object.fromEntries(
  plain.map((name) => [`/files/${name}`, new Response(Bun.file(join(folder, "files", name)))]),
);

const variants = new Set(readdirSync(join(folder, "static")));

function staticFile(name: string, accept: string): Response {
  const file = Bun.file(join(folder, "static", name));
  if (!variants.has(name)) return new Response("Not Found", { status: 404 });
  const coding =
    accept.includes("br") && variants.has(`${name}.br`)
      ? "br"
      : accept.includes("gzip") && variants.has(`${name}.gz`)
        ? "gzip"
        : undefined;
  if (coding === undefined) return new Response(file);
  const variant = Bun.file(join(folder, "static", `${name}.${coding === "br" ? "br" : "gz"}`));
  return new Response(variant, {
    headers: { "Content-Type": file.type, "Content-Encoding": coding, Vary: "Accept-Encoding" },
  });
}

const piece = new Uint8Array(64 * 1024).fill(120);

async function* pieces() {
  for (let sent = 0; sent < 16; sent++) yield piece;
}

Bun.serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  development: false,
  routes: {
    ...fileRoutes,
    "/static/:name": {
      GET: (request) =>
        staticFile(request.params.name, request.headers.get("accept-encoding") ?? ""),
    },
    "/compressed/:count": {
      GET: (request) => {
        const count = Math.min(Number(request.params.count), dataset.length);
        const multiplier = Number(new URL(request.url).searchParams.get("m") ?? 1);
        const items = dataset.slice(0, count).map((item) => ({
          ...item,
          total: item.price * item.quantity * multiplier,
        }));
        const accept = request.headers.get("accept-encoding") ?? "";
        if (!accept.includes("gzip")) return Response.json({ items, count });
        const body = Bun.gzipSync(JSON.stringify({ items, count }), { level: 6 });
        return new Response(body, {
          headers: {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            Vary: "Accept-Encoding",
          },
        });
      },
    },
    "/upload": {
      POST: async (request) => {
        let bytes = 0;
        if (request.body !== null) for await (const chunk of request.body) bytes += chunk.length;
        return new Response(String(bytes));
      },
    },
    "/stream": { GET: () => new Response(pieces(), { headers: octets }) },
  },
  fetch: () => new Response("Not Found", { status: 404 }),
});
