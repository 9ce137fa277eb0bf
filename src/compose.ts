/**
 * Chains of middleware, composed once before serving. A chain in which nobody waits stays
 * synchronous: its answer is in the batch that brought the request. Errors become answers where
 * they are thrown, so that every middleware around sees one.
 */

import { type Answer, PreparedAnswer } from "./answer.ts";
import { fieldsFrom } from "./answer-fields.ts";
import { ChopinError, HTTPError, problemBody, problemBodyOf } from "./errors.ts";
import { FileReference } from "./files/answer.ts";
import { kind } from "./native/abi.ts";
import { errorOf, Refused } from "./refused.ts";
import type { RequestContext } from "./request-context.ts";
import { prepare } from "./response.ts";
import type { Issue } from "./schema/issue.ts";
import { reportUnlessLeft } from "./stream.ts";

/** Answers one request: a value, an answer, or a promise of one. A handler is one; it may throw. */
export type Step = (ctx: RequestContext) => unknown;

/** A step with answers in their final form, which never throws. */
export type SafeStep = (ctx: RequestContext) => PreparedAnswer | Promise<PreparedAnswer>;

/** Middleware as it is called here; its types are checked where it is registered. */
export type Around = (ctx: RequestContext, next: () => Answer | Promise<Answer>) => unknown;

/** An application or one nested in it: who answers for its errors and its unknown paths. */
export interface Scope {
  readonly onError: ((error: unknown, ctx: RequestContext) => unknown) | undefined;
  readonly onInvalid: ((issues: readonly Issue[], ctx: RequestContext) => unknown) | undefined;
  readonly notFound: Step | undefined;
  readonly parent: Scope | undefined;
  /** Error answers say what went wrong. */
  readonly development: boolean;
}

/** One middleware and the scope that answers for its errors. */
export interface Ring {
  readonly around: Around;
  readonly scope: Scope;
}

/** The rings around a handler, the first outermost. */
export function compose(rings: readonly Ring[], handler: Step, scope: Scope): SafeStep {
  let chain = safeStep(handler, scope);
  for (let at = rings.length - 1; at >= 0; at--) chain = surround(rings[at]!, chain);
  return chain;
}

/** The answer of one step; whatever it throws becomes an answer too. */
export function safeStep(step: Step, scope: Scope): SafeStep {
  return (ctx) => {
    try {
      return finish(ctx, step(ctx), scope);
    } catch (error) {
      return failed(ctx, error, scope);
    }
  };
}

/**
 * Brings the result of a step into its final form.
 *
 * @throws whatever `prepare` throws for what is no answer.
 */
export function finish(
  ctx: RequestContext,
  value: unknown,
  scope: Scope,
): PreparedAnswer | Promise<PreparedAnswer> {
  const settled = isThenable(value) ? Bun.peek(value) : value;
  if (isThenable(settled)) {
    return Promise.resolve(settled)
      .then((result) => finish(ctx, result, scope))
      .catch((error: unknown) => failed(ctx, error, scope));
  }
  if (settled !== value && Bun.peek.status(value as Promise<unknown>) === "rejected") {
    Promise.resolve(value).catch(ignore);
    throw settled;
  }
  if (settled instanceof PreparedAnswer) return settled.bind(ctx);
  if (settled instanceof FileReference) return settled.answer(ctx);
  const prepared = prepare(settled, ctx.draftStatus);
  if (!(prepared instanceof Promise)) return prepared.own(ctx);
  return prepared.then(
    (answer) => answer.own(ctx),
    (error: unknown) => failed(ctx, error, scope),
  );
}

/**
 * The answer for an error, or for a `Refused`: what the nearest `onError` returns, or the problem
 * body. Fields that the context was given stay, so that those of middleware reach the client, but
 * for those that describe the body that never came.
 */
