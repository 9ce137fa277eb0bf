/** Helpers of the tests of forms: bodies, sources that are watched, and errors by their codes. */
import { expect } from "bun:test";
import { HTTPError } from "../../src/index.ts";

export const boundary = "----chopin7MA4YWxkTrZu0gW";
export const multipart = `multipart/form-data; boundary=${boundary}`;
export const urlencoded = "application/x-www-form-urlencoded";

/** One part: header lines and content. */
export function part(disposition: string, content: string | Uint8Array, more = ""): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: ${disposition}\r\n${more}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from("\r\n")]);
}

/** A whole body. */
export function body(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

/** A source of chunks that counts what was taken and knows whether it was cancelled. */
export class Source implements AsyncIterable<Uint8Array> {
  taken = 0;
  cancelled = false;
  readonly #chunks: Iterator<Uint8Array>;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        const { done, value } = this.#chunks.next();
        if (done === true) return { done, value: undefined };
        this.taken += 1;
        return { done: false, value };
      },
      return: async () => {
        this.cancelled = true;
        return { done: true, value: undefined };
      },
    };
  }
}

/** A body in pieces that end at the given places. */
export function split(bytes: Buffer, ...ends: readonly number[]): Source {
  const chunks = [0, ...ends].map((start, index) => bytes.subarray(start, ends[index]));
  return new Source(chunks);
}

/** Status and code of what a promise is rejected with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "fulfilled",
    (reason: unknown) => reason,
  );
  if (error instanceof HTTPError) return `${error.status} ${error.code}`;
  return error instanceof Error ? `${error.name} ${error.message}` : String(error);
}

/** Names of the entries of a folder, once there are `count`. */
export async function entriesOf(folder: string, count: number): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  for (;;) {
    const names = await readdir(folder);
    if (names.length === count) return names;
    await Bun.sleep(1);
  }
}

/** Private memory of this process may grow by less than `mib` while `run` runs. */
export async function expectMemory(mib: number, run: () => Promise<void>): Promise<void> {
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 1);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  most = Math.max(most, process.memoryUsage.rss());
  expect((most - before) / 2 ** 20).toBeLessThan(mib);
}
