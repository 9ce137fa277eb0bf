/** `bun run demo`: starts the example API and prints what to open and try. */
import { join } from "node:path";
import { root } from "./setup.ts";

process.env.PORT ??= "8080";
const { address } = (await import(
  join(root, "examples/api.ts")
)) as typeof import("../examples/api.ts");

console.log(`Chopin's example API runs at ${address}
Open it in a browser, or try:

  curl ${address}/notes
  curl ${address}/notes/1
  curl -X POST ${address}/notes -H 'content-type: application/json' -d '{"text":"play it"}'
  curl -i -X PUT ${address}/notes

Its source is examples/api.ts. Ctrl+C stops it.`);
