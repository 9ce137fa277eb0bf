/** A server in a process of its own, and what the system says of it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServeOptions } from "../../src/index.ts";

const script = join(import.meta.dir, "_server.ts");

export interface Target {
  readonly port: number;
  /** CPU time in milliseconds, in ticks of ten. */
  processorMs(): number;
  /** Memory of its own, without pages of files. */
  privateKiB(): number;
  openDescriptors(): number;
  /** Ends it, and returns what it wrote to its error output. */
  stop(): Promise<string>;
}

/** Starts a server, with so many descriptors at most. */
export async function startTarget(options: ServeOptions = {}, limit = 4096): Promise<Target> {
  const command = `ulimit -n ${limit}; exec "$0" "$1" "$2"`;
  const child = Bun.spawn(
    ["sh", "-c", command, process.execPath, script, JSON.stringify(options)],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const errors = new Response(child.stderr).text();
  const { value } = await child.stdout.getReader().read();
  const port = Number(Buffer.from(value ?? []).toString());
  if (!(port > 0)) throw new Error(`the server did not start: ${await errors}`);
  const proc = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, "latin1");
  return {
    port,
    processorMs() {
      const fields = proc("stat").split(") ")[1]!.split(" ");
      return 10 * (Number(fields[11]) + Number(fields[12]));
    },
    privateKiB: () => Number(/^RssAnon:\s+(\d+)/m.exec(proc("status"))?.[1]),
    openDescriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async stop() {
      child.kill();
      await child.exited;
      return errors;
    },
  };
}

/** slowhttptest's four modes, one of them twice: what it does, and the flags for it. */
export const slowModes: Readonly<Record<string, readonly string[]>> = {
  "slow heads": ["-H", "-i", "1", "-x", "24"],
  "slow bodies": ["-B", "-i", "1", "-s", "8192", "-x", "24"],
  "slow reading": ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"],
  "slow reading, pipelined": ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3"],
  "range lists": ["-R", "-a", "1", "-b", "3000"],
};

/** Runs one mode against a target; undefined where the tool is not installed. */
export function attack(
  target: Target,
  mode: string,
  size: { readonly connections: number; readonly rate: number; readonly seconds: number },
): Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined {
  if (Bun.which("slowhttptest") === null) return undefined;
  const { connections, rate, seconds } = size;
  const path = mode.startsWith("slow reading") ? "/large" : "/";
  const counts = ["-c", connections, "-r", rate, "-l", seconds, "-p", 5].map(String);
  const url = `http://127.0.0.1:${target.port}${path}`;
  return Bun.spawn(["slowhttptest", ...slowModes[mode]!, ...counts, "-u", url], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}
