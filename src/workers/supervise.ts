/** The beginning of a primary: what it binds, and that it is only one. Called by `app.ts`. */
import type { ServerOptions } from "../native/contract.ts";
import { bindListeners, closeDescriptors } from "../native/listeners.ts";
import type { MetricsBlock } from "../native/metrics.ts";
import { takeActivated } from "./manager.ts";
import type { Life } from "./options.ts";
import { Supervisor } from "./supervisor.ts";

/** What is supervised. */
export interface Service {
  readonly options: ServerOptions;
  readonly life: Life;
  readonly count: number;
  /** Routes that metrics count; undefined: the application has none. */
  readonly counted: number | undefined;
  /** For load balancers, before a worker stops accepting. */
  readonly stopDelayMs: number;
}

interface Supervised {
  [supervised]?: Supervisor;
}

/** `bun --hot` runs the program again in the primary: that is a reason to replace the workers. */
const supervised = Symbol.for("chopin.supervisor");

/**
 * Serves with so many workers. Returns never: the process ends when the service has stopped.
 *
 * @throws Error with `code` when the address cannot be bound, and what `onPrimary` throws.
 */
export async function supervise(service: Service): Promise<never> {
  const scope = globalThis as Supervised;
  if (scope[supervised] === undefined) {
    const { options, life, count, stopDelayMs } = service;
    const activated = takeActivated();
    const listeners = activated ?? bindListeners(options, count);
    try {
      await life.onPrimary();
      const metrics = await sharedMetrics(service);
      const kept = activated !== undefined;
      scope[supervised] = new Supervisor({ listeners, kept, count, metrics }, life, stopDelayMs);
    } catch (error) {
      closeDescriptors(listeners.fds);
      throw error;
    }
    await scope[supervised].start();
  } else {
    await scope[supervised].replaceAll();
  }
  return new Promise(() => {});
}

/** Two sections for each worker: its successor begins before it ends. */
async function sharedMetrics({ count, counted }: Service): Promise<MetricsBlock | undefined> {
  if (counted === undefined) return undefined;
  const { MetricsBlock } = await import("../native/metrics.ts");
  return MetricsBlock.create(2 * count, counted, true);
}
