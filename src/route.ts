/** Routes as a program declares them, and the types that follow from a path. */
import type { Answer } from "./answer.ts";
import { isToken } from "./answer-fields.ts";
import type { Context, Params, State } from "./context.ts";
import { ChopinError } from "./errors.ts";
import type { NameOf, SegmentOf } from "./path-types.ts";
import type { CaptureNames } from "./request-context.ts";
import type { RouteOptions, RouteSettings } from "./route-options.ts";
import type { Issue } from "./schema/issue.ts";

/**
 * The captures of a path: `"/users/:id/:tab?"` gives `{ id: string; tab: string | undefined }`. One
 * flat object type for each path, so that editors stay quick.
 */
export type ParamsOf<Path extends string> = string extends Path
  ? Params
  : {
      readonly [Segment in SegmentOf<Path> as NameOf<Segment>]: Segment extends `:${string}?`
        ? string | undefined
        : string;
    };

/**
 * Answers one request: what it returns, or what its promise gives, is the answer. Objects, arrays,
 * numbers and booleans become JSON, strings text, buffers bytes; null and undefined 204; a
 * `Response` or an answer of the context is sent as it is.
 */
export type Handler<Path extends string = string, S extends object = State> = (
  ctx: Context<ParamsOf<Path>, S>,
) => unknown;

/** Runs what comes behind: further middleware and the handler. It never rejects. */
export type Next = () => Answer | Promise<Answer>;

/**
 * Runs around handlers, and around 404, 405 and the automatic OPTIONS. What it returns is the
 * answer; when it returns nothing, the answer is that of `next()`. Without `await` everything stays
 * synchronous.
 *
 * @example
 * const timing: Middleware = async (ctx, next) => {
 *   const start = performance.now();
 *   const answer = await next();
 *   answer.headers.set("Server-Timing", `app;dur=${performance.now() - start}`);
 * };
 */
export type Middleware<S extends object = State> = (ctx: Context<Params, S>, next: Next) => unknown;

/**
 * May answer for an error that a handler or a middleware threw; undefined: the usual problem body.
 */
export type ErrorHandler<S extends object = State> = (
  error: unknown,
  ctx: Context<Params, S>,
) => unknown;

/**
 * May answer a request that does not fit the schemas of its route; undefined: the usual problem
 * body.
 */
export type InvalidHandler<S extends object = State> = (
  issues: readonly Issue[],
  ctx: Context<Params, S>,
) => unknown;

/**
 * An answer that is the same for every request: prepared at start and given without running
 * JavaScript.
 */
export type Constant =
  | string
  | number
  | boolean
  | null
  | { readonly [name: string]: unknown }
  | (object & { readonly call?: never; readonly apply?: never });

/** A route as it was declared. `method` "*" stands for all. */
export interface RouteDeclaration {
  readonly method: string;
  readonly path: string;
  readonly options: RouteOptions<never>;
  readonly answer: unknown;
  /** File, line and column of the declaration. */
  readonly place: string;
}

const ownFolder = `${import.meta.dir}/`;

/** RFC 9110 9.1: methods are case-sensitive. The longest registered one has 17 bytes. */
const methodBytesMax = 32;

/** Methods that no route can have: TRACE and CONNECT are always refused. */
const refusedMethods: readonly string[] = ["TRACE", "CONNECT"];

const knownMethods: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
];

/**
 * Checks the arguments of a declaration.
 *
 * @throws ChopinError `invalid_route`.
 */
export function declareRoute(
  method: string,
  path: string,
  first: unknown,
  second: unknown,
  count: number,
): RouteDeclaration {
  const place = callerPlace();
  const fault = (text: string) =>
    new ChopinError("invalid_route", `${method} ${path}: ${text} (${place}).`);
  if (typeof path !== "string" || !path.startsWith("/")) throw fault("a path starts with a slash");
  if (count < 2) throw fault("a handler or a constant answer is missing");
  if (method !== "*") checkMethod(method, fault);
  const options = count > 2 ? (first as RouteOptions<never>) : {};
  if (typeof options !== "object" || options === null)
    throw fault("options come before the handler");
  const limit = options.bodyLimit;
  const endless = limit === Number.POSITIVE_INFINITY && options.streamBody === true;
  const bytes = Number.isInteger(limit) && limit! >= 0 && limit! < 0xffff_ffff;
  if (limit !== undefined && !endless && !bytes) {
    throw fault(
      "bodyLimit is a number of bytes from 0 to 4,294,967,294, or Infinity with streamBody",
    );
  }
  if (options.body !== undefined && options.streamBody === true) {
    throw fault("a body that has a schema is not taken as a stream: leave out streamBody");
  }
  return { method, path, options, answer: count > 2 ? second : first, place };
}

/** The middleware of a route's options as a list. */
export function middlewareOf(options: RouteSettings<never>): readonly Middleware<never>[] {
  const use = options.use;
  if (use === undefined) return [];
  return typeof use === "function" ? [use] : use;
}

/**
 * Names of the captures of a pattern, in order. Whether it is well-formed the native router
 * decides.
 */
export function captureNames(path: string): CaptureNames {
  const names: string[] = [];
  let wildcard = false;
  for (const segment of path.split("/")) {
    const name = /^:([A-Za-z_][A-Za-z0-9_]*)/.exec(segment)?.[1];
    if (name !== undefined) names.push(name);
    if (!segment.startsWith("*")) continue;
    names.push(segment.slice(1) || "*");
    wildcard = true;
  }
  return { names, wildcard, route: path };
}

/**
 * Where the program called into Chopin: the first line of the stack outside of this folder, or the
 * last line where a bundler put everything into one file. Native code and tail calls leave no
 * line, so a fixed depth would not do.
 */
export function callerPlace(): string {
  let last = "place unknown";
  for (const line of (new Error().stack ?? "").split("\n")) {
    const place = /\(?([^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place === undefined) continue;
    if (!place.startsWith(ownFolder)) return place;
    last = place;
  }
  return last;
}

function checkMethod(method: string, fault: (text: string) => ChopinError): void {
  if (!isToken(method) || method.length > methodBytesMax) {
    throw fault("a method is a token of at most 32 characters");
  }
  if (refusedMethods.includes(method)) throw fault("TRACE and CONNECT are always refused");
  const upper = method.toUpperCase();
  if (method !== upper && knownMethods.includes(upper)) {
    throw fault(`methods are case-sensitive, write ${upper}`);
  }
}
