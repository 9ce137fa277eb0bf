/** What every ready-made middleware shares: its type, and acting on an answer without waiting. */
import type { Answer } from "../../answer.ts";
import type { Context, Params } from "../../context.ts";
import type { Middleware } from "../../route.ts";

/** A context whose state may be of any shape. */
export type AnyContext = Context<Params, object>;

/** A middleware for applications with any type of state. */
export type AnyMiddleware = Middleware<object>;

/** Acts on an answer now, or once it has come: a chain in which nobody waits stays synchronous. */
export function after<Result>(
  answer: Answer | Promise<Answer>,
  change: (answer: Answer) => Result | Promise<Result>,
): Result | Promise<Result> {
  return answer instanceof Promise ? answer.then(change) : change(answer);
}

/** Goes on with a value now, or once its promise gives it. */
export function whenReady<Value, Result>(
  value: Value | Promise<Value>,
  proceed: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(proceed) : proceed(value);
}
