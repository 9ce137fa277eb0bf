// The smallest Bun.serve server, for the time to its first answer.
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  development: false,
  routes: { "/json": { GET: () => Response.json({ message: "Hello, World!" }) } },
});
