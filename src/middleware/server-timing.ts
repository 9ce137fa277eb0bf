/** Where the time of a request went, for the developer tools of browsers (W3C Server Timing). */
import { isToken } from "../answer-fields.ts";
import { isDevelopment } from "../environment.ts";
import { ChopinError } from "../errors.ts";
import { type AnyContext, type AnyMiddleware, after } from "./support/middleware.ts";
import { checkFlag, checkOptions, invalidOption } from "./support/options.ts";

/** Options of `serverTiming`. */
export interface ServerTimingOptions {
  /**
   * Whether the field is sent: in development only unless told, because durations tell attackers
   * about data (found or not found, right or wrong).
   */
  readonly enabled?: boolean | ((ctx: AnyContext) => boolean);
  /** Adds the time from here to the answer as `total`; true unless told. */
  readonly total?: boolean;
}

/** State of `serverTiming`. */
export interface ServerTimingState {
  timing: Timing;
}

/** Metrics of one answer; more are dropped, so that a loop cannot fill the head. */
const metricsMax = 64;

/**
 * Collects durations of one request.
 *
 * @example
 * const rows = await state.timing.measure("db", () => sql`select 1`);
 */
export class Timing {
  readonly #metrics: string[] = [];

  /**
   * Adds a metric: a token as its name, milliseconds and a description, each as far as known.
   *
   * @throws ChopinError `invalid_option`.
   */
  add(name: string, durationMs?: number, description?: string): void {
    if (typeof name !== "string" || !isToken(name)) {
      throw new ChopinError("invalid_option", `${JSON.stringify(name)} is no name of a metric.`);
    }
    if (description !== undefined && !/^[\x20-\x7e]*$/.test(description)) {
      throw new ChopinError("invalid_option", `The description of ${name} is printable ASCII.`);
    }
    if (this.#metrics.length === metricsMax) return;
    let metric = name;
    if (description !== undefined) {
      metric += `;desc="${description.replaceAll(/["\\]/g, "\\$&")}"`;
    }
    if (durationMs !== undefined) metric += `;dur=${Number(durationMs.toFixed(3))}`;
    this.#metrics.push(metric);
  }

  /** Starts a metric; the function that it returns ends it. */
  start(name: string, description?: string): () => void {
    const start = performance.now();
    return () => this.add(name, performance.now() - start, description);
  }

  /** Runs a function and adds how long it took, until its promise settled if it gave one. */
  measure<Result>(name: string, run: () => Result, description?: string): Result {
    const end = this.start(name, description);
    let result: Result;
    try {
      result = run();
    } catch (error) {
      end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(end) as Result;
    end();
    return result;
  }

  /** The value of Server-Timing; "" when nothing was measured. */
  toString(): string {
    return this.#metrics.join(", ");
  }
}

/**
 * Gives handlers `ctx.state.timing`, and sends what they measured as Server-Timing.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const app = new Chopin<ServerTimingState>().layer(serverTiming());
 * app.get("/", ({ state }) => state.timing.measure("work", () => "done"));
 */
export function serverTiming(options: ServerTimingOptions = {}): AnyMiddleware {
  checkOptions("serverTiming", options, ["enabled", "total"]);
  const { enabled = isDevelopment(), total = true } = options;
  checkFlag("serverTiming", "total", total);
  if (typeof enabled !== "boolean" && typeof enabled !== "function") {
    throw invalidOption("serverTiming", "enabled is true, false or a function");
  }
  return (ctx, next) => {
    const timing = new Timing();
    (ctx.state as ServerTimingState).timing = timing;
    const sent = typeof enabled === "function" ? enabled(ctx) : enabled;
    if (!sent) return next();
    const end = timing.start("total");
    return after(next(), (answer) => {
      if (total) end();
      const value = timing.toString();
      if (value !== "") answer.headers.append("Server-Timing", value);
    });
  };
}
