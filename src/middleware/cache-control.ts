/** How long answers may be kept, and by whom (RFC 9111, 5861, 8246). */

import { addMissing, fixedFields } from "./support/answer-head.ts";
import { type AnyMiddleware, after } from "./support/middleware.ts";
import { checkFlag, checkOptions, checkWhole, invalidOption } from "./support/options.ts";

/** Options of `cacheControl`: the directives of an answer. */
export interface CacheControlOptions {
  /** Shared caches may keep it, also where they would not by themselves. */
  readonly public?: boolean;
  /** Only the client may keep it. */
  readonly private?: boolean;
  /** Nobody may keep it. */
  readonly noStore?: boolean;
  /** It may be kept, but is asked for again before each use. */
  readonly noCache?: boolean;
  /** Nobody on the way may change the body; `compress` leaves it alone too. */
  readonly noTransform?: boolean;
  /** Once stale, it is never used without asking. */
  readonly mustRevalidate?: boolean;
  /** The same for shared caches only. */
  readonly proxyRevalidate?: boolean;
  /** It may be kept by a cache that understands its status. */
  readonly mustUnderstand?: boolean;
  /** It never changes while it is fresh (RFC 8246). */
  readonly immutable?: boolean;
  /** Seconds for which it is fresh. */
  readonly maxAgeSeconds?: number;
  /** Seconds for which it is fresh in shared caches. */
  readonly sharedMaxAgeSeconds?: number;
  /** Seconds for which it may be used stale while it is asked for again (RFC 5861 3). */
  readonly staleWhileRevalidateSeconds?: number;
  /** Seconds for which it may be used stale when asking fails (RFC 5861 4). */
  readonly staleIfErrorSeconds?: number;
}

const flags = {
  public: "public",
  private: "private",
  noStore: "no-store",
  noCache: "no-cache",
  noTransform: "no-transform",
  mustRevalidate: "must-revalidate",
  proxyRevalidate: "proxy-revalidate",
  mustUnderstand: "must-understand",
  immutable: "immutable",
} as const satisfies Readonly<Partial<Record<keyof CacheControlOptions, string>>>;

const seconds = {
  maxAgeSeconds: "max-age",
  sharedMaxAgeSeconds: "s-maxage",
  staleWhileRevalidateSeconds: "stale-while-revalidate",
  staleIfErrorSeconds: "stale-if-error",
} as const satisfies Readonly<Partial<Record<keyof CacheControlOptions, string>>>;

const flagNames = Object.keys(flags) as (keyof typeof flags)[];
const secondNames = Object.keys(seconds) as (keyof typeof seconds)[];

/** What caches take for "no end" (RFC 9111 1.2.2). */
const secondsMost = 2 ** 31 - 1;

/** Statuses that the directives of a success are meant for. */
const statuses: readonly number[] = [200, 203, 204, 206, 300, 301, 304, 308];

/** Directives that contradict each other, or of which one makes the other meaningless. */
const contradictions: readonly (readonly [keyof CacheControlOptions, keyof CacheControlOptions])[] =
  [
    ["public", "private"],
    ["private", "sharedMaxAgeSeconds"],
    ["private", "proxyRevalidate"],
    ["noStore", "public"],
    ["noStore", "maxAgeSeconds"],
    ["noStore", "sharedMaxAgeSeconds"],
    ["noStore", "immutable"],
    ["noStore", "staleWhileRevalidateSeconds"],
    ["noStore", "staleIfErrorSeconds"],
    ["noCache", "immutable"],
    ["mustRevalidate", "staleWhileRevalidateSeconds"],
    ["mustRevalidate", "staleIfErrorSeconds"],
  ];

/**
 * Sets Cache-Control on what GET and HEAD are answered with, but for errors and for answers that
 * have their own.
 *
 * @throws ChopinError `invalid_option`, also for directives that contradict each other.
 * @example
 * app.layerPath("/catalog", cacheControl({ public: true, maxAgeSeconds: 60 }));
 */
export function cacheControl(options: CacheControlOptions): AnyMiddleware {
  const fields = fixedFields([["Cache-Control", directives(options)]]);
  return (ctx, next) => {
    const { method } = ctx;
    if (method !== "GET" && method !== "HEAD") return next();
    return after(next(), (answer) => {
      if (statuses.includes(answer.status)) addMissing(ctx, answer, fields);
    });
  };
}

/** The value of Cache-Control; `app.files` uses it too. */
export function directives(options: CacheControlOptions): string {
  checkOptions("cacheControl", options, [...flagNames, ...secondNames]);
  const parts: string[] = [];
  for (const name of flagNames) {
    if (checkFlag("cacheControl", name, options[name] ?? false)) parts.push(flags[name]);
  }
  for (const name of secondNames) {
    const value = options[name];
    if (value === undefined) continue;
    checkWhole("cacheControl", name, value, 0, secondsMost);
    parts.push(`${seconds[name]}=${value}`);
  }
  const given = (name: keyof CacheControlOptions) =>
    options[name] !== undefined && options[name] !== false;
  for (const [one, other] of contradictions) {
    // With must-understand, no-store is for caches that do not know it (RFC 9111 5.2.2.3).
    if (one === "noStore" && options.mustUnderstand === true) continue;
    if (given(one) && given(other)) {
      throw invalidOption("cacheControl", `${one} and ${other} contradict each other`);
    }
  }
  if (parts.length === 0) throw invalidOption("cacheControl", "no directive was given");
  return parts.join(", ");
}
