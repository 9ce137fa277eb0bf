// Fastify on Node without a logger; JSON schemas for bodies and answers, as its documentation
// recommends for speed.
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const dataset = JSON.parse(
  readFileSync(new URL("../../data/arena-dataset.json", import.meta.url), "utf8"),
);

const answer = (properties) => ({
  response: { 200: { type: "object", properties } },
});
const string = { type: "string" };
const integer = { type: "integer" };

const app = Fastify({ logger: false });

app.get("/plaintext", (_request, reply) => {
  reply.type("text/plain; charset=utf-8").send("Hello, World!");
});
app.get("/json", { schema: answer({ message: string }) }, (_request, reply) => {
  reply.send({ message: "Hello, World!" });
});
app.get("/users/:id", { schema: answer({ id: string }) }, (request, reply) => {
  reply.send({ id: request.params.id });
});
app.post(
  "/users",
  {
    schema: {
      body: {
        type: "object",
        required: ["name", "age", "email"],
        properties: {
          name: { type: "string", minLength: 1 },
          age: { type: "integer", minimum: 0 },
          email: string,
        },
      },
      ...answer({ ok: { type: "boolean" }, name: string, age: integer }),
    },
  },
  (request, reply) => {
    reply.send({ ok: true, name: request.body.name, age: request.body.age });
  },
);
app.get("/baseline11", (request, reply) => {
  const sum = Number(request.query.a) + Number(request.query.b);
  reply.type("text/plain; charset=utf-8").send(String(sum));
});
app.get("/pipeline", (_request, reply) => {
  reply.type("text/plain; charset=utf-8").send("ok");
});
const item = {
  type: "object",
  properties: {
    id: integer,
    name: string,
    category: string,
    price: { type: "number" },
    quantity: integer,
    active: { type: "boolean" },
    tags: { type: "array", items: string },
    rating: { type: "object", properties: { score: { type: "number" }, count: integer } },
    total: { type: "number" },
  },
};
app.get(
  "/json/:count",
  { schema: answer({ items: { type: "array", items: item }, count: integer }) },
  (request, reply) => {
    const count = Math.min(Number(request.params.count), dataset.length);
    const multiplier = Number(request.query.m ?? 1);
    const items = dataset.slice(0, count).map((entry) => ({
      ...entry,
      total: entry.price * entry.quantity * multiplier,
    }));
    reply.send({ items, count });
  },
);
app.setErrorHandler((error, _request, reply) => {
  const status = error.validation ? 422 : (error.statusCode ?? 500);
  reply.code(status).send({ ok: false });
});

await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
