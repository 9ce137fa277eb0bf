// The smallest Chopin server, for the time to its first answer.
import { Chopin } from "../../src/index.ts";

await new Chopin()
  .get("/json", () => ({ message: "Hello, World!" }))
  .serve({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
