/** What a process does about itself and hears of its terminal. Used by `workers/`. */
import { code } from "./abi.ts";
import * as symbols from "./process-symbols.ts";

/**
 * This process ends with the one that started it, also when that is killed (Linux; elsewhere only
 * the end of the control channel tells). False: it is gone already.
 */
export function dieWithParent(pid: number): boolean {
  return symbols.chopin_process_die_with_parent(pid) !== code.staleHandle;
}

/** Inherited descriptors do not block from here on, and are not passed on. */
export function ownDescriptor(fd: number): void {
  symbols.chopin_process_own(fd);
}

export function isTerminal(fd: number): boolean {
  return symbols.chopin_process_is_terminal(fd) === 1;
}

/** Keeps this thread to the nth of the processors that it may use. False: it cannot be done. */
export function pinThread(nth: number): boolean {
  return symbols.chopin_process_pin(nth) === code.ok;
}

/** A datagram to the service manager, by sd_notify(3). False when it was not reached. */
export function notifyManager(socket: string, text: string): boolean {
  const path = Buffer.from(socket);
  const bytes = Buffer.from(text);
  return symbols.chopin_process_notify(path, path.length, bytes, bytes.length) === code.ok;
}

/** Of the clock that service managers compare: Bun's own clocks begin with the process. */
export function monotonicMicroseconds(): number {
  return Math.floor(symbols.chopin_process_monotonic_ns() / 1000);
}
