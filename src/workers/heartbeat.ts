/** Notices event loops that do not go round. Owned by the supervisor. */
import type { Life } from "./options.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A program that connects, migrates and compiles first is ready long before. */
const slowStartMs = 30_000;

/**
 * Asks each worker twice in the time that it may be blocked, which wakes an idle one a few times a
 * minute.
 */
export class Heartbeat {
  readonly #workers: ReadonlySet<WorkerProcess>;
  readonly #limitMs: number;
  readonly #replace: ((worker: WorkerProcess) => Promise<void>) | undefined;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #beatMs = performance.now();

  constructor(
    { blockedMs, replaceBlocked }: Life,
    workers: ReadonlySet<WorkerProcess>,
    replace: (worker: WorkerProcess) => Promise<void>,
  ) {
    this.#workers = workers;
    this.#limitMs = blockedMs;
    this.#replace = replaceBlocked ? replace : undefined;
    if (blockedMs > 0) this.#timer = setInterval(() => this.#beat(), blockedMs / 2);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Whatever it said. */
  answered(worker: WorkerProcess): void {
    if (!worker.blocked || worker.phase !== "serving") return;
    worker.blocked = false;
    console.warn(`chopin: the event loop of ${worker.name} goes round again`);
  }

  #beat(): void {
    const now = performance.now();
    // This process did not run itself, or the machine slept.
    const late = now - this.#beatMs > this.#limitMs;
    this.#beatMs = now;
    for (const worker of this.#workers) {
      if (worker.phase === "starting") this.#tellSlow(worker);
      if (worker.phase !== "serving") continue;
      if (late) worker.heardMs = now;
      const silentMs = now - worker.heardMs;
      if (silentMs > this.#limitMs && !worker.blocked) {
        worker.blocked = true;
        const seconds = (silentMs / 1000).toFixed(1);
        console.error(`chopin: the event loop of ${worker.name} is blocked, for ${seconds} s now`);
        void this.#replace?.(worker);
      }
      worker.send({ order: "ping" });
    }
  }

  /** It may have good reasons; that nobody knows of them is none. */
  #tellSlow(worker: WorkerProcess): void {
    if (worker.blocked || worker.livedMs < slowStartMs) return;
    worker.blocked = true;
    console.warn(
      `chopin: ${worker.name} does not serve yet, ${slowStartMs / 1000} s after its start`,
    );
  }
}
