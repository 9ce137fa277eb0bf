/** What tests of documentation share: the code blocks of a page, and what the compiler says. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finish } from "./e2e/_process.ts";

const root = join(import.meta.dir, "..");

/** The text of a page of `docs/`. */
export function pageOf(name: string): string {
  return readFileSync(join(root, "docs", name), "utf8");
}

/** The blocks of code in one language, in their order. */
export function blocksIn(page: string, language = "ts"): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  return [...page.matchAll(block)].map(([, code = ""]) => code);
}

/** A program with the modules of this repository in the place of the installed ones. */
export function withSources(program: string): string {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  const paths = Object.entries(compilerOptions.paths as Record<string, [string]>);
  return paths.reduce(
    (text, [name, [path]]) => text.replaceAll(`"${name}"`, JSON.stringify(join(root, path))),
    program,
  );
}

/** What the compiler says of files in a folder, by the settings of this repository. */
export async function compiled(folder: string, ...files: string[]): Promise<string> {
  const include = [...files, join(root, "src/native/assets.d.ts")];
  const config = { extends: join(root, "tsconfig.json"), include, exclude: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return (await finish([process.execPath, tsc, "--project", folder], { cwd: root })).stdout;
}
