// Bun.serve with its native `routes`, as its documentation recommends; validation by hand.
import dataset from "../../data/arena-dataset.json";

const text = (body: string) => new Response(body);

Bun.serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  development: false,
  // Longer than the memory of idle connections takes to measure.
  idleTimeout: 120,
  routes: {
    "/plaintext": { GET: () => text("Hello, World!") },
    "/json": { GET: () => Response.json({ message: "Hello, World!" }) },
    "/constant": new Response("Hello, World!"),
    "/users/:id": { GET: (request) => Response.json({ id: request.params.id }) },
    "/users": {
      POST: async (request) => {
        const user = await request.json();
        if (
          typeof user !== "object" ||
          user === null ||
          typeof user.name !== "string" ||
          user.name.length === 0 ||
          !Number.isInteger(user.age) ||
          user.age < 0 ||
          typeof user.email !== "string"
        ) {
          return Response.json({ ok: false }, { status: 422 });
        }
        return Response.json({ ok: true, name: user.name, age: user.age });
      },
    },
    "/baseline11": {
      GET: (request) => {
        const query = new URL(request.url).searchParams;
        return text(String(Number(query.get("a")) + Number(query.get("b"))));
      },
    },
    "/pipeline": { GET: () => text("ok") },
    "/json/:count": {
      GET: (request) => {
        const count = Math.min(Number(request.params.count), dataset.length);
        const multiplier = Number(new URL(request.url).searchParams.get("m") ?? 1);
        const items = dataset.slice(0, count).map((item) => ({
          ...item,
          total: item.price * item.quantity * multiplier,
        }));
        return Response.json({ items, count });
      },
    },
  },
  fetch: () => new Response("Not Found", { status: 404 }),
});
