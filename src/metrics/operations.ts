/**
 * What an application's metrics and health need of its server: the block of memory that is counted
 * into, a port of their own, and to know when it stops. Called by `serving.ts`.
 */
import type { Health } from "../health.ts";
import type { Metrics } from "../metrics.ts";
import type { NativeServer } from "../native/contract.ts";
import type { MetricsBlock } from "../native/metrics.ts";
import { isWorker } from "../workers/place.ts";
import { OperationsListener, type Paths } from "./listener.ts";
import type { OperationsPlace } from "./place.ts";

/** A section of the block that another process has made. */
export interface SharedMetrics {
  readonly fd: number;
  readonly section: number;
}

interface Kept {
  readonly block: MetricsBlock | undefined;
  readonly listeners: Map<string, OperationsListener>;
}

const chopinOperations = Symbol.for("chopin.operations");

/** `bun --hot` evaluates every module again: what a server has got by then is found here. */
const keptBy: WeakMap<NativeServer, Kept> = keptIn(
  globalThis as { [chopinOperations]?: WeakMap<NativeServer, Kept> },
);

export class Operations {
  readonly #metrics: Metrics | undefined;
  readonly #health: Health | undefined;
  readonly #shared: SharedMetrics | undefined;
  #kept: Kept | undefined;
  #blocks: typeof MetricsBlock | undefined;

  /** `shared`: in a worker, whose siblings count into the same block. */
  constructor(metrics: Metrics | undefined, health: Health | undefined, shared?: SharedMetrics) {
    this.#metrics = metrics;
    this.#health = health;
    this.#shared = shared;
  }

  /** Before a server listens: its first request is to be counted too. */
  async prepare(): Promise<void> {
    // Loads the library's functions for it: only programs with metrics pay for that.
    if (this.#metrics !== undefined) {
      this.#blocks = (await import("../native/metrics.ts")).MetricsBlock;
    }
  }

  /**
   * A server listens, and has not come round since; `routes` are the names of its handlers, by
   * their number.
   */
  started(native: NativeServer, routes: readonly string[]): void {
    const { block, listeners } = keptBy.get(native) ?? { block: undefined, listeners: new Map() };
    this.#health?.starting();
    const counting = this.#count(native, routes, block);
    this.#kept = { block: counting, listeners };
    keptBy.set(native, this.#kept);
    this.#listen(listeners);
  }

  /** Before the listeners close. */
  async stopping(): Promise<void> {
    this.#health?.stopping();
    const delayMs = this.#health?.stopDelayMs ?? 0;
    if (delayMs > 0) await Bun.sleep(delayMs);
  }

  stopped(): void {
    if (this.#metrics !== undefined) this.#metrics.source = undefined;
    this.#kept?.block?.close();
    for (const listener of this.#kept?.listeners.values() ?? []) listener.close();
    this.#kept = undefined;
  }

  #count(
    native: NativeServer,
    routes: readonly string[],
    before: MetricsBlock | undefined,
  ): MetricsBlock | undefined {
    const blocks = this.#blocks;
    if (this.#metrics === undefined || blocks === undefined) return before;
    const shared = this.#shared;
    const make = (): MetricsBlock => {
      if (shared !== undefined) return blocks.attach(shared.fd);
      const alone = blocks.create(1, routes.length, false);
      alone.claim();
      return alone;
    };
    const block = before ?? make();
    block.record(native.handle, shared?.section ?? 0, routes);
    this.#metrics.source = block;
    return block;
  }

  #listen(listeners: Map<string, OperationsListener>): void {
    const wanted = new Map<string, { place: OperationsPlace; paths: Paths }>();
    const at = (place: OperationsPlace): Paths => {
      const key = `${place.hostname}:${place.port}`;
      const found = wanted.get(key) ?? { place, paths: new Map() };
      wanted.set(key, found);
      return found.paths;
    };
    const [metrics, health] = [this.#metrics, this.#health];
    if (metrics?.place !== undefined) {
      at(metrics.place).set(metrics.path, (request) => metrics.respond(request));
    }
    if (health?.place !== undefined) {
      at(health.place).set(health.livePath, () => health.respond(health.live()));
      at(health.place).set(health.readyPath, () => health.respond(health.ready()));
    }
    for (const [key, { place, paths }] of wanted) {
      const listener = listeners.get(key);
      if (listener !== undefined) listener.replace(paths);
      else listeners.set(key, new OperationsListener(place, paths, isWorker()));
    }
  }
}

function keptIn(scope: {
  [chopinOperations]?: WeakMap<NativeServer, Kept>;
}): WeakMap<NativeServer, Kept> {
  scope[chopinOperations] ??= new WeakMap();
  return scope[chopinOperations];
}
