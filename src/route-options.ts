/**
 * Options of routes, and the types of handlers that follow from them. Each part of a request is one
 * type parameter and each route stands for itself: nothing is accumulated from call to call, which
 * is what makes editors slow.
 */
import type { Answer, OtherAnswer } from "./answer.ts";
import type { BodyStream, Context, RequestCookies, State } from "./context.ts";
import type { Extracted, Extractors } from "./extract.ts";
import type { RequestHeaders } from "./headers.ts";
import type { Query } from "./query.ts";
import type { Constant, Handler, Middleware, ParamsOf } from "./route.ts";
import type { Part, Responses, Schema, Sent, Validated } from "./schema/types.ts";
import type { Success } from "./status-types.ts";

/** Names of security schemes and the scopes that are asked of each: one of the list is enough. */
export type SecurityRequirements = readonly Readonly<Record<string, readonly string[]>>[];

/** What the OpenAPI document says of a route beside its schemas. */
export interface RouteDocumentation {
  /** A line on what the route does. */
  readonly summary?: string;
  /** More than a line, in CommonMark. */
  readonly description?: string;
  readonly tags?: readonly string[];
  /** A name that no other route has, for code that is generated from the document. */
  readonly operationId?: string;
  readonly deprecated?: boolean;
  readonly security?: SecurityRequirements;
  /** Leaves the route out of the document. */
  readonly hidden?: boolean;
}

/** Options of a route that no type follows from. */
export interface RouteSettings<S extends object = State> extends RouteDocumentation {
  /**
   * Bytes of a request body that are accepted; larger ones get 413. The default is the server's.
   */
  readonly bodyLimit?: number;
  /**
   * The handler takes the body as it comes, by `ctx.body`, and runs as soon as the head is there.
   * Nothing is read from the client before the handler asks. `bodyLimit` may then be `Infinity`.
   */
  readonly streamBody?: boolean;
  /** Middleware of this route alone, inside that of the application. */
  readonly use?: Middleware<S> | readonly Middleware<S>[];
  /** A name for listings. */
  readonly name?: string;
}

/** Options of a route, written before its handler. See `docs/schemas.md`. */
export interface RouteOptions<
  S extends object = State,
  P extends Part = Part,
  Q extends Part = Part,
  H extends Part = Part,
  C extends Part = Part,
  B extends Part = Part,
  R extends Responses = Responses,
  X extends Extractors = Extractors,
> extends RouteSettings<S> {
  /** Schema of the captures: `ctx.params` is its value. */
  readonly params?: P;
  /** Schema of the query: `ctx.query` is its value. */
  readonly query?: Q;
  /** Schema of fields by lower-case name: `ctx.headers` is its value. */
  readonly headers?: H;
  /** Schema of cookies: `ctx.cookies` is its value. */
  readonly cookies?: C;
  /** Schema of a JSON body: `ctx.body` is its value. */
  readonly body?: B;
  /** Schema of the answer, or schemas by status; null: an answer without a body. */
  readonly response?: R;
  /** Extractors: what they find is the second argument of the handler. */
  readonly extract?: X;
}

/** What the handler of a route with options is called with. */
export interface RouteContext<Path extends string, S extends object, P, Q, H, C, B>
  extends Context<
    Validated<P, ParamsOf<Path>>,
    S,
    Validated<Q, Query>,
    Validated<H, RequestHeaders>,
    Validated<C, RequestCookies>,
    Validated<B, BodyStream>
  > {}

/** The handler of a route with options. */
export type TypedHandler<Path extends string, S extends object, P, Q, H, C, B, R, X> = (
  ctx: RouteContext<Path, S, P, Q, H, C, B>,
  extracted: Extracted<X>,
) => Returns<R>;

/** What a handler may return: anything without a schema, otherwise what one of them describes. */
export type Returns<R> = R extends undefined ? unknown : Fitting<R> | Promise<Fitting<R>>;

type Fitting<R> =
  | (R extends Schema ? Sent<R, never> | Answer<Success, Sent<R, never>> : FittingOne<R>)
  | OtherAnswer
  | Response;

/** One of the answers by status; one of success may be the value alone. */
type FittingOne<R> = {
  [Status in keyof R]: Status extends Success
    ? BodyFor<R[Status], Status> | Answer<Status, BodyFor<R[Status], Status>>
    : Answer<Status & number, BodyFor<R[Status], Status>>;
}[keyof R];

/** What the schema of one status takes; answers without a body are null or nothing. */
type BodyFor<T, Status> =
  | Sent<T, null | undefined>
  | (Status extends 204 | 205 | 304 ? null | undefined : never);

/**
 * Declares a route of one method on an application: path, options if there are any, then a handler
 * or a constant answer.
 */
export interface Declare<S extends object, Result> {
  <const Path extends string>(path: Path, answer: Handler<Path, S> | Constant): Result;
  <
    const Path extends string,
    P extends Part = undefined,
    Q extends Part = undefined,
    H extends Part = undefined,
    C extends Part = undefined,
    B extends Part = undefined,
    R extends Responses = undefined,
    X extends Extractors = Readonly<Record<never, never>>,
  >(
    path: Path,
    options: RouteOptions<S, P, Q, H, C, B, R, X>,
    answer: TypedHandler<Path, S, P, Q, H, C, B, R, X> | Constant,
  ): Result;
}
