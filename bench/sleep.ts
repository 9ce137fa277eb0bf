/**
 * What servers without requests do: how often they wake, all threads, and the time that they take.
 * `bun bench/sleep.ts [--seconds N]`. They run side by side, since none of them does anything.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "./harness/port.ts";
import { bold, cyan, dim, table } from "./harness/terminal-table.ts";
import { benchFolder } from "./harness/tools.ts";

/** Bun's collector looks every second until the heap has been the same for thirty of them. */
const settleMs = 45_000;
const startLimitMs = 10_000;

const contenders = [
  { name: "bun-serve", title: "Bun.serve" },
  { name: "chopin", title: "Chopin" },
];

interface Reading {
  readonly wakes: number;
  readonly cpuNs: number;
}

/** proc_pid_status(5), proc_pid_schedstat(5), of every thread. */
function read(pid: number): Reading {
  const folder = `/proc/${pid}/task`;
  const threads = readdirSync(folder).map((id) => {
    const status = readFileSync(`${folder}/${id}/status`, "utf8");
    const [, wakes] = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status) ?? [];
    const [ns] = readFileSync(`${folder}/${id}/schedstat`, "utf8").split(" ");
    return { wakes: Number(wakes), cpuNs: Number(ns) };
  });
  return threads.reduce(
    (sum, one) => ({ wakes: sum.wakes + one.wakes, cpuNs: sum.cpuNs + one.cpuNs }),
    { wakes: 0, cpuNs: 0 },
  );
}

/** Its process, once it has answered. */
async function start(name: string): Promise<Bun.Subprocess> {
  const port = freePort();
  const child = Bun.spawn([process.execPath, join(benchFolder, "startup", `${name}.ts`)], {
    env: { ...process.env, PORT: String(port), NODE_ENV: "production" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  const latest = performance.now() + startLimitMs;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/json`, { keepalive: false });
      await answer.text();
      return child;
    } catch (error) {
      if (performance.now() > latest) throw error;
      await Bun.sleep(20);
    }
  }
}

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
const children = await Promise.all(contenders.map(({ name }) => start(name)));
try {
  console.error(`waiting ${settleMs / 1000} s for rest, then counting for ${seconds} s`);
  await Bun.sleep(settleMs);
  const before = children.map(({ pid }) => read(pid));
  await Bun.sleep(seconds * 1000);
  const rows = children.map(({ pid }, at) => {
    const after = read(pid);
    const wakes = (after.wakes - before[at]!.wakes) / seconds;
    const cpuMs = (after.cpuNs - before[at]!.cpuNs) / 1e6 / seconds;
    const { name, title } = contenders[at]!;
    return [
      { text: title, paint: name === "chopin" ? cyan : String },
      { text: wakes.toFixed(2), paint: bold },
      { text: (cpuMs * 10).toFixed(2) },
    ];
  });
  console.log(`\n${bold("servers at rest")}  ${dim("no connection is open")}`);
  console.log(table(["", "wakes each second", "CPU ms in 10 s"], rows, 3));
} finally {
  for (const child of children) child.kill();
}
