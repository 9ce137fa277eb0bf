/** What a process and its children have used, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  readonly userMs: number;
  readonly systemMs: number;
  /** Resident memory of all processes added up; pages that they share count once for each. */
  readonly residentBytes: number;
}

/** /proc counts in hundredths of a second on every Linux that Bun runs on (USER_HZ). */
const tickMs = 10;
const pageBytes = 4096;

interface Stat {
  readonly parent: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly residentPages: number;
}

/** proc(5): numbers after the name, which stands in brackets and may hold anything. */
function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (index: number) => fields[index] ?? 0;
    return {
      parent: at(1),
      userTicks: at(11) + at(13),
      systemTicks: at(12) + at(14),
      residentPages: at(21),
    };
  } catch {
    // The process has ended since its name was listed.
    return undefined;
  }
}

/**
 * Time in which a core was not idle: work of anyone, interrupts, and what the hypervisor took away
 * (proc_stat(5): user nice system idle iowait irq softirq steal).
 */
export function readCoreBusyMs(core: number): number {
  const line = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`this machine has no core ${core}`);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(" ")
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMs;
}

/** A process and its living descendants. */
function familyOf(pid: number): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    const id = Number(name);
    const stat = Number.isInteger(id) ? readStat(id) : undefined;
    if (stat !== undefined) stats.set(id, stat);
  }
  const family = new Map<number, Stat>();
  const pending = [pid];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const stat = stats.get(id);
    if (stat === undefined) continue;
    family.set(id, stat);
    for (const [child, { parent }] of stats) if (parent === id) pending.push(child);
  }
  return family;
}

/** Usage of a process, its living descendants, and the descendants that it has waited for. */
export function readUsage(pid: number): Usage {
  const usage = { userMs: 0, systemMs: 0, residentBytes: 0 };
  for (const stat of familyOf(pid).values()) {
    usage.userMs += stat.userTicks * tickMs;
    usage.systemMs += stat.systemTicks * tickMs;
    usage.residentBytes += stat.residentPages * pageBytes;
  }
  return usage;
}

/**
 * Memory that ends with a process and its descendants: pages that nobody else has, and what was
 * swapped out (proc_pid_smaps(5)).
 */
export function readPrivateBytes(pid: number): number {
  let bytes = 0;
  for (const id of familyOf(pid).keys()) {
    const text = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
    const lines = text.matchAll(/^(?:Private_\w+|Swap):\s+(\d+) kB$/gm);
    for (const [, kibibytes] of lines) bytes += Number(kibibytes) * 1024;
  }
  return bytes;
}
