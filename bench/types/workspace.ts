/**
 * The programs on disk, as editors and compilers find them: a folder for each framework, with its
 * packages. They lie outside of `node_modules`, where language servers expect nobody to edit.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPackages } from "../harness/prepare.ts";
import { benchFolder, cacheFolder, rootFolder, runTool } from "../harness/tools.ts";
import { type Framework, programOf } from "./programs.ts";

export const frameworks: readonly Framework[] = ["chopin", "elysia", "hono"];

export const titles: Readonly<Record<Framework, string>> = {
  chopin: "Chopin",
  elysia: "Elysia",
  hono: "Hono",
};

export interface Workspace {
  readonly routes: number;
  /** The folder of a program, with its `tsconfig.json`. */
  folderOf(framework: Framework): string;
  remove(): void;
}

/** Our declarations as users have them, in a folder of their own where TypeBox is found. */
export async function writeDeclarations(): Promise<string> {
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, "declarations-"));
  const compiler = join(rootFolder, "node_modules", "typescript", "bin", "tsc");
  const project = ["--project", "tsconfig.build.json", "--outDir", folder];
  await runTool([process.execPath, compiler, ...project], { cwd: rootFolder });
  return folder;
}

/** The `tsconfig.json` of a program. */
export function settings(declarations: string): string {
  const compilerOptions = {
    ...{ target: "esnext", module: "preserve", moduleResolution: "bundler", lib: ["esnext"] },
    ...{ types: ["bun"], typeRoots: [join(rootFolder, "node_modules", "@types")] },
    ...{ strict: true, skipLibCheck: true, noEmit: true },
    paths: {
      chopin: [join(declarations, "index.d.ts")],
      "chopin/client": [join(declarations, "client/index.d.ts")],
    },
  };
  return JSON.stringify({ compilerOptions });
}

/**
 * Writes the programs of so many routes.
 *
 * @throws Error when packages of a framework cannot be installed.
 */
export async function writeWorkspace(
  routes: number,
  contenders: readonly Framework[] = frameworks,
): Promise<Workspace> {
  const declarations = await writeDeclarations();
  const config = settings(declarations);
  const folder = mkdtempSync(join(tmpdir(), "chopin-types-"));
  const folderOf = (framework: Framework) => join(folder, framework);
  for (const framework of contenders) {
    const place = folderOf(framework);
    mkdirSync(place);
    const packages = join(benchFolder, "peers", framework);
    if (framework !== "chopin") {
      const missing = await installPackages(packages);
      if (missing !== undefined) throw new Error(missing);
      symlinkSync(join(packages, "node_modules"), join(place, "node_modules"));
    }
    for (const [name, text] of Object.entries(programOf(framework, routes))) {
      writeFileSync(join(place, name), text);
    }
    writeFileSync(join(place, "tsconfig.json"), config);
  }
  const remove = () => {
    for (const made of [folder, declarations]) rmSync(made, { recursive: true, force: true });
  };
  return { routes, folderOf, remove };
}
