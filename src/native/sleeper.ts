/**
 * What wakes a reactor that sleeps in Bun's event loop, and keeps the process alive meanwhile: a
 * socket pair, and after some seconds of sleep a doorbell. A wake-up by a socket costs the least,
 * but has Bun's loop look for its time-outs for as long as it exists.
 */
import type { Pointer } from "bun:ffi";
import { control } from "./abi.ts";
import { Doorbell } from "./doorbell.ts";
import { chopin_server_arm, chopin_wakeup_create, chopin_wakeup_listener } from "./symbols.ts";
import { Wakeup } from "./wakeup.ts";

/**
 * How long a server sleeps before it rests. Going to rest and leaving it take 0.8 ms of CPU in all:
 * a server that is asked this seldom does not notice.
 */
const restAfterMs = 4000;

/** What tests ask for. */
export interface RestOptions {
  readonly afterMs?: number;
  /** `Preference` of `zig/wakeup.zig`. */
  readonly preference?: number;
}

export interface SleeperOptions {
  readonly handle: Pointer;
  readonly view: Uint32Array;
  readonly rest?: RestOptions;
}

export class Sleeper {
  readonly #options: SleeperOptions;
  readonly #woken: () => void;
  readonly #restAfterMs: number;
  readonly #preference: number;
  #wakeup: Wakeup | undefined;
  #doorbell: Doorbell | undefined;
  #looking: NodeJS.Timeout | undefined;
  #asleep = false;
  #sinceMs = 0;

  /**
   * `onWake` is called from the event loop, in vain too, with the time since sleep began. Throws
   * when no wake-up works on this system.
   */
  constructor(options: SleeperOptions, onWake: (sleptMs: number) => void) {
    this.#options = options;
    this.#woken = () => onWake(performance.now() - this.#sinceMs);
    this.#restAfterMs = options.rest?.afterMs ?? restAfterMs;
    this.#preference = options.rest?.preference ?? 0;
    const kind = this.#connect();
    if (kind < 0) throw new Error(`Chopin cannot be woken by the system (code ${kind})`);
  }

  /** False: for want of memory or descriptors nothing would wake it, so turns must go on. */
  sleep(): boolean {
    // It has left its rest.
    if (this.#wakeup === undefined && this.#doorbell === undefined && this.#connect() < 0) {
      return false;
    }
    if (chopin_server_arm(this.#options.handle) < 0) return false;
    this.#asleep = true;
    this.#sinceMs = performance.now();
    if (this.#wakeup !== undefined) this.#lookLater();
    return true;
  }

  /** Turns run again, whoever asked for them. */
  awake(): void {
    this.#asleep = false;
  }

  /** Nothing is called any more. Native code must not close its end before this. */
  close(): void {
    clearTimeout(this.#looking);
    this.#wakeup?.close();
    this.#doorbell?.close();
  }

  #connect(): number {
    const { handle, view } = this.#options;
    const kind = chopin_wakeup_create(handle, this.#preference);
    if (kind < 0) return kind;
    this.#wakeup = new Wakeup(view[control.result] as number, this.#woken);
    return kind;
  }

  #lookLater(): void {
    if (this.#looking !== undefined || process.platform !== "linux") return;
    this.#looking = setTimeout(() => this.#look(), this.#restAfterMs);
  }

  #look(): void {
    this.#looking = undefined;
    if (!this.#asleep) return;
    const quiet = performance.now() - this.#sinceMs >= this.#restAfterMs;
    if (!quiet || !this.#rest()) this.#lookLater();
  }

  /** False: this system has no such listeners, or just now no descriptor left. */
  #rest(): boolean {
    const doorbell = openDoorbell(() => {
      this.#doorbell = undefined;
      doorbell?.close();
      this.#woken();
    });
    if (doorbell === undefined) return false;
    const name = Buffer.from(doorbell.name);
    const { handle } = this.#options;
    if (chopin_wakeup_listener(handle, this.#preference, name, name.length) < 0) {
      doorbell.close();
      return false;
    }
    this.#doorbell = doorbell;
    this.#wakeup?.close();
    this.#wakeup = undefined;
    // A byte that was on its way is lost with the socket, but what sent it is still there to ring.
    if (chopin_server_arm(handle) < 0) this.#woken();
    return true;
  }
}

function openDoorbell(onRing: () => void): Doorbell | undefined {
  try {
    return new Doorbell(onRing);
  } catch {
    return undefined;
  }
}
