// Serves one route and says where.
import { Chopin } from "../../src/index.ts";

const server = await new Chopin().get("/", () => "awake").serve("127.0.0.1:0");
console.log(server.port);
