/**
 * The primary process: it keeps every slot filled with a worker until the service stops. It answers
 * no request, so that nothing a request does can end it.
 */
import { unlink } from "node:fs/promises";
import { closeDescriptors } from "../native/listeners.ts";
import { monotonicMicroseconds } from "../native/process.ts";
import { urlOf } from "../serving.ts";
import type { Report } from "./channel.ts";
import { Crew, type Equipment } from "./crew.ts";
import { Heartbeat } from "./heartbeat.ts";
import { keepWatchdog, notify } from "./manager.ts";
import type { Life } from "./options.ts";
import { handleSignals } from "./signals.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Starts that may fail one after the other before the service gives up. */
const startsMax = 3;
/** A worker that lived so long did not die of what killed the one before. */
const stableMs = 10_000;
/** For `onStop` and the end of a process, behind the deadline of its requests. */
const graceMs = 5_000;

/** A worker's place; its number stays, whoever fills it. */
interface Slot {
  readonly index: number;
  /** The worker that serves, or that was the last to do so. */
  current?: WorkerProcess | undefined;
  /** Workers in a row that failed to start, or died young. */
  failures: number;
  /** Somebody is busy with putting a worker here. */
  filling: boolean;
  /** Who takes this slot's connections while it has no worker. */
  deputy?: WorkerProcess | undefined;
}

export class Supervisor {
  readonly #equipment: Equipment;
  readonly #life: Life;
  /** Milliseconds that a worker may take from the order to stop to its end. */
  readonly #retireMs: number;
  readonly #slots: readonly Slot[];
  readonly #crew: Crew;
  readonly #heartbeat: Heartbeat;
  #stopping = false;
  #replacing: Promise<void> | undefined;
  #replaceAgain = false;
  #firstFailure = "";

