/** A folder of its own for each test file, removed when its tests have run. */
import { afterAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Folder {
  readonly path: string;
  /** Writes a file, with the folders above it; returns its whole path. */
  write(name: string, content: string | Uint8Array): string;
  at(name: string): string;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "chopin-files-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  const at = (name: string) => join(path, name);
  return {
    path,
    at,
    write(name, content) {
      const whole = at(name);
      mkdirSync(dirname(whole), { recursive: true });
      writeFileSync(whole, content);
      return whole;
    },
  };
}
