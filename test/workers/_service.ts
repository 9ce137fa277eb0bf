/** Starts the service of `test/fixtures/service.ts` as a user would, and reads what it writes. */
import { join } from "node:path";
import type { ServeOptions } from "../../src/index.ts";

const fixture = join(import.meta.dir, "../fixtures/service.ts");

export interface ServiceOptions {
  readonly serve?: ServeOptions;
  readonly env?: Record<string, string>;
  readonly command?: readonly string[];
  /** What it gets as descriptors 3 and following. */
  readonly fds?: readonly (number | "pipe")[];
  /** What says that it serves, with its address in a group. */
  readonly ready?: RegExp;
}

export class Service {
  /** All that it has written. */
  text = "";
  url = "";
  readonly child: Bun.Subprocess;
  #changed: () => void = () => {};
  readonly #read: Promise<unknown>;

  constructor(options: ServiceOptions) {
    const { serve = {}, env = {}, command = [process.execPath, fixture], fds = [] } = options;
    this.child = Bun.spawn([...command], {
      env: { ...process.env, OPTIONS: JSON.stringify(serve), ...env },
      // A group of its own, as a terminal would make it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...fds],
    });
    const { stdout, stderr } = this.child;
    const streams = [stdout, stderr] as ReadableStream<Uint8Array>[];
    this.#read = Promise.all(streams.map((stream) => this.#follow(stream)));
  }

  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    const workers = options.serve?.workers ?? 1;
    const ready = workers === 1 ? /serves (\S+)/ : /chopin: (\S+) by \d+ workers/;
    service.url = (await service.says(options.ready ?? ready))[1] ?? "";
    return service;
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.text += decoder.decode(bytes, { stream: true });
      this.#changed();
    }
  }

  /** Waits until it has written this, `count` times. */
  async says(pattern: RegExp, count = 1): Promise<RegExpExecArray> {
    let over = false;
    void this.#read.then(() => {
      over = true;
      this.#changed();
    });
    for (;;) {
      const found = [...this.text.matchAll(new RegExp(pattern, "g"))];
      const last = found[count - 1];
      if (last !== undefined) return last;
      if (over) throw new Error(`${pattern} was not said ${count} times: ${this.text}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** How often it has written this. */
  count(pattern: RegExp): number {
    return [...this.text.matchAll(new RegExp(pattern, "g"))].length;
  }

  /** Answers of new connections, as JSON. */
  async get<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(path, this.url), { keepalive: false });
    return (await answer.json()) as T;
  }

  /** Asks until so many processes have answered. */
  async pids(count: number): Promise<Set<number>> {
    const found = new Set<number>();
    while (found.size < count) found.add((await this.get<{ pid: number }>("/")).pid);
    return found;
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.child.pid, name);
  }

  /** Its exit code, or the name of the signal; all that it wrote is in `text` then. */
  async ended(): Promise<number | string> {
    await this.child.exited;
    await this.#read;
    return this.child.signalCode ?? (this.child.exitCode as number);
  }

  /** For the end of a test, whatever has happened. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

/** Whether a process with this number exists. */
export function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Waits until a condition holds; the test's own limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(2);
}
