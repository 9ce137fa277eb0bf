/** What a program may say about its processes and their end, as a part of `serve`'s options. */
import { fromEnvironment, wholeOption } from "../environment.ts";

/** The process that a hook runs in. */
export interface WorkerInfo {
  /** Its place among the workers, from 0; a successor has that of its predecessor. */
  readonly slot: number;
  /** Processes that serve; 1 where the program serves alone. */
  readonly workers: number;
}

export interface LifeOptions {
  /**
   * Processes that serve: CHOPIN_WORKERS, or 1 unless told. "auto" is one for each processor that
   * this process may use. With more than one, the process that calls `serve` supervises and never
   * returns from it; see `docs/workers.md`.
   */
  readonly workers?: number | "auto";
  /** Each worker keeps to a processor of its own (Linux); false unless told. */
  readonly pinWorkers?: boolean;
  /**
   * SIGTERM and SIGINT stop the service and end the process, SIGHUP replaces its workers; true
   * unless told, and never for a signal that the program itself listens to, in `bun test`, and in a
   * `Worker`.
   */
  readonly signals?: boolean;
  /**
   * Milliseconds that requests in flight are given when a signal stops the service:
   * CHOPIN_STOP_TIMEOUT_MS, or 10,000 unless told.
   */
  readonly stopTimeoutMs?: number;
  /**
   * Milliseconds after which a connection without a request is closed then: CHOPIN_DRAIN_IDLE_MS,
   * or 5,000 unless told.
   */
  readonly drainIdleMs?: number;
  /**
   * Milliseconds that the event loop of a worker may be blocked before it is reported; 10,000
   * unless told, 0 for any time.
   */
  readonly blockedMs?: number;
  /** A worker that is blocked for so long is replaced and killed; false unless told. */
  readonly replaceBlocked?: boolean;
  /** Runs once, in the first process, before anything is served. */
  readonly onPrimary?: () => unknown;
  /** Runs in each process that serves, before it accepts its first connection. */
  readonly onStart?: (worker: WorkerInfo) => unknown;
  /** Runs in each process that served, after its last answer. */
  readonly onStop?: (worker: WorkerInfo) => unknown;
}

/** With everything filled in and checked. */
export interface Life {
  /** Nobody said how many processes serve. */
  readonly workersUnsaid: boolean;
  readonly pinWorkers: boolean;
  readonly signals: boolean;
  readonly stopTimeoutMs: number;
  readonly drainIdleMs: number;
  readonly blockedMs: number;
  readonly replaceBlocked: boolean;
  readonly onPrimary: () => unknown;
  readonly onStart: (worker: WorkerInfo) => unknown;
  readonly onStop: (worker: WorkerInfo) => unknown;
}

const hour = 3_600_000;
const duration = { least: 0, most: hour, unit: "milliseconds" };

/**
 * @throws ChopinError `invalid_option` or `invalid_environment`.
 */
export function lifeOf(
  given: LifeOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Life {
  const time = (
    name: "stopTimeoutMs" | "drainIdleMs",
    variable: string,
    otherwise: number,
  ): number =>
    wholeOption(name, given[name], duration) ??
    fromEnvironment(environment, variable, duration) ??
    otherwise;
  return {
    workersUnsaid: given.workers === undefined && !environment.CHOPIN_WORKERS,
    pinWorkers: given.pinWorkers ?? false,
    signals: given.signals ?? true,
    stopTimeoutMs: time("stopTimeoutMs", "CHOPIN_STOP_TIMEOUT_MS", 10_000),
    drainIdleMs: time("drainIdleMs", "CHOPIN_DRAIN_IDLE_MS", 5_000),
    blockedMs: wholeOption("blockedMs", given.blockedMs, duration) ?? 10_000,
    replaceBlocked: given.replaceBlocked ?? false,
    onPrimary: given.onPrimary ?? (() => {}),
    onStart: given.onStart ?? (() => {}),
    onStop: given.onStop ?? (() => {}),
  };
}
