// The small endpoints of `examples/target.ts` while everything is counted.
import { Chopin } from "chopin";

const app = new Chopin().metrics();
app.get("/plaintext", () => "Hello, World!");
app.get("/json", () => ({ message: "Hello, World!" }));
app.get("/constant", "Hello, World!");
app.get("/pipeline", () => "ok");

const port = Number(process.env.PORT ?? 8080);
const server = await app.serve({ hostname: "0.0.0.0", port });
console.log(`Listening on ${server.url}`);
