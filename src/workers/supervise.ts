/** The beginning of a primary: what it binds and shares. Called by `app.ts`. */
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

/**
 * Serves with so many workers. Returns never: the process ends when the service has stopped.
 *
 * @throws Error with `code` when the address cannot be bound, and what `onPrimary` throws.
 */
export async function supervise(service: Service): Promise<never> {
  const { options, life, count, stopDelayMs } = service;
  const activated = takeActivated();
  const kept = activated !== undefined;
  const listeners = activated ?? bindListeners(options, count);
  try {
    await life.onPrimary();
    const metrics = await sharedMetrics(service);
    const equipment = { listeners, kept, count, metrics };
    await new Supervisor(equipment, life, stopDelayMs).start();
  } catch (error) {
    closeDescriptors(listeners.fds);
    throw error;
  }
  return new Promise(() => {});
}

/** Two sections for each worker: its successor begins before it ends. */
async function sharedMetrics({ count, counted }: Service): Promise<MetricsBlock | undefined> {
  if (counted === undefined) return undefined;
  const { MetricsBlock } = await import("../native/metrics.ts");
  return MetricsBlock.create(2 * count, counted, true);
}
