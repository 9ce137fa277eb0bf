/** Calls of an application whose routes have no types. Read by the compiler alone. */
import type {
  Call,
  CallOptions,
  ClientAnswer,
  ClientEvent,
  ClientHeaders,
  EventsOptions,
  TextValue,
} from "../client/index.ts";

declare const any: unique symbol;

/** In the place of a flat map of routes: there is none. */
export interface AnyRoutes {
  readonly [any]: true;
}

/** The parts of a request to any route. */
export interface AnyParts {
  /** Captures, where the path is a pattern. */
  readonly params?: Readonly<Record<string, TextValue | undefined>>;
  readonly query?: Readonly<Record<string, TextValue | readonly TextValue[] | undefined>>;
  readonly headers?: ClientHeaders;
  readonly cookies?: Readonly<Record<string, TextValue | undefined>>;
  /** Strings, forms, blobs, bytes and streams are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** A string is JSON too. */
  readonly json?: true;
}

/** Calls of one method: a path, or the pattern of a route with its `params`. */
export type AnyCall = (path: string, options?: AnyParts & CallOptions) => Call<ClientAnswer>;

/** As the calls of `Client`, with bodies of any type. */
export interface AnyCalls {
  readonly get: AnyCall;
  readonly post: AnyCall;
  readonly put: AnyCall;
  readonly patch: AnyCall;
  readonly delete: AnyCall;
  readonly options: AnyCall;
  readonly head: AnyCall;
  request(method: string, path: string, options?: AnyParts & CallOptions): Call<ClientAnswer>;
  events(
    path: string,
    options?: AnyParts & EventsOptions,
  ): AsyncIterableIterator<ClientEvent, undefined>;
}
