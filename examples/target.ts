// The endpoints that `bench/` measures: HttpArena's and TechEmpower's classics. PORT from the
// environment, else 8080.
import { Chopin, t } from "chopin";
import dataset from "../bench/data/arena-dataset.json";

const app = new Chopin();

app.get("/plaintext", () => "Hello, World!");
app.get("/json", () => ({ message: "Hello, World!" }));
app.get("/constant", "Hello, World!");
app.get("/users/:id", (ctx) => ({ id: ctx.params.id }));

const User = t.Object({
  name: t.String({ minLength: 1 }),
  age: t.Integer({ minimum: 0 }),
  email: t.String(),
});
const Created = t.Object({ ok: t.Boolean(), name: t.String(), age: t.Integer() });
app.post("/users", { body: User, response: Created }, ({ body: { name, age } }) => ({
  ok: true,
  name,
  age,
}));

app.get("/async", async () => {
  await Bun.sleep(1);
  return { message: "Hello, World!" };
});

const sum = (query: { readonly a?: string; readonly b?: string }) =>
  Number(query.a) + Number(query.b);

app.get("/baseline11", (ctx) => String(sum(ctx.query)));
app.post("/baseline11", (ctx) => String(sum(ctx.query) + Number(ctx.text())));
app.get("/pipeline", () => "ok");

app.get("/json/:count", (ctx) => {
  const count = Math.min(Number(ctx.params.count), dataset.length);
  const multiplier = Number(ctx.query.m ?? 1);
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return { items, count };
});

app.post("/upload", { bodyLimit: 32 * 1024 * 1024 }, (ctx) => String(ctx.bytes().byteLength));

const server = await app.serve({ hostname: "0.0.0.0", port: Number(process.env.PORT ?? 8080) });
console.log(`Listening on ${server.url}`);
