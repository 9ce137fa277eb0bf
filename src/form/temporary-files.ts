/** Files of forms on disk, and their removal. Used by `form.ts`. */
import { unlinkSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Nobody else on the machine may read what was uploaded. */
const ownerOnly = 0o600;

/**
 * Removes the files of forms that were lost without being disposed of. What a form and its files
 * keep alive is the `TemporaryFiles`, so a file is not removed while somebody still has it.
 */
const lost = new FinalizationRegistry<readonly string[]>((paths) => {
  for (const path of paths) {
    try {
      unlinkSync(path);
    } catch {
      // Its user has moved it.
    }
  }
});

/** The files of one form. */
export class TemporaryFiles implements AsyncDisposable {
  readonly #folder: string;
  readonly #paths: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    lost.register(this, this.#paths, this);
  }

  /**
   * Writes a file under a name that nobody can guess and nobody else has.
   *
   * @throws whatever the source and the file system throw.
   */
  async write(source: AsyncIterable<Uint8Array>): Promise<{ path: string; size: number }> {
    const path = join(this.#folder, `chopin-${crypto.randomUUID()}`);
    const file = await open(path, "wx", ownerOnly);
    this.#paths.push(path);
    let size = 0;
    try {
      for await (const chunk of source) {
        await writeWhole(file, chunk);
        size += chunk.length;
      }
    } finally {
      await file.close();
    }
    return { path, size };
  }

  /** Removes all that are still where they were written. */
  async [Symbol.asyncDispose](): Promise<void> {
    lost.unregister(this);
    const paths = this.#paths.splice(0);
    await Promise.all(paths.map((path) => unlink(path).catch(unlessGone)));
  }
}

/** A write may take only a part of the bytes. */
async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done);
    done += bytesWritten;
  }
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
