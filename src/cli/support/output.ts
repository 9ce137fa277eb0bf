/** Where the result of a command goes: standard output, or a file that is whole at every moment. */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { Failure } from "./failure.ts";

/**
 * Whole, before the command ends. Who has read enough of it may close it.
 *
 * @throws Failure
 */
export async function writeOut(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "EPIPE") throw new Failure(`standard output cannot be written: ${message}`);
  }
}

/** The text of a file; undefined: it is not there. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Puts a text into a file, in one step: who reads it sees all of the old text or all of the new. A
 * file that has it already is left alone.
 *
 * @returns Whether anything was written.
 * @throws Failure
 */
export function writeFile(file: string, text: string): boolean {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) {
      mkdirSync(dirname(resolve(file)), { recursive: true });
      replace(resolve(file), text, undefined);
    } else if (!stat.isFile()) {
      // A pipe or a device is written to, not replaced.
      writeFileSync(file, text);
    } else {
      if (readFileSync(file, "utf8") === text) return false;
      // What a symbolic link leads to: the link stays.
      replace(realpathSync(file), text, stat.mode);
    }
    return true;
  } catch (error) {
    throw new Failure(`${file} cannot be written: ${(error as Error).message}`);
  }
}

function replace(path: string, text: string, mode: number | undefined): void {
  // In the same folder: a rename between file systems would be a copy.
  const written = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(written, text, { flag: "wx" });
    if (mode !== undefined) chmodSync(written, mode & 0o7777);
    renameSync(written, path);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
}
