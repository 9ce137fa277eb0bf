/** What a client and its calls are told. Checked by `client.ts`. */
import type { BodyAs } from "./answers.ts";
import type { EventsAs } from "./event-types.ts";

/** A value of a query, a field or a capture; dates are sent as RFC 3339 has them. */
export type TextValue = string | number | bigint | boolean | Date;

/** Fields by name; those that are undefined are left out, lists are joined by commas. */
export type ClientHeaders =
  | Headers
  | Readonly<Record<string, TextValue | readonly TextValue[] | undefined>>;

/** What `fetch` takes beside that which a client decides: `credentials`, `mode`, `cache`… */
export type FetchInit = Omit<RequestInit, "body" | "headers" | "method" | "signal">;

/** When a call is made again. */
export interface RetryOptions {
  /** How often a request is sent at most, the first time included; 3 unless told. */
  readonly attempts?: number;
  /** Methods that are sent again; the idempotent ones (RFC 9110 9.2.2) unless told. */
  readonly methods?: readonly string[];
  /** Answers after which they are; 408, 425, 429, 502, 503 and 504 unless told. */
  readonly statuses?: readonly number[];
  /**
   * Milliseconds before the second attempt, twice as long before each further one; a random part of
   * it, so that clients do not come together. 200 unless told.
   */
  readonly delayMs?: number;
  /**
   * Most milliseconds between two attempts; 10,000 unless told. A server whose Retry-After asks for
   * more is not asked again.
   */
  readonly delayMaxMs?: number;
  /** Milliseconds for one attempt, beside `timeoutMs` for all of them; none unless told. */
  readonly attemptTimeoutMs?: number;
}

/** What holds for a client, and may be told otherwise in a call. */
export interface SharedOptions {
  /**
   * Milliseconds for a call, with all its attempts and the body of its answer; without the body
   * where that is a stream or events. None unless told.
   */
  readonly timeoutMs?: number;
  /** When requests are sent again; never unless told. */
  readonly retry?: RetryOptions | false;
  /** For `fetch`: `{ credentials: "include" }` sends cookies to other origins. */
  readonly init?: FetchInit;
}

/** Options of `createClient`. */
export interface ClientOptions extends SharedOptions {
  /** Fields of every request, or a function that gives them for each attempt. */
  readonly headers?: ClientHeaders | (() => ClientHeaders | Promise<ClientHeaders>);
  /** What sends requests, in the place of the global `fetch`. */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
}

/** Options of every call. */
export interface CallOptions<As extends BodyAs = BodyAs> extends SharedOptions {
  /** How the body of a success is read; by its Content-Type unless told. */
  readonly as?: As;
  /** Ends the call, and the stream of its body. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `events`. */
export interface EventsOptions<As extends EventsAs = EventsAs> extends SharedOptions {
  /** Text is not parsed. "json" unless told. */
  readonly as?: As;
  readonly signal?: AbortSignal | undefined;
  /** Whether a connection that was lost or ended is made again; true unless told. */
  readonly reconnect?: boolean;
  /** Id of the last event that was got before. */
  readonly lastEventId?: string;
  /** Characters of an event's data, name and id; 1,048,576 unless told. More end the iteration. */
  readonly eventLengthMax?: number;
}
