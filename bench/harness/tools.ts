/**
 * Where things are: folders of the bench, and the programs of other projects that it starts. A
 * program that is missing makes its contender (or the whole run) be skipped by name.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const benchFolder = join(import.meta.dir, "..");
export const rootFolder = join(benchFolder, "..");
/** What is built: beside the packages, where no other tool of a checkout looks. */
export const cacheFolder = join(rootFolder, "node_modules", ".cache", "bench");
export const resultsFolder = join(benchFolder, "results");

/** The core of the server under test and the core of the load generator. */
export const serverCore = 0;
export const loadCore = 1;

/** Path of a program, or undefined when it is not installed. */
export function findTool(name: string): string | undefined {
  return (
    Bun.which(name, { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/local/sbin` }) ?? undefined
  );
}

/** The Zig compiler that the project's own build uses, or one on the PATH. */
export function findZig(): string | undefined {
  const packages = join(rootFolder, "node_modules", "@zigc");
  if (existsSync(packages)) {
    for (const name of readdirSync(packages)) {
      const path = join(packages, name, "bin", "zig");
      if (existsSync(path)) return path;
    }
  }
  return findTool("zig");
}

/** A command that runs on one core only. */
export function pinned(core: number, command: readonly string[]): string[] {
  return ["taskset", "-c", String(core), ...command];
}

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws Error with the end of what it printed when it failed
 */
export async function runTool(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? benchFolder,
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return out;
  const said = `${out}\n${error}`.trim().split("\n").slice(-8).join("\n");
  throw new Error(`${command.join(" ")} ended with ${code}\n${said}`);
}
