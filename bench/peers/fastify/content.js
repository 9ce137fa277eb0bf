// Fastify on Node without a logger: bodies as streams of Node.
import { Readable } from "node:stream";
import Fastify from "fastify";

const app = Fastify({ logger: false, bodyLimit: 32 * 1024 * 1024 });
const piece = new Uint8Array(64 * 1024).fill(120);

async function* pieces() {
  for (let sent = 0; sent < 16; sent++) yield piece;
}

app.addContentTypeParser("application/octet-stream", (_request, payload, done) => {
  done(null, payload);
});
app.post("/upload", async (request, reply) => {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  reply.type("text/plain; charset=utf-8");
  return String(bytes);
});
app.get("/stream", (_request, reply) => {
  reply.type("application/octet-stream").send(Readable.from(pieces(), { objectMode: false }));
});

await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
