/** How many requests a client may make in a time. */
import { HTTPError } from "../errors.ts";
import { parseAddress } from "./support/ip-address.ts";
import { type AnyContext, type AnyMiddleware, whenReady } from "./support/middleware.ts";
import { checkOptions, checkWhole, invalidOption, quoted } from "./support/options.ts";
import { MemoryRateLimitStore } from "./support/rate-limit-store.ts";

/** What a client may do. */
export interface RateLimitQuota {
  /** Requests of one window. */
  readonly limit: number;
  readonly windowMs: number;
}

/** What a store says about one request. */
export interface RateLimitDecision {
  readonly allowed: boolean;
  /** Requests that are left now. */
  readonly remaining: number;
  /** Milliseconds until the whole quota is there again. */
  readonly resetMs: number;
  /** Milliseconds until the next request is allowed; 0 when it is now. */
  readonly retryAfterMs: number;
}

/** Counts the requests of clients; for all workers alike, if it is shared. */
export interface RateLimitStore {
  /** Takes one request from a client's quota, unless that is used up. */
  take(key: string, quota: RateLimitQuota): RateLimitDecision | Promise<RateLimitDecision>;
}

/** Options of `rateLimit`. */
export interface RateLimitOptions {
  /** Requests of one window, all at once or spread over it. */
  readonly limit: number;
  readonly windowSeconds: number;
  /**
   * Who is counted; undefined is not limited. The client's address unless told, of IPv6 the
   * network of 64 bits, because one client has all of it. Behind a proxy that is the proxy's
   * address, unless `trustProxy` names it.
   */
  readonly key?: (ctx: AnyContext) => string | undefined;
  /** Name of this limit in the fields; "default" unless told. */
  readonly name?: string;
  /** Memory of this worker unless told, so that the limit counts in each worker by itself. */
  readonly store?: RateLimitStore;
}

/** A day: what counts longer than that has to survive a restart. */
const windowMost = 86_400;
const limitMost = 1_000_000_000;

/**
 * Answers 429 `too_many_requests` with Retry-After to clients that are too fast. A client gets its
 * requests back one by one over the window (GCRA), so there is no border at which it has two
 * windows' worth. Each answer says what is left, in the fields RateLimit-Policy and RateLimit of
 * draft-ietf-httpapi-ratelimit-headers-10.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layerPath("/login", rateLimit({ limit: 5, windowSeconds: 60, name: "login" }));
 */
export function rateLimit(options: RateLimitOptions): AnyMiddleware {
  checkOptions("rateLimit", options, ["limit", "windowSeconds", "key", "name", "store"]);
  const limit = checkWhole("rateLimit", "limit", options.limit, 1, limitMost);
  const seconds = checkWhole("rateLimit", "windowSeconds", options.windowSeconds, 1, windowMost);
  const { key = addressKey, store = new MemoryRateLimitStore() } = options;
  if (typeof key !== "function") throw invalidOption("rateLimit", "key is a function");
  if (typeof store?.take !== "function") {
    throw invalidOption("rateLimit", "store has a function take");
  }
  const quota: RateLimitQuota = { limit, windowMs: seconds * 1000 };
  const name = quoted("rateLimit", "name", options.name ?? "default");
  const policy = `${name};q=${limit};w=${seconds}`;
  return (ctx, next) => {
    const client = key(ctx);
    if (client === undefined) return next();
    return whenReady(store.take(client, quota), (decision) => {
      const { allowed, remaining, resetMs, retryAfterMs } = decision;
      // Several limits may cover one path: each adds its own item (RFC 9651 3.1).
      const state = `${name};r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
      ctx.header("RateLimit-Policy", policy, { append: true });
      ctx.header("RateLimit", state, { append: true });
      if (allowed) return next();
      const retrySeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
      ctx.header("Retry-After", String(retrySeconds));
      throw new HTTPError(429, "too_many_requests", `Try again in ${retrySeconds} s.`);
    });
  };
}

/** Who has no address shares one key: a limit that lets them all pass would be none. */
function addressKey(ctx: AnyContext): string {
  const { ip } = ctx;
  if (!ip.includes(":")) return ip;
  const address = parseAddress(ip);
  if (address === undefined) return ip;
  const [first, second, , last] = address.words;
  if (address.version === 6) return `${first.toString(16)}:${second.toString(16)}/64`;
  return [last >>> 24, (last >>> 16) & 0xff, (last >>> 8) & 0xff, last & 0xff].join(".");
}
