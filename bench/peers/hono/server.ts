// Hono on Bun, with its own validator middleware over Zod.
import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { z } from "zod";
import dataset from "../../data/arena-dataset.json";

const user = z.object({
  name: z.string().min(1),
  age: z.number().int().min(0),
  email: z.string(),
});

const app = new Hono();

app.get("/plaintext", (c) => c.text("Hello, World!"));
app.get("/json", (c) => c.json({ message: "Hello, World!" }));
app.get("/users/:id", (c) => c.json({ id: c.req.param("id") }));
app.post(
  "/users",
  zValidator("json", user, (result, c) => {
    if (!result.success) return c.json({ ok: false }, 422);
  }),
  (c) => {
    const body = c.req.valid("json");
    return c.json({ ok: true, name: body.name, age: body.age });
  },
);
app.get("/baseline11", (c) => c.text(String(Number(c.req.query("a")) + Number(c.req.query("b")))));
app.get("/pipeline", (c) => c.text("ok"));
app.get("/json/:count", (c) => {
  const count = Math.min(Number(c.req.param("count")), dataset.length);
  const multiplier = Number(c.req.query("m") ?? 1);
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return c.json({ items, count });
});

Bun.serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  development: false,
  fetch: app.fetch,
});
