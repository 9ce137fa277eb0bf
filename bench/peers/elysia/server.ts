// Elysia with ahead-of-time compiled handlers (its default) and schemas in its own `t`.
import { Elysia, t } from "elysia";
import dataset from "../../data/arena-dataset.json";

new Elysia()
  .get("/plaintext", () => "Hello, World!")
  .get("/json", () => ({ message: "Hello, World!" }))
  .get("/constant", "Hello, World!")
  .get("/users/:id", ({ params }) => ({ id: params.id }))
  .post("/users", ({ body }) => ({ ok: true, name: body.name, age: body.age }), {
    body: t.Object({
      name: t.String({ minLength: 1 }),
      age: t.Integer({ minimum: 0 }),
      email: t.String(),
    }),
  })
  .get("/baseline11", ({ query }) => String(Number(query.a) + Number(query.b)))
  .get("/pipeline", () => "ok")
  .get("/json/:count", ({ params, query }) => {
    const count = Math.min(Number(params.count), dataset.length);
    const multiplier = Number(query.m ?? 1);
    const items = dataset.slice(0, count).map((item) => ({
      ...item,
      total: item.price * item.quantity * multiplier,
    }));
    return { items, count };
  })
  .listen({ port: Number(process.env.PORT), hostname: "127.0.0.1" });
