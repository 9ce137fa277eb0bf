// The README's first server.
import { Chopin, get } from "chopin";

get("/", () => "Hello from Chopin");
get("/users/:id", ({ params }) => ({ id: params.id }));

const server = await new Chopin().mountAllRoutes().serve("0.0.0.0:8080");
console.log(`Listening on ${server.url}`);
