/**
 * When the reactor gets its turns. The thread is shared with Bun's own event loop, and neither may
 * starve the other:
 *
 * - busy: a turn each time Bun's loop comes round (`setImmediate`);
 * - quiet: a turn may wait natively, a millisecond at most, for either side's descriptors, but only
 *   when nobody else used the loop since the last turn;
 * - idle: no turns; the `Sleeper` wakes us, and nothing uses CPU.
 */
import type { Pointer } from "bun:ffi";
import { drainMicrotasks } from "bun:jsc";
import { control } from "./abi.ts";
import { Sleeper, type SleeperOptions } from "./sleeper.ts";
import { chopin_answers_flush, chopin_loop_observe, chopin_server_turn } from "./symbols.ts";

/**
 * Quiet turns before sleep where the next event is expected soon, each of a millisecond: at one
 * request at a time it comes within 0.1 ms. Elsewhere one without a wait, since each in vain wakes
 * the processor once more: at a request every 8 ms that took 255 µs of it for each, and takes 180.
 */
const quietTurnsMax = 3;

/** How long turns may follow each other before timers get their turn. */
const holdMs = 1;

export interface LoopOptions extends SleeperOptions {
  /** Turns may wait natively, a millisecond at most. */
  readonly waits: boolean;
  /** Called as soon as native code has returned from a turn. */
  readonly returned: () => void;
  /** Called after each turn, and after the microtasks that it left. */
  readonly afterTurn: () => void;
}

export interface Loop {
  /** Makes sure that a turn comes soon. */
  requestTurn(): void;
  /** No more turns. The native server must not be destroyed before this. */
  close(): void;
}

/** The immediate that Bun's loop runs in its next round. */
class NextRound {
  readonly #run: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #id = 0;

  constructor(run: () => void) {
    this.#run = run;
  }

  get asked(): boolean {
    return this.#immediate !== undefined;
  }

  /**
   * Asks for the round, again if need be. Timers and immediates are numbered in one sequence: true
   * when no other was asked for since this was called last, so that nobody else waits for the loop.
   */
  ask(): boolean {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = setImmediate(this.#run);
    const last = this.#id;
    this.#id = Number(this.#immediate);
    return this.#id === last + 1;
  }

  /** Not needed, or running already. */
  forget(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }
}

/**
 * Handlers that awaited nothing slow settle in microtasks, which would run right after this turn:
 * run now, their answers need not wait for Bun's loop to come round.
 */
function answerSettled(handle: Pointer, view: Uint32Array): void {
  drainMicrotasks();
  if (view[control.lateCount] !== 0 || view[control.piecesQueued] !== 0) {
    chopin_answers_flush(handle);
  }
}

/** Asks for the first turn. Throws when nothing on this system would wake it. */
export function startLoop(options: LoopOptions): Loop {
  const { handle, view, returned, afterTurn } = options;
  const next = new NextRound(turn);
  let closed = false;
  /** Somebody has asked for a turn since the last one began. */
  let wanted = false;
  /** The last sleep was shorter than what may be waited: the next event is waited for. */
  let expectant = false;
  let quietTurns = 0;

  const sleeper = new Sleeper(options, (sleptMs) => {
    if (closed || next.asked) return;
    expectant = sleptMs < quietTurnsMax * holdMs;
    turn();
  });
  const observed = options.waits && chopin_loop_observe(handle) === 1;

  /**
   * Turns without Bun's loop between them, as long as nobody else uses it and for as long as one
   * may wait: a round of it costs as much as ten requests.
   */
  function turn(): void {
    sleeper.awake();
    next.forget();
    let unused = next.ask();
    const end = performance.now() + holdMs;
    do {
      wanted = false;
      // A handler that waits may wait for a timer, which shows on no descriptor; a stream does not.
      const timed = view[control.requestsPending]! > view[control.streamsWaiting]!;
      const waits = observed && expectant && unused && !timed;
      const done = chopin_server_turn(handle, waits ? 1 : 0);
      // A handler runs Bun's loop, as test frameworks do: its own turn is below and not yet over.
      if (done < 0) return;
      returned();
      if (view[control.requestsPending] !== 0) answerSettled(handle, view);
      afterTurn();
      if (closed) return;
      quietTurns = done > 0 ? 0 : quietTurns + 1;
      if (done === 0 || !unused) break;
      drainMicrotasks();
      unused = next.ask();
    } while (performance.now() < end);
    const rests = quietTurns >= (expectant ? quietTurnsMax : 1) && !wanted;
    if (rests && view[control.lateCount] === 0) sleep();
  }

  function sleep(): void {
    if (!sleeper.sleep()) return;
    next.forget();
    quietTurns = 0;
  }

  // Not at once: what a turn calls back needs the loop that is returned here.
  next.ask();
  return {
    requestTurn() {
      wanted = true;
      if (!next.asked && !closed) next.ask();
    },
    close() {
      closed = true;
      next.forget();
      sleeper.close();
    },
  };
}
