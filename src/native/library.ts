/**
 * Finds the shared library for the machine that is running; `symbols.ts` opens it. The only module
 * that knows where libraries lie, in a checkout, in an installed package and in a compiled
 * executable.
 */
import { dlopen, FFIType } from "bun:ffi";

/** The oldest Bun whose FFI is part of the engine. */
const bunOldest = { major: 1, minor: 4 };

/** Where Bun shows the files that are embedded in a compiled executable. */
const embeddedPrefix = "/$bunfs/";

const memfdCloseOnExec = 1;

/**
 * The path of the library, ready for `dlopen`.
 *
 * @throws Error when Bun is too old, the platform has no library, or its file is missing: one line
 * that says what to do.
 */
export async function libraryPath(): Promise<string> {
  requireBun(Bun.version);
  const path = await locate();
  if (path.startsWith(embeddedPrefix)) return extracted(path);
  // `bun build` without `--compile` copies the library beside the bundle and names it relatively.
  return path.startsWith("/") ? path : `${import.meta.dir}/${path}`;
}

/** Throws when `version`, as in `Bun.version`, is older than Chopin needs. */
export function requireBun(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > bunOldest.major || (major === bunOldest.major && minor >= bunOldest.minor)) return;
  const oldest = `${bunOldest.major}.${bunOldest.minor}`;
  throw new Error(`Chopin needs Bun ${oldest} or newer, this is ${version}: run \`bun upgrade\``);
}

/**
 * Which C library this process runs on, read from what is mapped into it: a file on the disk would
 * tell what is installed, and a library for the other one crashes.
 */
export function libcOf(maps: string): "gnu" | "musl" {
  return maps.includes("/ld-musl-") ? "musl" : "gnu";
}

/**
 * One if / else-if chain with `import` in each arm: that is the form of which `bun build --compile`
 * drops the arms of other targets, so that an executable carries one library, or two on Linux.
 */
async function locate(): Promise<string> {
  try {
    if (process.platform === "linux" && process.arch === "x64") {
      return (await runningLibc()) === "musl"
        ? (await import("../../native/linux-x64-musl/libchopin.so", { with: { type: "file" } }))
            .default
        : (await import("../../native/linux-x64-gnu/libchopin.so", { with: { type: "file" } }))
            .default;
    } else if (process.platform === "linux" && process.arch === "arm64") {
      return (await runningLibc()) === "musl"
        ? (await import("../../native/linux-arm64-musl/libchopin.so", { with: { type: "file" } }))
            .default
        : (await import("../../native/linux-arm64-gnu/libchopin.so", { with: { type: "file" } }))
            .default;
    } else if (process.platform === "darwin" && process.arch === "x64") {
      return (await import("../../native/darwin-x64/libchopin.dylib", { with: { type: "file" } }))
        .default;
    } else if (process.platform === "darwin" && process.arch === "arm64") {
      return (await import("../../native/darwin-arm64/libchopin.dylib", { with: { type: "file" } }))
        .default;
    }
  } catch (cause) {
    throw new Error(
      `Chopin's native library for ${process.platform}-${process.arch} is missing: ` +
        "in a checkout run `bun run build`, otherwise install the package again",
      { cause },
    );
  }
  const { platform, arch } = process;
  const advice = platform === "win32" ? " (on Windows, use WSL)" : "";
  throw new Error(
    `Chopin runs on Linux and macOS, x64 and arm64, not on ${platform}-${arch}${advice}`,
  );
}

/**
 * Reading what is mapped takes milliseconds at start, so it is done only where musl's loader, which
 * Bun for musl is linked against by this path, exists beside a possible glibc.
 */
async function runningLibc(): Promise<"gnu" | "musl"> {
  const loader = Bun.file(`/lib/ld-musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`);
  return (await loader.exists()) ? libcOf(await Bun.file("/proc/self/maps").text()) : "gnu";
}

/**
 * Bun copies an embedded library to the temporary folder when it is opened. Where that folder
 * cannot be written, or its files not executed, the library is opened from memory.
 */
async function extracted(path: string): Promise<string> {
  try {
    openProbe(path);
    return path;
  } catch (cause) {
    if (process.platform !== "linux") throw cause;
    const copy = await memoryCopy(path, cause);
    if (process.env.CHOPIN_DEBUG) {
      console.error(`chopin: library opened from memory, because: ${cause}`);
    }
    return copy;
  }
}

/** Fails as the real `dlopen` would; opening the same library again costs 0.02 ms. */
function openProbe(path: string): void {
  dlopen(path, { chopin_abi_version: { args: [], returns: FFIType.u32 } });
}

/** Returns a path that lives as long as the process: its descriptor is never closed. */
async function memoryCopy(path: string, cause: unknown): Promise<string> {
  // Loading node:fs takes 4 ms, which only this rare way has to pay.
  const { readFileSync, writeSync } = await import("node:fs");
  const bytes = readFileSync(path);
  const fd = await memfdCreate();
  if (fd < 0) throw cause;
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
  return `/proc/self/fd/${fd}`;
}

async function memfdCreate(): Promise<number> {
  const arch = process.arch === "x64" ? "x86_64" : "aarch64";
  const libc = (await runningLibc()) === "musl" ? `libc.musl-${arch}.so.1` : "libc.so.6";
  const { symbols } = dlopen(libc, {
    memfd_create: { args: [FFIType.cstring, FFIType.u32], returns: FFIType.i32 },
  });
  return symbols.memfd_create(Buffer.from("chopin\0"), memfdCloseOnExec);
}
