/**
 * `bun run demo`: starts the example API and prints what to open and try. PORT chooses the port.
 */
import { server } from "../examples/api.ts";

const { url } = server;

console.log(`Chopin's example API runs at ${url} : open it in a browser, or ${url}docs,
where each of its routes can be tried. Or

  curl ${url}notes
  curl ${url}notes/1
  curl ${url}notes -H 'Content-Type: application/json' -d '{"text":"play it"}'
  curl ${url}notes -H 'Content-Type: application/json' -d '{"text":""}'
  curl -i -X PUT ${url}notes

Its source is examples/api.ts. Ctrl+C stops it.`);
