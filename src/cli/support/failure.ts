/** How a command ends without success: `index.ts` prints the reason and sets the exit code. */

/** Exit codes of every command. */
export const exitCodes = { failure: 1, usage: 2 } as const;

/** A command could not do what it was asked to. */
export class Failure extends Error {
  /** Of an error that nobody who runs the command can mend. */
  readonly trace: string | undefined;

  constructor(message: string, trace?: string) {
    super(message);
    this.trace = trace;
  }
}

/** It was asked for something that does not exist, or cannot be asked for together. */
export class WrongUsage extends Error {}
