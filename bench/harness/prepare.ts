/** Builds and installs what a contender needs, once; each function resolves with why it cannot. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder, findTool, findZig, runTool } from "./tools.ts";

/** Whether `made` is younger than each of its sources. */
function isFresh(made: string, sources: readonly string[]): boolean {
  if (!existsSync(made)) return false;
  const time = statSync(made).mtimeMs;
  return sources.every((source) => statSync(source).mtimeMs < time);
}

async function attempt(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Builds an executable into the cache folder. `imported` are its further source files. */
export async function buildZig(
  name: string,
  source: string,
  imported: readonly string[] = [],
): Promise<string | undefined> {
  const made = join(cacheFolder, name);
  if (isFresh(made, [source, ...imported])) return undefined;
  const zig = findZig();
  if (zig === undefined) return "the Zig compiler is not installed";
  mkdirSync(cacheFolder, { recursive: true });
  const flags = ["-OReleaseFast", "-mcpu=native", "-fstrip", `-femit-bin=${made}`];
  return attempt(() => runTool([zig, "build-exe", ...flags, source]));
}

/** Installs exactly what the folder's lock file names. */
export async function installPackages(folder: string): Promise<string | undefined> {
  const sources = [join(folder, "package.json"), join(folder, "bun.lock")];
  if (isFresh(join(folder, "node_modules"), sources)) return undefined;
  const command = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"];
  return attempt(async () => {
    await runTool(command, { cwd: folder });
    // An install that changes nothing leaves the folder's time as it was.
    await runTool(["touch", "node_modules"], { cwd: folder });
  });
}

const targetOf = (folder: string) => join(cacheFolder, `cargo-${basename(folder)}`);

/** The executable of a Rust contender. */
export function cargoProgram(folder: string): string {
  return join(targetOf(folder), "release", `peer-${basename(folder)}`);
}

/** Builds a Rust contender for this machine's processor, from its lock file. */
export async function cargoBuild(folder: string): Promise<string | undefined> {
  const cargo = findTool("cargo");
  const made = cargoProgram(folder);
  const sources = ["Cargo.toml", "Cargo.lock", "src/main.rs"].map((file) => join(folder, file));
  if (isFresh(made, sources)) return undefined;
  if (cargo === undefined) return "cargo is not installed";
  return attempt(() =>
    runTool([cargo, "build", "--release", "--locked"], {
      cwd: folder,
      env: { RUSTFLAGS: "-C target-cpu=native", CARGO_TARGET_DIR: targetOf(folder) },
    }),
  );
}
