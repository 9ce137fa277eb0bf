/**
 * The flat map of routes as calls see it. Each call looks at one entry of the map, so that a
 * thousand of them cost an editor no more than one.
 */
import type { AnswersTo, BodyAs, ClientAnswer, SuccessBody } from "./answers.ts";
import type { EventsAs, EventsOf } from "./event-types.ts";
import type { Arguments, CallParts } from "./inputs.ts";
import type { CallOptions, EventsOptions } from "./options.ts";

/**
 * A call under way: a promise of its answer, whatever the status. It is rejected with a
 * `ClientError` when there is no answer, and with the reason of `signal` when that is aborted.
 */
export interface Call<Answer extends ClientAnswer> extends Promise<Answer> {
  /**
   * The body of a success.
   *
   * @throws ClientError for any other status, with `status`, `code`, `problem` and `response`.
   */
  orThrow(): Promise<SuccessBody<Answer>>;
}

/** Calls of one method: path, then what the route needs. */
export type CallMethod<Routes, Own extends string, Method extends string> = <
  Path extends string,
  As extends BodyAs = "auto",
>(
  path: OneOf<Path, PathsOf<Routes, Method | "*">>,
  ...options: Arguments<
    CallParts<EntryOf<Routes, Method, Path>, Own, Method, Path>,
    CallOptions<As>
  >
) => Call<AnswersTo<EntryOf<Routes, Method, Path>, As>>;

/**
 * What `createClient` gives. `App` is a flat map of routes, or a module of them; `Own` are names of
 * fields that the client sends by itself.
 */
export interface Client<App, Own extends string = never> extends ClientOf<MapOf<App>, Own> {}

interface ClientOf<Routes, Own extends string> {
  readonly get: CallMethod<Routes, Own, "GET">;
  readonly post: CallMethod<Routes, Own, "POST">;
  readonly put: CallMethod<Routes, Own, "PUT">;
  readonly patch: CallMethod<Routes, Own, "PATCH">;
  readonly delete: CallMethod<Routes, Own, "DELETE">;
  readonly options: CallMethod<Routes, Own, "OPTIONS">;
  /** The head alone, of any route for GET too; the body is null. */
  head<Path extends string>(
    path: OneOf<Path, PathsOf<Routes, "HEAD" | "GET" | "*">>,
    ...options: Arguments<
      CallParts<HeadOf<Routes, Path>, Own, "HEAD", Path>,
      Omit<CallOptions, "as">
    >
  ): Call<HeadAnswer<AnswersTo<HeadOf<Routes, Path>, "auto">>>;
  /** Any method that routes of the map have. */
  request<Method extends string, Path extends string, As extends BodyAs = "auto">(
    method: OneOf<Method, MethodsOf<Routes>>,
    path: OneOf<Path, PathsOf<Routes, Method | "*">>,
    ...options: Arguments<
      CallParts<EntryOf<Routes, Method, Path>, Own, Method, Path>,
      CallOptions<As>
    >
  ): Call<AnswersTo<EntryOf<Routes, Method, Path>, As>>;
  /**
   * Server-sent events. Nothing is sent before the first one is asked for, and nothing is read that
   * nobody waits for. A connection that is lost, or that the server ends, is made again with
   * Last-Event-ID, until the server answers 204. Leaving the loop ends it, and so does `signal`.
   *
   * @throws ClientError while iterating, for an answer other than 200 with `text/event-stream`.
   */
  events<Path extends string, As extends EventsAs = "json">(
    path: OneOf<Path, PathsOf<Routes, "GET" | "*">>,
    ...options: Arguments<
      CallParts<EntryOf<Routes, "GET", Path>, Own, "GET", Path>,
      EventsOptions<As>
    >
  ): AsyncIterableIterator<EventsOf<EntryOf<Routes, "GET", Path>, As>, undefined>;
}

/**
 * One of some texts. `Path extends Paths` would have the compiler look at all of them for each
 * call, since it types the options by what the constraint gives before the path is inferred.
 */
type OneOf<Text extends string, Texts> = Text extends Texts ? Text : Texts;

/** A flat map as it is; of a module, or an object of routes, the map of its members. */
export type MapOf<App> = keyof App extends `${string} /${string}` ? App : RoutesIn<App>;

type RoutesIn<Module> = {
  readonly [Name in keyof Module as KeyOf<Module[Name]>]: Module[Name] extends {
    readonly shape?: infer Shape;
  }
    ? Shape
    : never;
};

type KeyOf<Value> = Value extends {
  readonly method: infer Method extends string;
  readonly path: infer Path extends string;
}
  ? `${Method} ${Path}`
  : never;

/** Paths that routes of these methods have. */
export type PathsOf<Routes, Method extends string> = keyof Routes extends infer Key
  ? Key extends `${infer Own} ${infer Path}`
    ? Own extends Method
      ? Path
      : never
    : never
  : never;

/** Methods of a map; any, where a route takes all. */
export type MethodsOf<Routes> = keyof Routes extends infer Key
  ? Key extends `${infer Method} ${string}`
    ? Method extends "*"
      ? string & {}
      : Method
    : never
  : never;

/** The entry of a key, or of another one; by inference, because an index would name all of them. */
type EntryOf<Routes, Method extends string, Path extends string> =
  Routes extends Readonly<Record<`${Method} ${Path}`, infer Entry>>
    ? Entry
    : Routes extends Readonly<Record<`* ${Path}`, infer Entry>>
      ? Entry
      : never;

type HeadOf<Routes, Path extends string> =
  Routes extends Readonly<Record<`HEAD ${Path}`, infer Entry>>
    ? Entry
    : EntryOf<Routes, "GET", Path>;

type HeadAnswer<Answer> =
  Answer extends ClientAnswer<infer Status, infer _> ? ClientAnswer<Status, null> : never;
