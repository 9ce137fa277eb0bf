/**
 * Routes as values that carry their types: what the functions of `discovery.ts` return, and the
 * flat map that a typed client is made from.
 */
import type { Answer, EventsAnswer } from "./answer.ts";
import type { State } from "./context.ts";
import type { Extractors } from "./extract.ts";
import type { FileReference } from "./files.ts";
import type { Constant, Handler, ParamsOf, RouteDeclaration } from "./route.ts";
import type { RouteOptions, TypedHandler } from "./route-options.ts";
import type { Part, Responses, Schema, Sent, Validated } from "./schema/types.ts";
import type { Success } from "./status-types.ts";
import type { StreamSource } from "./stream.ts";

/** The schemas of a route as they were given; nothing is computed from them until it is asked. */
export interface RouteTypes<P, Q, H, C, B, R, A> {
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly cookies: C;
  readonly body: B;
  readonly response: R;
  /** The handler, or the constant answer. */
  readonly answer: A;
}

type NoTypes<A> = RouteTypes<undefined, undefined, undefined, undefined, undefined, undefined, A>;

/** A route as a value. Export it for `RoutesOf`, or give it to `app.mount`. */
export class Route<Method extends string, Path extends string, Types> {
  readonly method: Method;
  readonly path: Path;
  /** For the compiler alone. */
  declare readonly types?: Types;
  /** For the compiler alone: what `chopin/client` makes its types of. */
  declare readonly shape?: RouteShape<Path, Types>;
  /** @internal */
  readonly declaration: RouteDeclaration;

  /** @internal */
  constructor(declaration: RouteDeclaration) {
    this.method = declaration.method as Method;
    this.path = declaration.path as Path;
    this.declaration = declaration;
  }
}

/** Declares a route of one method that stands for itself. */
export interface DeclareRoute<Method extends string> {
  <const Path extends string, A extends Handler<Path, State> | Constant>(
    path: Path,
    answer: A,
  ): Route<Method, Path, NoTypes<A>>;
  <
    const Path extends string,
    A extends TypedHandler<Path, State, P, Q, H, C, B, R, X> | Constant,
    P extends Part = undefined,
    Q extends Part = undefined,
    H extends Part = undefined,
    C extends Part = undefined,
    B extends Part = undefined,
    R extends Responses = undefined,
    X extends Extractors = Readonly<Record<never, never>>,
  >(
    path: Path,
    options: RouteOptions<State, P, Q, H, C, B, R, X>,
    answer: A,
  ): Route<Method, Path, RouteTypes<P, Q, H, C, B, R, A>>;
}

/**
 * The flat map of a module of routes, or of an object of them: `"GET /users/:id"` and what is sent
 * and answered there. `Prefix` is where the application is nested.
 *
 * @example
 * type Api = RoutesOf<typeof import("./routes/users"), "/api"> & RoutesOf<typeof otherRoutes>;
 */
export type RoutesOf<Module, Prefix extends string = ""> = {
  readonly [Name in keyof Module as KeyOf<Module[Name], Prefix>]: EntryOf<Module[Name], Prefix>;
};

/**
 * Of one route, or of each of a union: the compiler also asks for the keys of all members at once,
 * and would compare every route with every other where they were inferred together.
 */
type KeyOf<Value, Prefix extends string> =
  Value extends Route<infer Method, infer Path, infer _>
    ? `${Method} ${Below<Prefix, Path>}`
    : never;

type EntryOf<Value, Prefix extends string> =
  Value extends Route<infer _, infer Path, infer Types>
    ? RouteShape<Below<Prefix, Path>, Types>
    : never;

/** `nest` in types: "/" below "/api" is "/api" itself. */
type Below<Prefix extends string, Path extends string> = Prefix extends "" | "/"
  ? Path
  : Prefix extends `${infer Start}/`
    ? Below<Start, Path>
    : Path extends "/"
      ? Prefix
      : `${Prefix}${Path}`;

/** One entry of the map. Members are computed when they are looked at. */
export interface RouteShape<Path extends string, Types> {
  readonly params: Types extends { readonly params: infer P } ? Sent<P, ParamsOf<Path>> : never;
  readonly query: Types extends { readonly query: infer Q } ? Sent<Q, undefined> : never;
  readonly headers: Types extends { readonly headers: infer H } ? Sent<H, undefined> : never;
  readonly cookies: Types extends { readonly cookies: infer C } ? Sent<C, undefined> : never;
  readonly body: Types extends { readonly body: infer B } ? Sent<B, undefined> : never;
  /** Bodies of answers by status; none where a `Response`, a file or a stream is answered. */
  readonly answers: Types extends { readonly response: infer R; readonly answer: infer A }
    ? AnswersOf<R, ReturnedBy<A>>
    : never;
  /** Server-sent events that are answered; never, where there are none. */
  readonly events: Types extends { readonly answer: infer A } ? EventsIn<ReturnedBy<A>> : never;
}

type ReturnedBy<A> = A extends (...list: never) => infer Value ? Awaited<Value> : A;

type AnswersOf<R, Value> = R extends undefined
  ? Returned<Value>
  : R extends Schema
    ? OfSuccess<Defined<Validated<R, never>>, SuccessOf<Value>, EmptyOf<Sent<R, never>>>
    : {
        readonly [Status in keyof R | EmptyIn<R>]: Status extends keyof R
          ? OrNull<Defined<Validated<R[Status], null>>>
          : null;
      };

/** What one schema describes; not of undefined alone, which is never a body. */
type OfSuccess<Body, Status extends number, Empty extends number> = {
  readonly [Code in ([Body] extends [never] ? never : Status) | Empty]: Code extends Empty
    ? null
    : Body;
};

/** Statuses with which a handler answers what one schema describes. */
type SuccessOf<Value> = [SuccessIn<Value>] extends [never] ? 200 : SuccessIn<Value>;

type SuccessIn<Value> =
  Value extends Answer<infer Code, infer _>
    ? Extract<Code, Success>
    : Value extends Opaque | Nothing
      ? never
      : 200;

/** 204, where a handler may give null or nothing; of a schema of anything that is not known. */
type EmptyOf<Given> = unknown extends Given ? never : Given extends Nothing ? 204 : never;

type EmptyIn<R> = R extends { readonly 200: infer One } ? EmptyOf<Sent<One, null>> : never;

type Defined<Value> = Exclude<Value, Exclude<Nothing, null>>;

type OrNull<Body> = [Body] extends [never] ? null : Body;

/** What is answered with 204. */
// biome-ignore lint/suspicious/noConfusingVoidType: of handlers that return nothing
type Nothing = null | undefined | void;

type EventsIn<Value> = Value extends EventsAnswer<infer Event> ? Event : never;

/** What is answered as it is, and tells no type of its content. */
type Opaque = Response | FileReference | StreamSource | Blob | FormData | URLSearchParams;

/** What a handler without a schema of its answer returns, by status. */
type Returned<Value> = { readonly [Status in StatusOf<Value>]: BodyOf<Value, Status> };

type BodyOf<Value, Status> =
  Value extends Answer<infer Code, infer Body>
    ? Status extends Code
      ? Body
      : never
    : Status extends StatusOf<Value>
      ? Value
      : never;

type StatusOf<Value> =
  Value extends Answer<infer Code, infer _>
    ? Code
    : Value extends Nothing
      ? 204
      : Value extends Opaque
        ? never
        : 200;