export function failed(
  ctx: RequestContext,
  error: unknown,
  scope: Scope,
): PreparedAnswer | Promise<PreparedAnswer> {
  dropRepresentation(ctx);
  const hook = nearest(scope, "onError");
  if (hook === undefined) {
    report(error);
    return problemAnswer(ctx, error, scope.development);
  }
  const thrown = errorOf(error);
  ctx.draftStatus = statusOf(error);
  const orProblem = (value: unknown) =>
    value === undefined ? problemAnswer(ctx, error, scope.development) : value;
  const step: Step = () => {
    const value = hook(thrown, ctx);
    return isThenable(value) ? value.then(orProblem) : orProblem(value);
  };
  const mark = (answer: PreparedAnswer): PreparedAnswer => {
    answer.error ??= thrown;
    return answer;
  };
  const answer = safeStep(step, withoutHooks(scope))(ctx);
  return answer instanceof Promise ? answer.then(mark) : mark(answer);
}

/** The nearest member of a scope or of those around it. */
export function nearest<Name extends "onError" | "onInvalid" | "notFound">(
  scope: Scope,
  name: Name,
): Scope[Name] | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    if (at[name] !== undefined) return at[name];
  }
  return undefined;
}

function surround(ring: Ring, inner: SafeStep): SafeStep {
  const { around, scope } = ring;
  return (ctx) => {
    let downstream: PreparedAnswer | Promise<PreparedAnswer> | undefined;
    const next = (): PreparedAnswer | Promise<PreparedAnswer> => {
      if (downstream !== undefined) {
        throw new ChopinError("next_called_twice", "A middleware calls next() at most once.");
      }
      downstream = inner(ctx);
      return downstream;
    };
    try {
      const value = around(ctx, next);
      if (!isThenable(value)) return settle(ctx, value, downstream, scope);
      if (Bun.peek.status(value) === "fulfilled") {
        return settle(ctx, Bun.peek(value), downstream, scope);
      }
      return Promise.resolve(value)
        .then((result) => settle(ctx, result, downstream, scope))
        .catch((error: unknown) => failed(ctx, error, scope));
    } catch (error) {
      return failed(ctx, error, scope);
    }
  };
}

/** What a middleware returned, or what came from behind it. */
function settle(
  ctx: RequestContext,
  value: unknown,
  downstream: PreparedAnswer | Promise<PreparedAnswer> | undefined,
  scope: Scope,
): PreparedAnswer | Promise<PreparedAnswer> {
  if (value !== undefined) return finish(ctx, value, scope);
  if (downstream !== undefined) return downstream;
  throw new ChopinError(
    "no_answer",
    "A middleware neither called next() nor returned an answer; return null for an empty one.",
  );
}

function isThenable(value: unknown): value is Promise<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

function problemAnswer(ctx: RequestContext, error: unknown, development: boolean): PreparedAnswer {
  ctx.draftStatus = 0;
  const status = statusOf(error);
  const answer = new PreparedAnswer(kind.problem, bodyFor(error, development), status, undefined);
  if (error instanceof HTTPError) answer.fields = fieldsFrom(error.headers);
  answer.error = error;
  return answer.own(ctx);
}

function bodyFor(error: unknown, development: boolean): string {
  if (error instanceof Refused) return error.body();
  if (error instanceof HTTPError) return problemBodyOf(error);
  if (!development) return problemBody(500, "internal_error");
  const stack = error instanceof Error ? error.stack : undefined;
  return problemBody(500, "internal_error", describe(error), stack);
}

function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    // An object without prototype has no text of its own.
    return "a value that has no text was thrown";
  }
}

function statusOf(error: unknown): number {
  return error instanceof HTTPError || error instanceof Refused ? error.status : 500;
}

/** An error in a hook is answered without hooks, or it could go round for ever. */
function withoutHooks(scope: Scope): Scope {
  const { development } = scope;
  return {
    onError: undefined,
    onInvalid: undefined,
    notFound: undefined,
    parent: undefined,
    development,
  };
}

/** Errors of the server that nobody handles are for its operator; those of clients are not. */
function report(error: unknown): void {
  // What the library refuses under load would fill the log.
  const refused = error instanceof HTTPError && error.code === "overloaded";
  if (statusOf(error) >= 500 && !refused) reportUnlessLeft(errorOf(error));
}

const representation: readonly string[] = ["etag", "last-modified"];

function dropRepresentation(ctx: RequestContext): void {
  if (ctx.draftFields === undefined) return;
  ctx.draftFields = ctx.draftFields.filter(
    (field) => !field.key.startsWith("content-") && !representation.includes(field.key),
  );
}

function ignore(): void {
  // A rejection that was read by `Bun.peek` was handled; this marks it so.
}
