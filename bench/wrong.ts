/**
 * What wrong requests cost beside right ones: CPU time of a server that gets both in turn, in short
 * windows. Run with `bun bench/wrong.ts [--only chopin,elysia,fastify] [--other folder]
 * [--mistake text] [--rounds N] [--seconds N] [--out file]`.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { exchange } from "./harness/exchange.ts";
import { runWrk } from "./harness/load.ts";
import { type Peer, peerNamed } from "./harness/peers.ts";
import { type RunningServer, startServer } from "./harness/server.ts";
import { type Cell, table } from "./harness/terminal-table.ts";
import { resultsFolder, rootFolder } from "./harness/tools.ts";
import { readUsage } from "./harness/usage.ts";
import {
  type Asked,
  type CpuTime,
  type Mistake,
  mistakes,
  pooled,
  ratioOf,
  type WrongSample,
} from "./harness/wrong.ts";

const load = { connections: 64, depth: 1 } as const;
const warmUpSeconds = 1;

interface Contender {
  readonly peer: Peer;
  readonly server: RunningServer;
  readonly mistakes: readonly Mistake[];
}

/** The Chopin in a folder, with routes for every mistake. */
function chopinIn(folder: string, name: string): Peer {
  const program = join(folder, "bench", "peers", "chopin", "wrong.ts");
  return { ...peerNamed("chopin"), name, command: () => [process.execPath, program] };
}

async function start(peer: Peer, wanted: string): Promise<Contender> {
  const missing = await peer.prepare();
  if (missing !== undefined) throw new Error(`${peer.name}: ${missing}`);
  const all = peer.name === "chopin" || peer.name === "other";
  const asked = mistakes.filter(({ name, compared }) => (all || compared) && name.includes(wanted));
  return { peer, server: await startServer(peer, "create"), mistakes: asked };
}

/** Other contenders may refuse with a status of their own. */
async function check({ peer, server }: Contender, { request, status }: Asked): Promise<void> {
  const [answer] = await exchange(server.port, [request]);
  const got = answer?.status ?? 0;
  const right = peer.name === "chopin" || status < 400 ? got === status : got >= 400;
  if (!right) throw new Error(`${peer.name} answers ${request.body ?? request.path} with ${got}`);
}

async function measure(server: RunningServer, asked: Asked, seconds: number): Promise<CpuTime> {
  const before = readUsage(server.pid);
  const { requests } = await runWrk(asked.request, load, server.port, seconds);
  const after = readUsage(server.pid);
  return {
    requests,
    userUs: ((after.userMs - before.userMs) * 1e3) / requests,
    systemUs: ((after.systemMs - before.systemMs) * 1e3) / requests,
  };
}

async function warmUp(contender: Contender): Promise<void> {
  for (const { right, wrong } of contender.mistakes) {
    for (const asked of [right, wrong]) {
      await check(contender, asked);
      await measure(contender.server, asked, warmUpSeconds);
    }
  }
}

/** Right and wrong next to each other; which comes first changes every round. */
async function measureMistake(
  { peer, server }: Contender,
  { name, right, wrong }: Mistake,
  round: number,
  seconds: number,
): Promise<WrongSample> {
  const first = await measure(server, round % 2 === 0 ? right : wrong, seconds);
  const second = await measure(server, round % 2 === 0 ? wrong : right, seconds);
  const times = round % 2 === 0 ? { right: first, wrong: second } : { right: second, wrong: first };
  return { peer: peer.name, mistake: name, round, ...times };
}

function print(peer: Peer, samples: readonly WrongSample[]): void {
  const rows = [...new Set(samples.map(({ mistake }) => mistake))].map((mistake): Cell[] => {
    const own = samples.filter((sample) => sample.mistake === mistake);
    const [right, wrong] = [
      pooled(own.map((one) => one.right)),
      pooled(own.map((one) => one.wrong)),
    ];
    const ratio = ratioOf(own);
    const times = [right.userUs, wrong.userUs, right.systemUs, wrong.systemUs];
    const numbers = [...times, ratio.pooled, ratio.median].map((value) => value.toFixed(2));
    return [mistake, ...numbers].map((text) => ({ text }));
  });
  const head = ["", "user µs: right", "wrong", "system: right", "wrong", "user: ratio", "median"];
  console.log(`\n${peer.title}\n${table(head, rows, head.length)}`);
}

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "chopin" },
    other: { type: "string" },
    mistake: { type: "string", default: "" },
    rounds: { type: "string", default: "10" },
    seconds: { type: "string", default: "1" },
    out: { type: "string", default: join(resultsFolder, "wrong.json") },
  },
});
const peers = values.only
  .split(",")
  .map((name) => (name === "chopin" ? chopinIn(rootFolder, name) : peerNamed(name)));
if (values.other !== undefined) peers.push(chopinIn(values.other, "other"));

const contenders: Contender[] = [];
const samples: WrongSample[] = [];
try {
  for (const peer of peers) {
    contenders.push(await start(peer, values.mistake));
    await warmUp(contenders.at(-1)!);
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    process.stderr.write(`round ${round + 1} of ${values.rounds}\n`);
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      for (const mistake of contender.mistakes) {
        samples.push(await measureMistake(contender, mistake, round, Number(values.seconds)));
      }
    }
  }
} finally {
  for (const { server } of contenders) await server.stop();
}
for (const { peer } of contenders) {
  print(
    peer,
    samples.filter((sample) => sample.peer === peer.name),
  );
}
mkdirSync(dirname(values.out), { recursive: true });
await Bun.write(values.out, `[\n${samples.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`);
