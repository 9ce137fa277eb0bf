/** Runs the command from its source, on programs that a test writes. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Finished, finish } from "../e2e/_process.ts";

export const root = join(import.meta.dir, "../..");
export const cliPath = join(root, "src/cli/index.ts");

/** What programs import. */
export const source = JSON.stringify(join(root, "src/index.ts"));

/** A folder of programs. */
export class Programs {
  readonly folder = mkdtempSync(join(tmpdir(), "chopin-cli-"));

  /** Writes a file, with `"chopin"` as the source of this checkout. */
  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('"chopin"', source));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs the command there. */
  chopin(words: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
    const command = [process.execPath, cliPath, ...words];
    return finish(command, { cwd: this.folder, env: { ...surroundings, ...env } });
  }
}

/** Nothing that changes what programs or messages are like. */
export const surroundings: Record<string, string> = {
  PATH: process.env.PATH ?? "",
  HOME: process.env.HOME ?? "",
};
