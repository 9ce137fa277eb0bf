/**
 * What the kernel says about the group of processes that this one is in (cgroup 2): its share of
 * the processors, and whether memory ran out. Only read at start and when a worker has died.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const root = "/sys/fs/cgroup";

/** Processors that this process may keep busy: those it may run on, within its group's share. */
export function processors(): number {
  const shares = groups().map((folder) => {
    const [quota = "max", period = "1"] = (read(`${folder}/cpu.max`) ?? "max").split(" ");
    return quota === "max" ? Number.POSITIVE_INFINITY : Number(quota) / Number(period);
  });
  return Math.max(1, Math.ceil(Math.min(availableParallelism(), ...shares)));
}

/** How many processes of this group the kernel has killed for want of memory. */
export function memoryKills(): number {
  const [own] = groups();
  const events = own === undefined ? undefined : read(`${own}/memory.events`);
  return Number(/^oom_kill (\d+)$/m.exec(events ?? "")?.[1] ?? 0);
}

/** The folder of this process's group and those of the groups around it, innermost first. */
function groups(): string[] {
  if (process.platform !== "linux") return [];
  const path = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1];
  if (path === undefined) return [];
  const names = path.split("/").filter((name) => name !== "");
  // The outermost has no limits, but for a container it is its own group.
  return [...names.keys(), names.length]
    .reverse()
    .map((count) => [root, ...names.slice(0, count)].join("/"));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
