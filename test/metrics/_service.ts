/** A service of two workers with metrics and health on a port of their own. */
import { Chopin } from "../../src/index.ts";

const port = Number(process.argv[2]);
const app = new Chopin()
  .metrics({ port })
  .health({ port })
  .get("/", () => process.pid);
const server = await app.serve({ hostname: "127.0.0.1", port: 0, workers: 2 });
console.log(JSON.stringify({ url: server.url, pid: process.pid }));