  constructor(equipment: Equipment, life: Life, stopDelayMs: number) {
    this.#equipment = equipment;
    this.#life = life;
    this.#retireMs = stopDelayMs + life.stopTimeoutMs + graceMs;
    this.#slots = Array.from({ length: equipment.count }, (_, index) => ({
      index,
      failures: 0,
      filling: false,
    }));
    this.#crew = new Crew(equipment, this, (worker, cause) => this.#ended(worker, cause));
    this.#heartbeat = new Heartbeat(life, this.#crew.members, (worker) =>
      this.#replaceBlocked(worker),
    );
  }

  async start(): Promise<void> {
    if (this.#life.signals) {
      handleSignals({
        stop: () => void this.stop(0),
        abandon: () => {
          for (const worker of this.#crew.members) worker.kill();
        },
        reload: () => void this.replaceAll(),
      });
    }
    // What is wrong with the program is wrong in each worker: the first one says it alone.
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    await this.#fill(first);
    await Promise.all(others.map((slot) => this.#fill(slot)));
    if (this.#stopping) return;
    console.log(
      `chopin: ${urlOf(this.#equipment.listeners.address)} by ${this.#slots.length} workers`,
    );
    notify("READY=1");
    keepWatchdog(() => this.#slots.some(({ current }) => current?.blocked === false));
  }

  /** Ends the process when all workers have ended. */
  async stop(exitCode: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    notify("STOPPING=1");
    this.#heartbeat.stop();
    // The workers hold them too, and take what waits before they close them.
    closeDescriptors(this.#equipment.listeners.fds);
    await Promise.all([...this.#crew.members].map((worker) => worker.retire(true, this.#retireMs)));
    const { listeners, kept } = this.#equipment;
    const { unix } = listeners.address;
    // An abstract name is gone with its sockets, and a file may be gone already.
    const owned = unix !== undefined && !kept && !unix.startsWith("\0");
    if (owned) await unlink(unix).catch(() => {});
    process.exit(exitCode);
  }

  /** Starts a new worker in each slot, one after the other, and lets the old one finish. */
  async replaceAll(): Promise<void> {
    this.#replaceAgain = true;
    if (this.#replacing !== undefined || this.#stopping) return this.#replacing;
    this.#replacing = (async () => {
      while (this.#replaceAgain && !this.#stopping) {
        this.#replaceAgain = false;
        await this.#replaceEach();
      }
    })();
    await this.#replacing;
    this.#replacing = undefined;
  }

  async #replaceEach(): Promise<void> {
    notify("RELOADING=1", `MONOTONIC_USEC=${monotonicMicroseconds()}`);
    let replaced = true;
    for (const slot of this.#slots) {
      // One that is being filled gets the new program anyway.
      if (this.#stopping || slot.filling) continue;
      replaced = await this.#replace(slot, (old) => old.retire(false, this.#retireMs));
      if (!replaced) break;
    }
    notify("READY=1");
    if (replaced && !this.#stopping) console.warn("chopin: all workers were replaced");
  }

  /** False: the successor did not start, and the old worker goes on. */
  async #replace(slot: Slot, end: (old: WorkerProcess) => Promise<void>): Promise<boolean> {
    const old = slot.current;
    slot.filling = true;
    const successor = this.#crew.start(slot.index);
    const started = successor !== undefined && (await successor.ready);
    slot.filling = false;
    if (started) {
      slot.current = successor;
      slot.failures = 0;
      const ending = old === undefined ? undefined : end(old);
      this.#cover();
      await ending;
    } else if (!this.#stopping) {
      console.error(
        `chopin: the new program does not start (${successor?.name} ${await successor?.ended}), ` +
          "the workers that serve go on",
      );
      // It may have died meanwhile.
      if (old?.phase !== "serving") void this.#fill(slot);
    }
    return started;
  }

  async #replaceBlocked(worker: WorkerProcess): Promise<void> {
    const slot = this.#slots[worker.slot] as Slot;
    if (slot.current !== worker || slot.filling || this.#stopping) return;
    await this.#replace(slot, async (old) => old.kill());
  }

  /** Tries until a worker serves there, the service stops, or too many starts have failed. */
  async #fill(slot: Slot): Promise<void> {
    slot.filling = true;
    let starts = 0;
    while (!this.#stopping) {
      await Bun.sleep(backoffMs(slot.failures));
      if (this.#stopping) break;
      const worker = this.#crew.start(slot.index);
      if (worker !== undefined && (await worker.ready)) {
        slot.current = worker;
        break;
      }
      if (this.#stopping) break;
      slot.failures += 1;
      starts += 1;
      const cause = worker === undefined ? "no process" : `${worker.name} ${await worker.ended}`;
      if (starts === 1) this.#firstFailure = cause;
      console.error(`chopin: ${cause} before it served`);
      if (starts === startsMax) this.#giveUp();
    }
    slot.filling = false;
    this.#cover();
  }

  #giveUp(): void {
    console.error(
      `chopin: a worker failed to start ${startsMax} times, the service stops; ` +
        `the first time: ${this.#firstFailure}`,
    );
    void this.stop(1);
  }

  /** Called by a worker's channel. */
  reported(worker: WorkerProcess, { report }: Report): void {
    if (report === "stop") void this.stop(0);
    if (report === "pong") this.#heartbeat.answered(worker);
  }

  /** Called by a worker's channel: all that come from one worker go on in their order. */
  published(from: WorkerProcess, message: Uint8Array): void {
    for (const worker of this.#crew.members) {
      if (worker !== from && worker.phase === "serving") worker.relay(message);
    }
  }

  #ended(worker: WorkerProcess, cause: string): void {
    const slot = this.#slots[worker.slot] as Slot;
    this.#cover();
    if (this.#stopping || slot.current !== worker || worker.expected) return;
    slot.failures = worker.livedMs > stableMs ? 0 : slot.failures + 1;
    console.error(`chopin: ${worker.name} ${cause}; another one is started`);
    if (!slot.filling) void this.#fill(slot);
  }

  /** A slot without a worker has a queue all the same: one of the others takes it. */
  #cover(): void {
    if (this.#equipment.listeners.fds.length === 1 || this.#stopping) return;
    const serving = this.#slots.flatMap(({ current }) =>
      current?.phase === "serving" ? [current] : [],
    );
    for (const slot of this.#slots) {
      const order = { order: "accept", slot: slot.index } as const;
      if (slot.current?.phase === "serving") {
        slot.deputy?.send({ ...order, wanted: false });
        slot.deputy = undefined;
      } else if (slot.deputy?.phase !== "serving") {
        slot.deputy = serving[slot.index % Math.max(1, serving.length)];
        slot.deputy?.send({ ...order, wanted: true });
      }
    }
  }
}

/** At once the first time, then longer and longer: what is wrong may take its time to pass. */
function backoffMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(200 * 4 ** (failures - 1), 10_000);
}
