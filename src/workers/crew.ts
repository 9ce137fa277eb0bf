/** Starts workers for a supervisor, and knows all that have not ended. */
import type { Listeners } from "../native/listeners.ts";
import type { MetricsBlock } from "../native/metrics.ts";
import { descriptors, type Place } from "./channel.ts";
import { type Watcher, WorkerProcess } from "./worker-process.ts";

/** What every worker of a service is started with. */
export interface Equipment {
  readonly listeners: Listeners;
  /** A service manager bound them, and keeps them for the next process. */
  readonly kept: boolean;
  /** Workers that serve at a time. */
  readonly count: number;
  readonly metrics: MetricsBlock | undefined;
}

export class Crew {
  /** In every phase but the last. */
  readonly members = new Set<WorkerProcess>();
  readonly #equipment: Equipment;
  readonly #watcher: Watcher;
  readonly #ended: (worker: WorkerProcess, cause: string) => void;

  /** `ended` is called when a process is gone, after its last report. */
  constructor(
    equipment: Equipment,
    watcher: Watcher,
    ended: (worker: WorkerProcess, cause: string) => void,
  ) {
    this.#equipment = equipment;
    this.#watcher = watcher;
    this.#ended = ended;
  }

  /** Undefined, and told, when the system starts no process. */
  start(slot: number): WorkerProcess | undefined {
    const { listeners, kept, count, metrics } = this.#equipment;
    const { fds, address } = listeners;
    const section = metrics?.claim();
    const counting = section !== undefined && { fd: descriptors.listeners + fds.length, section };
    const place: Place = {
      slot,
      workers: count,
      primary: process.pid,
      listeners: fds.length,
      kept,
      address,
      ...(counting && { metrics: counting }),
    };
    const shared = counting && metrics !== undefined ? [metrics.fd] : [];
    const release = (): void => {
      if (section !== undefined) metrics?.fold(section);
    };
    try {
      const worker = new WorkerProcess(place, [...fds, ...shared], this.#watcher);
      this.members.add(worker);
      void worker.ended.then((cause) => {
        this.members.delete(worker);
        release();
        this.#ended(worker, cause);
      });
      return worker;
    } catch (error) {
      release();
      console.error("chopin: the system starts no process:", error);
      return undefined;
    }
  }
}
