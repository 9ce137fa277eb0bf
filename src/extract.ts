/**
 * Extractors: reusable pieces of handlers, such as the user of a session or the page of a list,
 * that a route names in its options. `schema/route-step.ts` runs them before the handler.
 */
import type { Context } from "./context.ts";
import { ChopinError } from "./errors.ts";
import { callerPlace } from "./route.ts";
import type { SecurityRequirements } from "./route-options.ts";
import type { Part, Responses, Validated } from "./schema/types.ts";

/** What an extractor takes out of requests, and what it adds to the OpenAPI document. */
export interface ExtractOptions<
  P extends Part = Part,
  Q extends Part = Part,
  H extends Part = Part,
  C extends Part = Part,
  X extends Extractors = Extractors,
> {
  /** Schema of captures that routes must have. */
  readonly params?: P;
  /** Schema of query fields; those of a route and of its other extractors are left alone. */
  readonly query?: Q;
  /** Schema of fields by lower-case name. */
  readonly headers?: H;
  /** Schema of cookies. */
  readonly cookies?: C;
  /** Extractors that this one builds on; each runs once for a request. */
  readonly extract?: X;
  /** Answers that it may give instead of the handler, by status: for the document. */
  readonly response?: Responses;
  /** What the document says of who may call routes with this extractor. */
  readonly security?: SecurityRequirements;
}

/** Validated parts of one request, as an extractor gets them; undefined without a schema. */
export interface ExtractedParts<P, Q, H, C, X> {
  readonly params: Validated<P, undefined>;
  readonly query: Validated<Q, undefined>;
  readonly headers: Validated<H, undefined>;
  readonly cookies: Validated<C, undefined>;
  /** What the extractors found that this one builds on. */
  readonly extracted: Extracted<X>;
}

/** An extractor that finds a `V`. See `extract`. */
export class Extractor<V> {
  readonly options: ExtractOptions;
  /** File, line and column of its declaration. */
  readonly place: string;
  /** @internal */
  readonly run: (parts: ExtractedParts<Part, Part, Part, Part, Extractors>, ctx: Context) => V;

  /** @internal */
  constructor(options: ExtractOptions, run: Extractor<V>["run"], place: string) {
    this.options = options;
    this.run = run;
    this.place = place;
  }
}

/** Extractors of a route by the names under which its handler gets what they find. */
export type Extractors = Readonly<Record<string, Extractor<unknown>>>;

/** What extractors find, by name. */
export type Extracted<X> = {
  readonly [Name in keyof X]: X[Name] extends Extractor<infer V> ? Awaited<V> : never;
};

/**
 * Declares an extractor. `run` is given the validated parts and the context, and gives what the
 * handler gets, now or later; it refuses a request by throwing an `HTTPError`. Extractors run in
 * the order of the options, before the schemas of the route.
 *
 * @throws ChopinError `invalid_route` when there is no function.
 * @example
 * const pagination = extract(
 *   { query: t.Object({ page: t.Integer({ minimum: 1, default: 1 }) }) },
 *   ({ query }) => ({ offset: (query.page - 1) * 20, limit: 20 }),
 * );
 * get("/users", { extract: { page: pagination } }, (_, { page }) => listUsers(page));
 */
export function extract<
  V,
  P extends Part = undefined,
  Q extends Part = undefined,
  H extends Part = undefined,
  C extends Part = undefined,
  X extends Extractors = Readonly<Record<never, never>>,
>(
  options: ExtractOptions<P, Q, H, C, X>,
  run: (parts: ExtractedParts<P, Q, H, C, X>, ctx: Context) => V,
): Extractor<V> {
  const place = callerPlace();
  if (typeof run !== "function" || typeof options !== "object" || options === null) {
    throw new ChopinError("invalid_route", `An extractor has options and a function (${place}).`);
  }
  return new Extractor(options, run as unknown as Extractor<V>["run"], place);
}
