/** One worker as its primary sees it: a process, its channel, and what became of it. */
import { constants } from "node:os";
import { causeOf } from "./cause.ts";
import { memoryKills } from "./cgroup.ts";
import { Channel, type Order, type Place, placeVariable, type Report } from "./channel.ts";
import { commandLine } from "./command-line.ts";
import { Dropped } from "./dropped.ts";
import { managerVariables } from "./manager.ts";

/** What a worker tells while it runs. */
export interface Watcher {
  reported(worker: WorkerProcess, report: Report): void;
  /** A worker's message for all others. */
  published(worker: WorkerProcess, message: Uint8Array): void;
}

export class WorkerProcess {
  readonly slot: number;
  readonly startedMs = performance.now();
  /** True when it serves, false when it ended before. */
  readonly ready: Promise<boolean>;
  /** In words, when it has ended. */
  readonly ended: Promise<string>;
  phase: "starting" | "serving" | "leaving" | "ended" = "starting";
  /** When it answered last that its event loop goes round. */
  heardMs = this.startedMs;
  /** It was told to end, so its end is no news. */
  expected = false;
  /** It was reported that its event loop does not. */
  blocked = false;
  readonly #child: Bun.Subprocess;
  readonly #channel: Channel<Order, Report>;
  readonly #dropped: Dropped;
  #exception: string | undefined;

  /** Starts it; throws when the system has no room for a process. */
  constructor(place: Place, fds: readonly number[], watcher: Watcher) {
    this.slot = place.slot;
    this.#dropped = new Dropped(`worker ${place.slot}`);
    const before = memoryKills();
    const isReady = Promise.withResolvers<boolean>();
    const hasEnded = Promise.withResolvers<string>();
    this.ready = isReady.promise;
    this.ended = hasEnded.promise;
    this.#child = Bun.spawn({
      cmd: commandLine(),
      env: environmentOf(place),
      stdio: ["ignore", "inherit", "inherit", "pipe", ...fds],
      onExit: (_, exitCode, signal) => {
        const [exception, memoryRanOut] = [this.#exception, memoryKills() > before];
        this.phase = "ended";
        this.#channel.close();
        isReady.resolve(false);
        hasEnded.resolve(causeOf({ exitCode, signal: nameOf(signal), exception, memoryRanOut }));
      },
    });
    const take = (report: Report): void => {
      if (report.report === "exception") this.#exception = report.message;
      if (report.report === "ready" && this.phase === "starting") {
        this.phase = "serving";
        this.blocked = false;
        isReady.resolve(true);
      }
      this.heardMs = performance.now();
      watcher.reported(this, report);
    };
    // How it ends is told by its exit.
    const control = this.#child.stdio[3] as unknown as number;
    const pass = (message: Uint8Array): void => watcher.published(this, message);
    this.#channel = new Channel(control, take, () => {}, pass);
  }

  get name(): string {
    return `worker ${this.slot} (process ${this.#child.pid})`;
  }

  get livedMs(): number {
    return performance.now() - this.startedMs;
  }

  send(order: Order): void {
    this.#channel.send(order);
  }

  /** What another worker has published. */
  relay(message: Uint8Array): void {
    if (!this.#channel.sendBytes(message)) this.#dropped.count();
  }

  /** At once, by a signal that nobody can ignore. */
  kill(): void {
    this.expected = true;
    this.#child.kill("SIGKILL");
  }

  /** Tells it to stop, and kills it when it has not ended after so long. */
  async retire(final: boolean, timeoutMs: number): Promise<void> {
    if (this.phase === "ended") return;
    const [starting, leaving] = [this.phase === "starting", this.phase === "leaving"];
    this.phase = "leaving";
    this.expected = true;
    // One that serves nothing yet has nothing to finish.
    if (starting) this.kill();
    else if (!leaving) this.send({ order: "stop", final });
    const overdue = setTimeout(() => {
      console.warn(`chopin: ${this.name} has not stopped in time and is killed`);
      this.kill();
    }, timeoutMs);
    await this.ended;
    clearTimeout(overdue);
  }
}

function environmentOf(place: Place): Record<string, string | undefined> {
  const own = { ...process.env, [placeVariable]: JSON.stringify(place) };
  for (const name of managerVariables) delete own[name as keyof typeof own];
  return own;
}

/** Bun's `onExit` has a number, its `signalCode` a name. */
function nameOf(signal: number | string | null): string | null {
  if (typeof signal !== "number") return signal;
  return (
    Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `${signal}`
  );
}
