/**
 * Memory of idle connections: private memory of a server with thousands of keep-alive connections,
 * after one answer each, above what the same server has without them. Run alone with
 * `bun bench/idle.ts [--rounds N] [--connections N]`, or as part of `bench/run.ts`.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { type IdleSample, printIdle } from "./harness/idle.ts";
import { runLoad } from "./harness/load.ts";
import { peerNamed } from "./harness/peers.ts";
import { buildZig } from "./harness/prepare.ts";
import { type RunningServer, startServer } from "./harness/server.ts";
import { benchFolder, cacheFolder, loadCore, pinned, resultsFolder } from "./harness/tools.ts";
import { readPrivateBytes } from "./harness/usage.ts";
import { type Endpoint, requests, type Workload } from "./harness/workloads.ts";

/** Bun.serve and Chopin answer from a handler, nginx with its constant. */
const contenders = [
  ["nginx", "constant"],
  ["bun-serve", "plaintext"],
  ["chopin", "plaintext"],
] as const satisfies readonly (readonly [string, Endpoint])[];

export const idleConnections = 9000;
const warmUpSeconds = 2;
const settleMs = 250;
/** Memory is at rest when so many readings in a row lie within `restBytes`. */
const restReadings = 8;
const restBytes = 64 * 1024;
const settleLimitMs = 10_000;
/** A server that takes longer to answer all would close the first connections as idle. */
const openLimitMs = 30_000;

async function prepare(): Promise<string | undefined> {
  const [source = "", ...imported] = [
    "idle.zig",
    "answer_reader.zig",
    "request.zig",
    "socket.zig",
  ].map((name) => join(benchFolder, "load", name));
  return buildZig("idle", source, imported);
}

/** Private memory once it has come to rest; garbage of the warm-up is collected by then. */
async function privateBytesAtRest(pid: number): Promise<number> {
  const latest = performance.now() + settleLimitMs;
  let readings = [readPrivateBytes(pid)];
  while (performance.now() < latest) {
    await Bun.sleep(settleMs);
    readings = [...readings, readPrivateBytes(pid)].slice(-restReadings);
    const apart = Math.max(...readings) - Math.min(...readings);
    if (readings.length === restReadings && apart <= restBytes) break;
  }
  return Math.min(...readings);
}

/** Opens the connections; `close` resolves with how many of them the server had kept open. */
async function openConnections(server: RunningServer, connections: number, endpoint: Endpoint) {
  const [{ path }] = requests[endpoint];
  const command = [join(cacheFolder, "idle"), String(server.port), String(connections), path];
  const client = Bun.spawn(pinned(loadCore, command), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = client.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => client.kill(), openLimitMs);
  const first = await said.read();
  clearTimeout(timer);
  if (first.value !== `${connections} idle\n`) {
    const reason = (await new Response(client.stderr).text()).trim().split("\n")[0];
    throw new Error(`${connections} connections could not be opened: ${reason}`);
  }
  return async () => {
    client.stdin.end();
    const last = await said.read();
    await client.exited;
    return Number.parseInt(last.value ?? "", 10);
  };
}

async function once(
  name: string,
  endpoint: Endpoint,
  round: number,
  connections: number,
): Promise<IdleSample> {
  const warmUp: Workload = {
    name: "idle",
    title: "",
    endpoint,
    connections: 64,
    depth: 1,
    mode: "closed",
  };
  const server = await startServer(peerNamed(name), endpoint);
  try {
    await runLoad(warmUp, server.port, warmUpSeconds, 0);
    const emptyBytes = await privateBytesAtRest(server.pid);
    const close = await openConnections(server, connections, endpoint);
    const fullBytes = await privateBytesAtRest(server.pid);
    const open = await close();
    if (open !== connections) throw new Error(`${name} kept ${open} of ${connections} open`);
    return { peer: name, round, connections, emptyBytes, fullBytes };
  } finally {
    await server.stop();
  }
}

/**
 * Measures all contenders in each round, in an order that is reversed every round.
 *
 * @param left - told who was left out, and why
 */
export async function measureIdle(
  rounds: number,
  connections: number,
  left: (name: string, reason: string) => void,
): Promise<IdleSample[]> {
  const missing = await prepare();
  if (missing !== undefined) throw new Error(missing);
  const order: (typeof contenders)[number][] = [];
  for (const contender of contenders) {
    const reason = await peerNamed(contender[0]).prepare();
    if (reason === undefined) order.push(contender);
    else left(`${contender[0]} at idle`, reason);
  }
  const samples: IdleSample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [name, endpoint] of round % 2 === 0 ? order : order.toReversed()) {
      try {
        samples.push(await once(name, endpoint, round, connections));
      } catch (error) {
        left(`${name} at idle`, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return samples;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      connections: { type: "string", default: String(idleConnections) },
      out: { type: "string", default: join(resultsFolder, "idle.json") },
    },
  });
  const left = (name: string, reason: string) => console.error(`${name} is left out: ${reason}`);
  const samples = await measureIdle(Number(values.rounds), Number(values.connections), left);
  printIdle(samples);
  mkdirSync(dirname(values.out), { recursive: true });
  await Bun.write(values.out, `${JSON.stringify(samples, null, 1)}\n`);
  console.log(`\nsamples: ${values.out}`);
}
