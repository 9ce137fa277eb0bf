/**
 * `app.metrics()`: what is counted while an application serves, for Prometheus and whoever reads
 * its format. Counting itself is native; see `zig/metrics.zig`. Called by `reporting.ts`; the
 * server is handed over by `metrics/operations.ts`.
 */
import type { Context, Params, State } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { familiesOf } from "./metrics/families.ts";
import { checkPath, checkPlace, type OperationsPlace } from "./metrics/place.ts";
import type { MetricsSnapshot } from "./metrics/snapshot.ts";
import { contentTypeOf, formatFor, metricsText } from "./metrics/text.ts";
import type { Middleware } from "./route.ts";

/** Options of `app.metrics`. */
export interface MetricsOptions<S extends object = State> {
  /** "/metrics" unless told. */
  readonly path?: string;
  /** A port of its own, which the application's middleware and limits do not touch. */
  readonly port?: number;
  /** Where that port listens; "127.0.0.1" unless told. */
  readonly hostname?: string;
  /** Bounds of the duration histograms in seconds, rising; 0.1 ms to 10 s unless told. */
  readonly buckets?: readonly number[];
  /** Middleware of the route, such as `basicAuth`; not with a port of its own. */
  readonly use?: Middleware<S> | readonly Middleware<S>[];
}

const boundsUsual: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** More would make each route's text longer than anybody reads. */
const boundsMost = 64;

export class Metrics {
  readonly path: string;
  /** Undefined: on the application itself. */
  readonly place: OperationsPlace | undefined;
  readonly #bounds: readonly number[];
  /** Of the server that counts; undefined while there is none. */
  source: { read(): MetricsSnapshot } | undefined;

  /** @throws ChopinError `invalid_option`. */
  constructor(options: MetricsOptions<never>) {
    const { path = "/metrics", buckets = boundsUsual, use } = options;
    this.path = checkPath("metrics: path", path);
    this.place = checkPlace("metrics", options);
    if (this.place !== undefined && use !== undefined) {
      throw fault("use is middleware of the application, and its own port has none");
    }
    this.#bounds = checkBounds(buckets);
  }

  /** The text for an Accept field. */
  text(accept: string | undefined): { readonly body: string; readonly type: string } {
    const format = formatFor(accept);
    const snapshot = this.source?.read();
    const families = snapshot === undefined ? [] : familiesOf(snapshot, this.#bounds);
    const body = metricsText(families, snapshot?.version, format);
    return { body, type: contentTypeOf[format] };
  }

  /** The handler of the route. */
  answer(ctx: Context<Params, object>): unknown {
    const { body, type } = this.text(ctx.header("accept"));
    const headers = { "Content-Type": type, Vary: "Accept", "Cache-Control": "no-store" };
    return ctx.text(body, { headers });
  }

  /** The same on a port of its own. */
  respond(request: Request): Response {
    const { body, type } = this.text(request.headers.get("accept") ?? undefined);
    return new Response(body, { headers: { "Content-Type": type, "Cache-Control": "no-store" } });
  }
}

function checkBounds(bounds: readonly number[]): readonly number[] {
  const rising = (bound: number, index: number) => bound > (index === 0 ? 0 : bounds[index - 1]!);
  const fine =
    Array.isArray(bounds) &&
    bounds.length <= boundsMost &&
    bounds.every((bound, index) => Number.isFinite(bound) && rising(bound, index));
  if (fine) return [...bounds];
  throw fault(`buckets are at most ${boundsMost} numbers of seconds, rising`);
}

function fault(text: string): ChopinError {
  return new ChopinError("invalid_option", `metrics: ${text}.`);
}
