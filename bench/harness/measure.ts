/** One measurement: a fresh server, a warm-up, then a timed window with its CPU time and memory. */
import { type Latency, runLoad } from "./load.ts";
import type { Peer } from "./peers.ts";
import { startServer } from "./server.ts";
import { serverCore } from "./tools.ts";
import { readCoreBusyMs, readUsage } from "./usage.ts";
import type { Workload } from "./workloads.ts";

/** What one window gave. Times are per request and in microseconds where the name says `Us`. */
export interface Sample {
  readonly workload: string;
  readonly peer: string;
  readonly round: number;
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly failed: number;
  readonly missed: number;
  readonly userUs: number;
  readonly systemUs: number;
  /** Share of the window in which the server's core worked for the server; 1 is all of it. */
  readonly busy: number;
  /** Share of the window in which that core worked for others: what disturbs the measurement. */
  readonly disturbed: number;
  readonly residentBytes: number;
  /** Bytes of bodies for each request, sent and received; samples of wrk have none. */
  readonly bodyBytes?: number;
  readonly latency: Latency | null;
}

export interface MeasureOptions {
  readonly round: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** For paced workloads, requests a second. */
  readonly rate: number;
}

export async function measure(
  peer: Peer,
  workload: Workload,
  options: MeasureOptions,
): Promise<Sample> {
  const { round, seconds, warmUpSeconds, rate } = options;
  const server = await startServer(peer, workload.endpoint);
  try {
    if (warmUpSeconds > 0) await runLoad(workload, server.port, warmUpSeconds, rate);
    const before = readUsage(server.pid);
    const coreBefore = readCoreBusyMs(serverCore);
    const load = await runLoad(workload, server.port, seconds, rate);
    const coreMs = readCoreBusyMs(serverCore) - coreBefore;
    const after = readUsage(server.pid);
    if (load.requests === 0) throw new Error("no request was answered");
    const userMs = after.userMs - before.userMs;
    const systemMs = after.systemMs - before.systemMs;
    return {
      workload: workload.name,
      peer: peer.name,
      round,
      requests: load.requests,
      seconds: load.seconds,
      perSecond: load.requests / load.seconds,
      failed: load.failed,
      missed: load.missed,
      userUs: (userMs * 1e3) / load.requests,
      systemUs: (systemMs * 1e3) / load.requests,
      busy: (userMs + systemMs) / 1e3 / load.seconds,
      disturbed: Math.max(0, coreMs - userMs - systemMs) / 1e3 / load.seconds,
      residentBytes: after.residentBytes,
      ...(load.bodyBytes === undefined ? {} : { bodyBytes: load.bodyBytes / load.requests }),
      latency: load.latency,
    };
  } finally {
    await server.stop();
  }
}
