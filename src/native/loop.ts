/**
 * When the reactor gets its turns. The thread is shared with Bun's own event loop, and neither may
 * starve the other:
 *
 * - busy: a turn each time Bun's loop comes round (`setImmediate`);
 * - quiet: a turn may wait natively, a millisecond at most, for either side's descriptors, but only
 *   when nobody else used the loop since the last turn;
 * - idle: no turns; a descriptor that Bun watches wakes us, and nothing uses CPU.
 */
import type { Pointer } from "bun:ffi";
import { drainMicrotasks } from "bun:jsc";
import { control } from "./abi.ts";
import {
  chopin_answers_flush,
  chopin_loop_observe,
  chopin_server_arm,
  chopin_server_turn,
  chopin_wakeup_create,
} from "./symbols.ts";
import { Wakeup } from "./wakeup.ts";

/**
 * Quiet turns before sleep. At one request at a time the next one comes within 0.1 ms; two waits of
 * a millisecond are twenty times that, and cost a sleeping thread nothing.
 */
const quietTurnsMax = 3;

/** How long turns may follow each other before timers get their turn. */
const holdMs = 1;

export interface LoopOptions {
  readonly handle: Pointer;
  readonly view: Uint32Array;
  /** Longest native wait of a quiet turn in microseconds; 0: never wait natively. */
  readonly waitUs: number;
  /** Called after each turn. */
  readonly afterTurn: () => void;
}

export interface Loop {
  /** Makes sure that a turn comes soon. */
  requestTurn(): void;
  /** No more turns. The wake-up's descriptor must not be closed natively before this. */
  close(): void;
}

/**
 * Timers and immediates are numbered in one sequence: when the one made at the start of this turn
 * follows the one of the last turn, no code has asked the loop for anything in between.
 */
function watchIds(): (immediate: NodeJS.Immediate | undefined) => boolean {
  let previousId = 0;
  return (immediate) => {
    const id = Number(immediate);
    const unused = id === previousId + 1;
    previousId = id;
    return unused;
  };
}

/** Creates the wake-up and asks for the first turn. Throws when no wake-up works on this system. */
export function startLoop(options: LoopOptions): Loop {
  const { handle, view, waitUs, afterTurn } = options;
  let immediate: NodeJS.Immediate | undefined;
  let closed = false;
  let quietTurns = 0;
  const loopWasUnused = watchIds();

  const kind = chopin_wakeup_create(handle, 0);
  if (kind < 0) throw new Error(`Chopin cannot be woken by the system (code ${kind})`);
  // It also keeps the process alive while the server listens.
  const wakeup = new Wakeup(view[control.result] as number, wake);
  const observed = waitUs > 0 && chopin_loop_observe(handle) === 1;

  function wake(): void {
    if (!closed && immediate === undefined) turn();
  }

  /** A handler that waits may wait for a timer, which shows on no descriptor. */
  function mayWait(): boolean {
    return observed && view[control.requestsPending] === 0;
  }

  /**
   * Handlers that awaited nothing slow settle in microtasks, which would run right after this turn:
   * run now, their answers need not wait for Bun's loop to come round.
   */
  function answerSettled(): void {
    drainMicrotasks();
    if (view[control.lateCount] !== 0) chopin_answers_flush(handle);
  }

  /** Asks for Bun's next round. Whether nobody else has asked for it since we did so last. */
  function askAgain(): boolean {
    if (immediate !== undefined) clearImmediate(immediate);
    immediate = setImmediate(turn);
    return loopWasUnused(immediate);
  }

  /** Turns without Bun's loop between them, as long as nobody else uses it, and for as long as a quiet
   *  turn may wait: its round costs as much as ten requests. */
  function turn(): void {
    immediate = undefined;
    const end = performance.now() + holdMs;
    let unused = askAgain();
    for (let now = 0; now < end; now = performance.now()) {
      const done = chopin_server_turn(handle, unused && mayWait() ? waitUs : 0);
      // A handler runs Bun's loop, as test frameworks do: its own turn is below and not yet over.
      if (done < 0) return;
      if (view[control.requestsPending] !== 0) answerSettled();
      afterTurn();
      if (closed) return;
      quietTurns = done > 0 ? 0 : quietTurns + 1;
      if (done === 0 || !unused) break;
      drainMicrotasks();
      unused = askAgain();
    }
    if (quietTurns < quietTurnsMax || view[control.lateCount] !== 0) return;
    // Without memory for the wake-up the turns go on.
    if (chopin_server_arm(handle) < 0) return;
    if (immediate !== undefined) clearImmediate(immediate);
    immediate = undefined;
    quietTurns = 0;
  }

  // Not at once: what a turn calls back needs the loop that is returned here.
  immediate = setImmediate(turn);
  return {
    requestTurn() {
      if (immediate === undefined && !closed) immediate = setImmediate(turn);
    },
    close() {
      closed = true;
      if (immediate !== undefined) clearImmediate(immediate);
      wakeup.close();
    },
  };
}
