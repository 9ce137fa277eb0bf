// What is attacked: prints its port, and serves until it is killed. Options as JSON.
import { Chopin, type ServeOptions } from "../../src/index.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as ServeOptions;
const large = "x".repeat(256 * 1024);
const app = new Chopin()
  .get("/", () => "good")
  .get("/large", () => large)
  .post("/", (ctx) => `${ctx.text().length}`);
const server = await app.serve({ hostname: "127.0.0.1", port: 0, ...options });
console.log(server.port);
