/** Finds everybody who may publish on an application. Called by `app.ts` when it serves. */
import type { Definition } from "../definition.ts";
import type { Audience } from "./audience.ts";
import { endpointOf } from "./endpoint.ts";

/** The audiences of an application, of all that is in it, and of its WebSockets. */
export function audiencesIn(definition: Definition): Set<Audience> {
  const found = new Set<Audience>();
  collect(definition);
  return found;

  function collect(within: Definition): void {
    found.add(within.audience);
    for (const entry of within.entries) {
      if (entry.type === "nest" || entry.type === "merge") collect(entry.definition);
      if (entry.type !== "route") continue;
      const endpoint = endpointOf(entry.route.answer);
      if (endpoint !== undefined) found.add(endpoint.audience);
    }
  }
}
