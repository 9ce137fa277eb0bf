/**
 * A port for metrics and health alone. It is not the server that is measured: its requests are not
 * counted, and neither limits nor a busy queue of that server stand before it.
 */
import { type ProblemCode, problemBody } from "../errors.ts";
import type { OperationsPlace } from "./place.ts";

/** Who answers for a path. */
export type Paths = Map<string, (request: Request) => Response | Promise<Response>>;

export class OperationsListener {
  readonly #server: Bun.Server<undefined>;
  #paths: Paths;

  /**
   * `shared`: other workers listen there too, and any of them answers for all.
   *
   * @throws Error with `code` when the address cannot be bound.
   */
  constructor({ hostname, port }: OperationsPlace, paths: Paths, shared: boolean) {
    this.#paths = paths;
    this.#server = Bun.serve({
      hostname,
      port,
      reusePort: shared,
      fetch: (request) => this.#answer(request),
    });
    // The application's own server keeps the process alive, as long as it is to live.
    this.#server.unref();
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  replace(paths: Paths): void {
    this.#paths = paths;
  }

  close(): void {
    this.#server.stop(true);
  }

  #answer(request: Request): Response | Promise<Response> {
    const answer = this.#paths.get(new URL(request.url).pathname);
    if (answer === undefined) return refusal(404, "not_found");
    if (request.method === "GET" || request.method === "HEAD") return answer(request);
    const refused = refusal(405, "method_not_allowed");
    refused.headers.set("Allow", "GET, HEAD");
    return refused;
  }
}

function refusal(status: number, code: ProblemCode): Response {
  const headers = { "Content-Type": "application/problem+json" };
  return new Response(problemBody(status, code), { status, headers });
}
