// Bodies in pieces, both ways, and files: a clock by server-sent events, a table that is made while
// it is sent, uploads that are counted as they come, a form with pictures. PORT from the
// environment, else 8080.
import { join } from "node:path";
import { Chopin } from "chopin";

const site = join(import.meta.dir, "site");
const app = new Chopin();

app.files("/", site, { cacheControl: "no-cache" });

app.get("/clock", (ctx) =>
  ctx.events(async function* () {
    while (!ctx.signal.aborted) {
      yield { event: "tick", data: { time: new Date().toLocaleTimeString() } };
      await Bun.sleep(1000);
    }
  }),
);

app.get("/table.csv", (ctx) => {
  ctx.header("Content-Type", "text/csv; charset=utf-8");
  return ctx.stream(table(Number(ctx.query.rows ?? 10)));
});

function* table(rows: number): Generator<string> {
  yield "number,square\n";
  for (let number = 1; number <= rows; number++) yield `${number},${number * number}\n`;
}

app.post("/upload", { streamBody: true, bodyLimit: Number.POSITIVE_INFINITY }, async (ctx) => {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const chunk of ctx.body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
});

app.post("/form", { bodyLimit: 16 * 1024 * 1024 }, async (ctx) => {
  const form = await ctx.form();
  const pictures = form.getAll("pictures").filter((part) => typeof part !== "string");
  return {
    title: form.get("title"),
    pictures: pictures.map(({ name, type, size }) => ({ name, type, size })),
  };
});

app.get("/download", (ctx) => ctx.file(join(site, "index.html"), { download: "Streams.html" }));

const server = await app.serve({ port: Number(process.env.PORT ?? 8080) });
console.log(`Listening on ${server.url}`);
