/** A deadline for handlers. */
import { HTTPError } from "../errors.ts";
import type { AnyMiddleware } from "./support/middleware.ts";
import { checkOptions, checkWhole, invalidOption } from "./support/options.ts";

/** Options of `timeout`. */
export interface TimeoutOptions {
  /** Milliseconds from here to the answer. */
  readonly timeoutMs: number;
  /**
   * 503 unless told: the server could not do it in time, and the client may try again. 504 says
   * that another server was too slow, 408 that the client was.
   */
  readonly status?: 408 | 503 | 504;
}

/** What `setTimeout` can count to. */
const timeoutMost = 2 ** 31 - 1;

/**
 * Answers with a `handler_timeout` problem when no answer has come in time. The handler is not
 * stopped, nobody can do that; what it returns later is dropped. A handler that never waits cannot
 * be timed out.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/reports", timeout({ timeoutMs: 5_000 }));
 */
export function timeout(options: TimeoutOptions): AnyMiddleware {
  checkOptions("timeout", options, ["timeoutMs", "status"]);
  const timeoutMs = checkWhole("timeout", "timeoutMs", options.timeoutMs, 1, timeoutMost);
  const status = options.status ?? 503;
  if (![408, 503, 504].includes(status)) {
    throw invalidOption("timeout", `status is 408, 503 or 504, not ${String(status)}`);
  }
  const detail = `There was no answer within ${timeoutMs} ms.`;
  return (_, next) => {
    const answer = next();
    if (!(answer instanceof Promise)) return answer;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(
      () => reject(new HTTPError(status, "handler_timeout", detail)),
      timeoutMs,
    );
    // The answer of `next()` never rejects: errors behind it have become answers.
    answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
    return promise;
  };
}
