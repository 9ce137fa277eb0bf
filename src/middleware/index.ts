/** Everything that a program imports from "chopin/middleware". */

export type { Trace, TraceHeaders } from "../tracing/trace-context.ts";
export { type TracingOptions, type TracingState, tracing } from "../tracing.ts";
export {
  type BasicAuthOptions,
  type BasicAuthState,
  type BasicAuthUser,
  basicAuth,
} from "./basic-auth.ts";
export {
  type BearerAuthOptions,
  type BearerAuthState,
  bearerAuth,
  type InsufficientScope,
  insufficientScope,
} from "./bearer-auth.ts";
export { type BodyLimitOptions, bodyLimit } from "./body-limit.ts";
export { type CacheControlOptions, cacheControl } from "./cache-control.ts";
export { type CompressOptions, compress } from "./compress.ts";
export { type Cookies, type CookiesOptions, type CookiesState, cookies } from "./cookies.ts";
export { type CorsOptions, type CorsOrigin, cors } from "./cors.ts";
export { type CsrfOptions, type CsrfState, type CsrfTokenOptions, csrf } from "./csrf.ts";
export { type DecompressOptions, decompress } from "./decompress.ts";
export { type EtagOptions, etag } from "./etag.ts";
export { type IpRestrictionOptions, ipRestriction } from "./ip-restriction.ts";
export { type LoggerOptions, type LogSink, logger } from "./logger.ts";
export {
  type RateLimitDecision,
  type RateLimitOptions,
  type RateLimitQuota,
  type RateLimitStore,
  rateLimit,
} from "./rate-limit.ts";
export { type RequestIdOptions, type RequestIdState, requestId } from "./request-id.ts";
export {
  type ContentSecurityPolicy,
  type SecureHeadersOptions,
  type SecureHeadersState,
  type StrictTransportSecurity,
  secureHeaders,
} from "./secure-headers.ts";
export {
  type ServerTimingOptions,
  type ServerTimingState,
  serverTiming,
  type Timing,
} from "./server-timing.ts";
export type { CodingName } from "./support/coding.ts";
export type { CookieAttributes } from "./support/cookie-text.ts";
export type { RequestCodingName } from "./support/inflate.ts";
export type { AnyContext, AnyMiddleware } from "./support/middleware.ts";
export type { LogDestination } from "./support/pino-sink.ts";
export {
  MemoryRateLimitStore,
  type MemoryRateLimitStoreOptions,
} from "./support/rate-limit-store.ts";
export type { Secret } from "./support/sealing.ts";
export { type TimeoutOptions, timeout } from "./timeout.ts";
