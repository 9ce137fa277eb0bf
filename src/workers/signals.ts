/**
 * Signals of a process that serves alone or supervises: the first SIGTERM or SIGINT stops the
 * service, the second ends the process at once, SIGHUP is for `reload`.
 */
import { constants } from "node:os";
import { isTerminal } from "../native/process.ts";

/** What signals lead to. */
export interface SignalHandlers {
  /** Ends the process itself, when everything is done. */
  stop(): void;
  /** There is no time to do anything properly; the process ends behind it. */
  abandon(): void;
  reload(): void;
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

const patience = "chopin: waits for connections to end; one more signal ends it at once";
const patienceMs = 500;

type Signal = (typeof signals)[number];

interface Handled {
  [handled]?: (signal: Signal) => void;
}

/** `bun --hot` evaluates this module again, and the listeners of the one before stay. */
const handled = Symbol.for("chopin.signals");
const scope = globalThis as Handled;

/**
 * From now on signals go to these handlers, or, with undefined, do what they do in any process.
 * A signal to which the program listens itself is the program's.
 */
export function handleSignals(handlers: SignalHandlers | undefined): void {
  const before = scope[handled];
  if (before !== undefined) for (const signal of signals) process.off(signal, before);
  delete scope[handled];
  if (handlers === undefined) return;
  const take = taker(handlers);
  for (const signal of signals) process.on(signal, take);
  scope[handled] = take;
}

function taker(handlers: SignalHandlers): (signal: Signal) => void {
  // Asked now: a terminal that hung up is none any more.
  const terminal = isTerminal(0);
  let stopping = false;
  return (signal) => {
    if (process.listenerCount(signal) > 1) return;
    if (signal === "SIGHUP" && !terminal) return handlers.reload();
    if (stopping) {
      handlers.abandon();
      process.exit(128 + constants.signals[signal]);
    }
    stopping = true;
    // Whoever sits there may not know why nothing seems to happen.
    if (terminal) setTimeout(() => console.log(patience), patienceMs).unref();
    handlers.stop();
  };
}
