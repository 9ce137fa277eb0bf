/** What a language server is asked, and its process. `lsp.ts` and `tsserver.ts` speak to it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Document, Edit, Place } from "./document.ts";

export interface LanguageServer {
  open(document: Document): Promise<void>;
  /** Tells of an edit, without waiting for anything. */
  edit(document: Document, edit: Edit): Promise<void>;
  /** Asks what needs the program to be read, but nothing of it to be checked. */
  outline(document: Document): Promise<void>;
  /** What is offered behind a place, unless it is a snippet or the name of a module. */
  complete(document: Document, place: Place): Promise<readonly string[]>;
  /** What is shown of the name at a place. */
  describe(document: Document, place: Place): Promise<string>;
  /** Codes of the errors in a document. */
  diagnose(document: Document): Promise<readonly number[]>;
  /** Largest resident memory of the process so far. */
  peakBytes(): number;
  stop(): Promise<void>;
}

/** A server that says nothing for so long is taken for dead. */
const silenceMs = 300_000;
const stopMs = 5000;
const keptOutput = 2000;

/** The process of a server. What is asked of it fails when it ends. */
export class ServerProcess {
  readonly input: Writable;
  readonly output: Readable;
  /** Rejects with what the process printed when it ends, or is silent. */
  readonly #end = Promise.withResolvers<never>();
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  #printed = "";

  constructor([program = "", ...list]: readonly string[], cwd: string) {
    const child = spawn(program, list, { cwd, stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    this.input = child.stdin;
    this.output = child.stdout;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#printed = (this.#printed + text).slice(-keptOutput);
    });
    this.#exited = new Promise((resolve) => child.once("close", () => resolve()));
    child.once("error", (error) => this.#end.reject(error));
    child.once("close", (code) => {
      this.#end.reject(new Error(`${program} ended with ${code}\n${this.#printed}`));
    });
    // Told to whoever asks; before anybody has, it is no error of its own.
    this.#end.promise.catch(() => {});
    child.stdin.once("error", () => {});
  }

  /** An answer, or why there will be none. */
  async within<T>(answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), silenceMs);
    try {
      return await Promise.race([answer, this.#end.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** proc_pid_status(5). */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    return Number(kibibytes) * 1024;
  }

  /** Waits for the end of a process that has been asked for it. */
  async ended(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopMs);
    await this.#exited;
    clearTimeout(timer);
  }
}
