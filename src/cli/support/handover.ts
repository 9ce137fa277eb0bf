/**
 * What passes between the command and the process in which it runs a program: an order in its
 * environment, and lines of JSON on a descriptor that only these two know. (Standard output is the
 * program's, and so is Bun's `ipc`.)
 */
import { writeSync } from "node:fs";
import type { Form } from "../../collector.ts";

/** Environment variable that carries the `Order`. */
export const orderVariable = "CHOPIN_COLLECT";

/** The program's end of the channel. */
const channelFd = 3;

export interface Order {
  /** The entry as it was typed, for messages. */
  readonly entry: string;
  readonly form: Form;
  /** Name of an export; undefined: what is served, or the only one that is exported. */
  readonly export?: string;
  readonly timeoutMs: number;
}

export type Message =
  /** The main module ran to its end. */
  | { readonly say: "loaded" }
  /** It did not, and the program goes on all the same. */
  | { readonly say: "threw"; readonly message: string }
  | { readonly say: "described"; readonly text: string }
  /** `message` is for whoever typed the command; `stack` where it is no mistake of theirs. */
  | { readonly say: "failed"; readonly message: string; readonly stack?: string };

/** Says something to the command; returns when all of it is on its way. */
export function tell(message: Message): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(channelFd, bytes, at);
    } catch (error) {
      // The command has gone.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") process.exit(1);
      Bun.sleepSync(1);
    }
  }
}
