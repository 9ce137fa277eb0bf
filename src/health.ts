/**
 * `app.health()`: whether the process lives, and whether it wants requests, for supervisors and
 * load balancers. Called by `reporting.ts`; `metrics/operations.ts` says when the server stops.
 */
import type { Context, Params } from "./context.ts";
import { isDevelopment } from "./environment.ts";
import { ChopinError } from "./errors.ts";
import { checkPath, checkPlace, type OperationsPlace } from "./metrics/place.ts";

/** Fails when it throws, rejects, gives false, or takes too long. */
export type HealthCheck = () => unknown;

/** Checks by name, or a list of them. */
export type HealthChecks = readonly HealthCheck[] | Readonly<Record<string, HealthCheck>>;

/** Options of `app.health`. */
export interface HealthOptions {
  /** "/healthz" unless told: whether the process should go on. */
  readonly livePath?: string;
  /** "/readyz" unless told: whether it should get requests. */
  readonly readyPath?: string;
  /** None unless told. Whoever fails these is restarted: not for what a restart does not mend. */
  readonly live?: HealthChecks;
  /** None unless told: what a request needs, such as the database. */
  readonly ready?: HealthChecks;
  /** Milliseconds that one check may take; 1,000 unless told. */
  readonly timeoutMs?: number;
  /**
   * Milliseconds from the moment at which readiness turns false until the listeners close, for
   * balancers that ask now and then; 0 unless told.
   */
  readonly stopDelayMs?: number;
  /** A port of its own, which the application's middleware and limits do not touch. */
  readonly port?: number;
  /** Where that port listens; "127.0.0.1" unless told. */
  readonly hostname?: string;
}

type Outcome = "ok" | "failed" | "timeout" | "stopping";

interface Report {
  readonly status: "ok" | "failed";
  readonly checks: Readonly<Record<string, Outcome | string>>;
}

type NamedChecks = readonly (readonly [name: string, check: HealthCheck])[];

const known = [
  "livePath",
  "readyPath",
  "live",
  "ready",
  "timeoutMs",
  "stopDelayMs",
  "port",
  "hostname",
];

export class Health {
  readonly livePath: string;
  readonly readyPath: string;
  readonly stopDelayMs: number;
  /** Undefined: on the application itself. */
  readonly place: OperationsPlace | undefined;
  readonly #live: Checks;
  readonly #ready: Checks;
  #stopping = false;

  /** @throws ChopinError `invalid_option`. */
  constructor(options: HealthOptions) {
    for (const name of Object.keys(options)) {
      if (!known.includes(name)) throw fault(`${name} is no option; there are ${known.join(", ")}`);
    }
    const { livePath = "/healthz", readyPath = "/readyz", timeoutMs = 1000 } = options;
    this.livePath = checkPath("health: livePath", livePath);
    this.readyPath = checkPath("health: readyPath", readyPath);
    if (livePath === readyPath) throw fault("livePath and readyPath are two paths");
    this.stopDelayMs = wholeMs("stopDelayMs", options.stopDelayMs ?? 0, 0);
    this.place = checkPlace("health", options);
    const limitMs = wholeMs("timeoutMs", timeoutMs, 1);
    this.#live = new Checks(named("live", options.live), limitMs);
    this.#ready = new Checks(named("ready", options.ready), limitMs);
  }

  /** A server begins. */
  starting(): void {
    this.#stopping = false;
  }

  /** Readiness is false from here on, whatever the checks say. */
  stopping(): void {
    this.#stopping = true;
  }

  live(): Promise<Report> {
    return this.#live.report();
  }

  async ready(): Promise<Report> {
    if (this.#stopping) return { status: "failed", checks: { server: "stopping" } };
    return this.#ready.report();
  }

  /** The handler of a route. */
  async answer(ctx: Context<Params, object>, report: Promise<Report>): Promise<unknown> {
    const told = await report;
    const init = { status: statusOf(told), headers: { "Cache-Control": "no-store" } };
    return ctx.json(told, init);
  }

  /** The same on a port of its own. */
  async respond(report: Promise<Report>): Promise<Response> {
    const told = await report;
    const headers = { "Cache-Control": "no-store" };
    return Response.json(told, { status: statusOf(told), headers });
  }
}

/** Checks that run together. Who asks while they run gets the same answer: a flood is one run. */
class Checks {
  readonly #checks: NamedChecks;
  readonly #limitMs: number;
  #running: Promise<Report> | undefined;

  constructor(checks: NamedChecks, limitMs: number) {
    this.#checks = checks;
    this.#limitMs = limitMs;
  }

  report(): Promise<Report> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<Report> {
    const outcomes = await Promise.all(
      this.#checks.map(async ([name, check]) => [name, await outcomeOf(check, this.#limitMs)]),
    );
    const failed = outcomes.some(([, outcome]) => outcome !== "ok");
    return { status: failed ? "failed" : "ok", checks: Object.fromEntries(outcomes) };
  }
}

/** In production nothing is said of errors: whoever asks may be anybody. */
async function outcomeOf(check: HealthCheck, limitMs: number): Promise<Outcome | string> {
  const late = Promise.withResolvers<Outcome>();
  const timer = setTimeout(() => late.resolve("timeout"), limitMs);
  const run = async (): Promise<Outcome> => ((await check()) === false ? "failed" : "ok");
  try {
    return await Promise.race([run(), late.promise]);
  } catch (error) {
    if (!isDevelopment()) return "failed";
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 9110 15.6.4: 503 is a state that is expected to pass. */
function statusOf(report: Report): number {
  return report.status === "ok" ? 200 : 503;
}

function named(option: string, checks: HealthChecks = []): NamedChecks {
  const pairs = Array.isArray(checks)
    ? checks.map((check, index) => [check.name || `check_${index + 1}`, check] as const)
    : Object.entries(checks);
  for (const [name, check] of pairs) {
    if (typeof check !== "function") throw fault(`${option}: ${name} is no function`);
  }
  return pairs;
}

function wholeMs(name: string, value: number, least: number): number {
  const most = 3_600_000;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw fault(`${name} is a whole number of milliseconds, ${least} to 3,600,000`);
}

function fault(text: string): ChopinError {
  return new ChopinError("invalid_option", `health: ${text}.`);
}
