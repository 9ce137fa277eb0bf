/** The end of a native server, step by step; see the order in `zig/server.zig`. */
import type { Pointer } from "bun:ffi";
import { code, control } from "./abi.ts";
import type { StopKind } from "./contract.ts";
import * as symbols from "./symbols.ts";

/** What else ends with a server. */
export interface Surroundings {
  requestTurn(): void;
  /** No connection is left. */
  ended(): void;
  /** Just before the native server's memory goes: nothing may call it any more. */
  destroying(): void;
  destroyed(): void;
}

export class Shutdown {
  readonly #handle: Pointer;
  readonly #view: Uint32Array;
  readonly #around: Surroundings;
  readonly #stopped = Promise.withResolvers<void>();
  #phase: "serving" | "draining" | "ended" | "destroyed" = "serving";
  #kind: StopKind = { timeoutMs: 0, idleMs: 0, queue: "close" };
  // A handler may stop its own server, or run Bun's loop until its time is over: while a turn runs
  // native code refuses, and both are done at the turn's end.
  #drained = false;
  #overdue = false;

  constructor(handle: Pointer, view: Uint32Array, around: Surroundings) {
    this.#handle = handle;
    this.#view = view;
    this.#around = around;
  }

  get begun(): boolean {
    return this.#phase !== "serving";
  }

  /** Resolves when no connection is left. The first call decides how it goes. */
  begin(kind: StopKind): Promise<void> {
    if (this.begun) return this.#stopped.promise;
    this.#phase = "draining";
    this.#kind = kind;
    this.#drain();
    // Where there is no time to give, the next turn is the last, whatever becomes of timers.
    this.#overdue = kind.timeoutMs === 0;
    const deadline = setTimeout(() => this.#end(), kind.timeoutMs);
    this.#around.requestTurn();
    return this.#stopped.promise.finally(() => clearTimeout(deadline));
  }

  afterTurn(): void {
    if (this.#phase === "draining") {
      if (!this.#drained) this.#drain();
      if (this.#overdue || this.#view[control.connectionsOpen] === 0) this.#end();
    } else if (this.#phase === "ended") {
      this.#finish();
    }
  }

  /** Handlers of WebSockets hear of their end first; those of requests may take any time. */
  #finish(): void {
    if (this.#view[control.websocketsOpen] !== 0) return;
    this.#stopped.resolve();
    if (this.#view[control.requestsPending] === 0) this.#destroy();
  }

  #drain(): void {
    const { idleMs, queue } = this.#kind;
    const native = queue === "leave" ? 0 : 1;
    const result = symbols.chopin_server_drain(this.#handle, idleMs, native);
    this.#drained = result !== code.reEntered;
  }

  /**
   * Connections are gone; requests that handlers still work on keep their memory until they settle.
   */
  #end(): void {
    if (this.#phase === "ended" || this.#phase === "destroyed") return;
    this.#overdue = true;
    if (symbols.chopin_server_end(this.#handle) === code.reEntered) return;
    this.#phase = "ended";
    this.#around.ended();
    // What is left is told with a turn.
    this.#around.requestTurn();
    this.#finish();
  }

  #destroy(): void {
    this.#phase = "destroyed";
    this.#around.destroying();
    symbols.chopin_server_destroy(this.#handle);
    this.#around.destroyed();
  }
}
