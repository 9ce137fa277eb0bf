/** Counts what is uploaded, and says how much memory it has: `memory.test.ts` starts it. */
import { Chopin } from "../../src/index.ts";

const streamed = { streamBody: true, bodyLimit: Number.POSITIVE_INFINITY } as const;

const server = await new Chopin()
  .post("/count", streamed, async (ctx) => {
    let count = 0;
    for await (const piece of ctx.body) count += piece.length;
    return String(count);
  })
  .post("/echo", streamed, (ctx) => ctx.body)
  .get("/memory", () => process.memoryUsage.rss())
  .serve("127.0.0.1:0");
console.log(server.port);
