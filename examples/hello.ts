// The README's first server.
import { Chopin, get } from "chopin";

get("/", () => "Hello from Chopin");
get("/users/:id", ({ params }) => ({ id: params.id }));

const { port } = await new Chopin().mountAllRoutes().serve("0.0.0.0:8080");
console.log(`http://localhost:${port}`);
