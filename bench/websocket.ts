/**
 * What messages of WebSockets cost: CPU time of a server that echoes, for each message. Run with
 * `bun bench/websocket.ts [--only bun-serve,elysia,chopin] [--other folder] [--rounds N]
 * [--seconds N] [--out file]`.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { type Peer, peerNamed } from "./harness/peers.ts";
import { buildZig } from "./harness/prepare.ts";
import { type RunningServer, startServer } from "./harness/server.ts";
import { median } from "./harness/statistics.ts";
import { bold, cyan, table } from "./harness/terminal-table.ts";
import {
  benchFolder,
  cacheFolder,
  loadCore,
  pinned,
  resultsFolder,
  rootFolder,
  runTool,
} from "./harness/tools.ts";
import { readUsage } from "./harness/usage.ts";

interface Exchange {
  readonly title: string;
  readonly connections: number;
  /** Messages that a connection sends at a time. */
  readonly depth: number;
  readonly bytes: number;
}

const exchanges: readonly Exchange[] = [
  { title: "32 bytes, 64 connections", connections: 64, depth: 1, bytes: 32 },
  { title: "32 bytes ×16, 64 connections", connections: 64, depth: 16, bytes: 32 },
  { title: "16 KiB, 64 connections", connections: 64, depth: 1, bytes: 16 * 1024 },
  { title: "32 bytes, 1 connection", connections: 1, depth: 1, bytes: 32 },
];

interface Sample {
  readonly peer: string;
  readonly exchange: string;
  readonly round: number;
  readonly messages: number;
  readonly perSecond: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

function echoIn(folder: string, name: string): Peer {
  const peer = peerNamed(name === "other" ? "chopin" : name);
  const program = join(folder, "bench", "peers", peer.name, "websocket.ts");
  return { ...peer, name, command: () => [process.execPath, program] };
}

async function measure(
  server: RunningServer,
  { connections, depth, bytes }: Exchange,
  seconds: number,
): Promise<Omit<Sample, "peer" | "exchange" | "round">> {
  const settings = { port: server.port, connections, depth, bytes, seconds };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const before = readUsage(server.pid);
  const out = await runTool(pinned(loadCore, [join(cacheFolder, "websocket"), ...flags]));
  const after = readUsage(server.pid);
  const told: Record<"messages" | "elapsed_ns" | "p50_ns" | "p99_ns", number> = JSON.parse(out);
  return {
    messages: told.messages,
    perSecond: told.messages / (told.elapsed_ns / 1e9),
    userUs: ((after.userMs - before.userMs) * 1e3) / told.messages,
    systemUs: ((after.systemMs - before.systemMs) * 1e3) / told.messages,
    p50Us: told.p50_ns / 1e3,
    p99Us: told.p99_ns / 1e3,
  };
}

/** Every exchange with a server of its own, after a second of the same load. */
async function measurePeer(peer: Peer, round: number, seconds: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const exchange of exchanges) {
    const server = await startServer(peer, "plaintext");
    try {
      await measure(server, exchange, 1);
      const measured = await measure(server, exchange, seconds);
      samples.push({ peer: peer.name, exchange: exchange.title, round, ...measured });
    } finally {
      await server.stop();
    }
  }
  return samples;
}

function print(peers: readonly Peer[], samples: readonly Sample[]): void {
  for (const { title } of exchanges) {
    const rows = peers.map((peer) => {
      const own = samples.filter((one) => one.exchange === title && one.peer === peer.name);
      const middle = (of: (sample: Sample) => number) => median(own.map(of));
      return [
        { text: peer.title, paint: peer.name === "chopin" ? cyan : String },
        { text: Math.round(middle((one) => one.perSecond)).toLocaleString("en") },
        { text: middle((one) => one.userUs).toFixed(2), paint: bold },
        { text: middle((one) => one.systemUs).toFixed(2) },
        { text: middle((one) => one.p50Us).toFixed(0) },
        { text: middle((one) => one.p99Us).toFixed(0) },
      ];
    });
    const head = ["", "messages/s", "user µs", "system µs", "p50 µs", "p99 µs"];
    console.log(`\n${bold(title)}\n${table(head, rows, head.length)}`);
  }
}

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "bun-serve,elysia,chopin" },
    other: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    out: { type: "string", default: join(resultsFolder, "websocket.json") },
  },
});
const peers = values.only.split(",").map((name) => echoIn(rootFolder, name));
if (values.other !== undefined) peers.push(echoIn(values.other, "other"));
const source = join(benchFolder, "load", "websocket.zig");
const imported = ["histogram.zig", "options.zig", "socket.zig"].map((name) =>
  join(benchFolder, "load", name),
);
const missing = [
  await buildZig("websocket", source, imported),
  ...(await Promise.all(peers.map((peer) => peer.prepare()))),
].find((reason) => reason !== undefined);
if (missing !== undefined) throw new Error(missing);

const samples: Sample[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  process.stderr.write(`round ${round + 1} of ${values.rounds}\n`);
  for (const peer of round % 2 === 0 ? peers : peers.toReversed()) {
    samples.push(...(await measurePeer(peer, round, Number(values.seconds))));
  }
}
print(peers, samples);
mkdirSync(dirname(values.out), { recursive: true });
await Bun.write(values.out, `[\n${samples.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`);
