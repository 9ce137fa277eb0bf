/** Sends a request, and again where that is asked for and may help. Called by `client.ts`. */
import { ClientError } from "./error.ts";
import { Limit, unlessAborted, wait } from "./limit.ts";
import type { ClientOptions, RetryOptions } from "./options.ts";
import { type Arrival, drop, lossOf } from "./receive.ts";
import { type Draft, requestOf } from "./request.ts";

/** How a draft is sent. */
export interface Sending {
  readonly client: ClientOptions;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly retry: RetryOptions | false;
  /** Fields that those of the program may replace. */
  readonly fields: Readonly<Record<string, string>>;
}

/** RFC 9110 9.2.2. */
const idempotent: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];
/** Answers of a server, or of a proxy before it, that pass. */
export const passing: readonly number[] = [408, 425, 429, 502, 503, 504];

/**
 * What `take` makes of the answer, at the first attempt or a later one. `take` is part of an
 * attempt, so that an answer that breaks off is asked for again, and ends the limit that it gets.
 *
 * @throws ClientError, or the reason of the signal.
 */
export async function attempts<T>(
  draft: Draft,
  sending: Sending,
  take: (arrival: Arrival) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs, retry } = sending;
  const { statuses = passing, attemptTimeoutMs = timeoutMs } = retry || {};
  const { delayMs = 200, delayMaxMs = 10_000 } = retry || {};
  const most = attemptsMost(draft, retry);
  const until = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    /** Milliseconds to the next attempt; undefined: there is none. */
    const pause = (
      asked = spread(Math.min(delayMs * 2 ** (attempt - 1), delayMaxMs)),
    ): number | undefined => {
      const soon = asked <= delayMaxMs && asked < until - performance.now();
      return attempt < most && soon ? asked : undefined;
    };
    const leftMs = Math.min(until - performance.now(), attemptTimeoutMs);
    const limit = new Limit().follow(signal).startClock(leftMs, draft.place);
    let waitMs: number | undefined;
    try {
      const response = await exchange(draft, sending, limit);
      if (statuses.includes(response.status)) waitMs = pause(retryAfterMs(response));
      const arrival = { place: draft.place, method: draft.method, response, limit };
      if (waitMs === undefined) return await take(arrival);
      limit.end();
      drop(response);
    } catch (error) {
      limit.end();
      signal?.throwIfAborted();
      waitMs = isPassing(error) ? pause() : undefined;
      if (waitMs === undefined) throw error;
    }
    await wait(waitMs, signal);
  }
}

/** What another attempt may mend. */
export function isPassing(error: unknown): boolean {
  return error instanceof ClientError && ["network_error", "timeout"].includes(error.code);
}

/** What Retry-After asks for (RFC 9110 10.2.3): seconds, or a date. */
export function retryAfterMs({ headers }: Response): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

function attemptsMost({ method, body }: Draft, retry: RetryOptions | false): number {
  const { attempts: most = 3, methods = idempotent } = retry || { attempts: 1 };
  return methods.includes(method) && !(body instanceof ReadableStream) ? most : 1;
}

/** Half of it at random, so that clients of a server that was away do not return together. */
function spread(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

async function exchange(draft: Draft, sending: Sending, limit: Limit): Promise<Response> {
  const { client, fields } = sending;
  // Once more, for what only this runtime's `fetch` knows of: a `Request` would not keep it.
  const send = client.fetch ?? ((request) => fetch(request, draft.parts.init));
  const request = await requestOf(draft, client.headers, fields, limit.signal);
  try {
    const response: Response | undefined = await unlessAborted(limit.signal, send(request));
    if (response?.headers !== undefined) return response;
    throw new ClientError("invalid_answer", `${draft.place}: fetch gave no Response.`);
  } catch (error) {
    throw lossOf({ place: draft.place, limit }, error);
  }
}
