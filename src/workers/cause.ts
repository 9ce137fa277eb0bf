/** Why a worker ended, in words. Called by `worker-process.ts`. */

/** What is known of a process that ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The exception that it reported. */
  readonly exception: string | undefined;
  /** The kernel has killed a process of this group for want of memory meanwhile. */
  readonly memoryRanOut: boolean;
}

/** Signals that end a process which did what it must not; also how Bun and Chopin abort. */
const crashes = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"]);

/** For "worker 1 (process 4711) …". */
export function causeOf({ exitCode, signal, exception, memoryRanOut }: Ended): string {
  if (exception !== undefined) return `ended by an uncaught exception: ${exception}`;
  if (signal !== null) {
    if (signal === "SIGKILL" && memoryRanOut) return "was killed by the kernel: out of memory";
    if (crashes.has(signal)) return `crashed natively (${signal})`;
    return `was killed by ${signal}`;
  }
  return exitCode === 0 ? "ended by itself" : `ended with exit code ${exitCode}`;
}
