/**
 * `bun run demo`: starts the example API and prints what to open and try. PORT chooses the port.
 */
import { address } from "../examples/api.ts";

console.log(`Chopin's example API runs at ${address}: open it in a browser, or try

  curl ${address}/notes
  curl ${address}/notes/1
  curl -X POST ${address}/notes -d '{"text":"play it"}'
  curl -i -X PUT ${address}/notes

Its source is examples/api.ts. Ctrl+C stops it.`);
