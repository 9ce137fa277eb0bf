// Answers any method on any path with the request's body.
import { Chopin } from "chopin";

const app = new Chopin();
app.all("/*", (ctx) => ctx.bytes(ctx.bytes()));

const server = await app.serve({
  port: Number(process.env.PORT ?? 8080),
  bodyLimit: 64 * 1024 * 1024,
});
console.log(`Listening on ${server.url}`);
