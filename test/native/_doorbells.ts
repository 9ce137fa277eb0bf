import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Names of the doorbells that this process has open, as `/proc` writes them. Linux only. */
export function doorbellsOpen(): string[] {
  const inodes = new Set(readdirSync("/proc/self/fd").map(inodeOf));
  return readFileSync("/proc/net/unix", "latin1")
    .split("\n")
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields[7]?.startsWith("@chopin-") && inodes.has(fields[6]))
    .map((fields) => fields[7] as string);
}

function inodeOf(fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    // The descriptor of the folder that was being listed.
    return undefined;
  }
}

/** Waits until so many are open. */
export async function doorbellsBecome(count: number): Promise<string[]> {
  for (;;) {
    const names = doorbellsOpen();
    if (names.length === count) return names;
    await Bun.sleep(1);
  }
}
