/** Starts one contender in a fresh process on the server's core, and ends exactly that process. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "./exchange.ts";
import { filesFolder } from "./files.ts";
import type { Peer } from "./peers.ts";
import { freePort } from "./port.ts";
import { cacheFolder, pinned, serverCore } from "./tools.ts";
import { type Endpoint, requests } from "./workloads.ts";

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

const startLimitMs = 15_000;
const stopLimitMs = 3_000;

/**
 * Starts a contender and waits until it has answered once.
 *
 * @throws Error with what it printed when it ends or stays silent
 */
export async function startServer(peer: Peer, endpoint: Endpoint): Promise<RunningServer> {
  const port = freePort();
  const child = Bun.spawn(pinned(serverCore, peer.command(port, endpoint)), {
    env: {
      ...process.env,
      PORT: String(port),
      NODE_ENV: "production",
      BENCH_FILES: filesFolder,
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = new Response(child.stderr).text();
  const server: RunningServer = {
    pid: child.pid,
    port,
    async stop() {
      child.kill("SIGTERM");
      const ended = await Promise.race([child.exited, Bun.sleep(stopLimitMs)]);
      if (ended === undefined) child.kill("SIGKILL");
      await child.exited;
      rmSync(join(cacheFolder, `nginx-${port}`), { recursive: true, force: true });
    },
  };
  const latest = performance.now() + startLimitMs;
  while (child.exitCode === null && performance.now() < latest) {
    try {
      await exchange(port, [requests[endpoint][0]]);
      return server;
    } catch {
      await Bun.sleep(20);
    }
  }
  await server.stop();
  throw new Error(`${peer.name} did not start\n${(await said).trim().slice(-600)}`);
}
