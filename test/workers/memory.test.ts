/** A worker that the kernel kills because its group of processes has no memory left. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Service } from "./_service.ts";

const fixture = join(import.meta.dir, "../fixtures/service.ts");
const limitBytes = 512 * 1024 * 1024;

/** A group with little memory; undefined where this process may not make one. */
function makeGroup(): string | undefined {
  const name = `chopin-test-${process.pid}`;
  const trees = [
    { folder: join("/sys/fs/cgroup/memory", name), limits: ["memory.limit_in_bytes"] },
    { folder: join("/sys/fs/cgroup", name), limits: ["memory.max", "memory.swap.max"] },
  ];
  for (const { folder, limits } of trees) {
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    const [limit = "", swap] = limits.map((file) => join(folder, file));
    if (existsSync(limit)) {
      writeFileSync(limit, String(limitBytes));
      if (swap !== undefined && existsSync(swap)) writeFileSync(swap, "0");
      return folder;
    }
    rmdirSync(folder);
  }
  return undefined;
}

const group = makeGroup();

test.skipIf(group === undefined)(
  "a worker without memory is told as such, and replaced (needs a cgroup that can be made)",
  async () => {
    const shell = ["sh", "-c", `echo $$ > ${group}/cgroup.procs; exec "$@"`, "sh"];
    {
      const command = [...shell, process.execPath, fixture];
      await using service = await Service.start({ command, serve: { workers: 2 } });
      const before = await service.pids(2);
      await fetch(`${service.url}hoard`).catch(() => {});
      await service.says(/worker \d \(process \d+\) was killed by the kernel: out of memory/);
      const after = await service.pids(2);
      expect([...after].filter((pid) => before.has(pid))).toHaveLength(1);
      service.signal("SIGTERM");
      expect(await service.ended()).toBe(0);
    }
    rmdirSync(group as string);
  },
);
