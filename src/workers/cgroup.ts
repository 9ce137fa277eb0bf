/**
 * What the kernel says about the group of processes that this one is in (cgroup 2, and 1 where a
 * system still has it): its share of the processors, and whether memory ran out. Only read at start
 * and when a worker has died.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const root = "/sys/fs/cgroup";

/** Processors that this process may keep busy: those it may run on, within its group's share. */
export function processors(): number {
  const shares = [
    ...groups().map((folder) => (read(`${folder}/cpu.max`) ?? "max").split(" ")),
    ...groups("cpu").map((folder) => [
      read(`${folder}/cpu.cfs_quota_us`) ?? "-1",
      read(`${folder}/cpu.cfs_period_us`) ?? "1",
    ]),
  ].map(([quota, period]) => (Number(quota) > 0 ? Number(quota) / Number(period) : Infinity));
  return Math.max(1, Math.ceil(Math.min(availableParallelism(), ...shares)));
}

/** How many processes of this group the kernel has killed for want of memory. */
export function memoryKills(): number {
  const files = [
    ...groups().map((folder) => `${folder}/memory.events`),
    ...groups("memory").map((folder) => `${folder}/memory.oom_control`),
  ];
  for (const file of files) {
    const kills = /^oom_kill (\d+)$/m.exec(read(file) ?? "")?.[1];
    if (kills !== undefined) return Number(kills);
  }
  return 0;
}

/**
 * The folder of this process's group and those of the groups around it, innermost first; with a
 * controller those of cgroup 1, where each has a tree of its own.
 */
function groups(controller?: string): string[] {
  if (process.platform !== "linux") return [];
  const names = controller === undefined ? "" : `(?:[^:]*,)?${controller}(?:,[^:]*)?`;
  const line = new RegExp(`^\\d+:${names}:(/.*)$`, "m");
  const path = line.exec(read("/proc/self/cgroup") ?? "")?.[1];
  if (path === undefined) return [];
  const tree = controller === undefined ? root : `${root}/${controller}`;
  const parts = path.split("/").filter((name) => name !== "");
  // The outermost has no limits, but for a container it is its own group.
  return [...parts.keys(), parts.length]
    .reverse()
    .map((count) => [tree, ...parts.slice(0, count)].join("/"));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
