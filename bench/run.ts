/**
 * `bun run bench`: prepares the contenders, checks their answers, measures them in turns and writes
 * the report. `bench/README.md` says how to read it.
 */
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { missingTool, prepareLoad } from "./harness/load.ts";
import { measure, type Sample } from "./harness/measure.ts";
import { type Options, readOptions, usage } from "./harness/options.ts";
import { otherChopin, type Peer, peerNamed, peers } from "./harness/peers.ts";
import { describeMachine, type PeerNote, type Result, writeResult } from "./harness/result.ts";
import { median } from "./harness/statistics.ts";
import { printReport } from "./harness/terminal.ts";
import { resultsFolder, rootFolder } from "./harness/tools.ts";
import { verify } from "./harness/verify.ts";
import { type Workload, workloads } from "./harness/workloads.ts";
import { writeReport } from "./report.ts";
import { measureStart, type StartSample } from "./start.ts";

/** The part of a result that grows while the run goes on. */
interface Progress {
  readonly peers: PeerNote[];
  readonly skipped: { name: string; reason: string }[];
  readonly samples: Sample[];
  readonly starts: StartSample[];
  rate: number;
}

function takesPart(peer: Peer, workload: Workload, options: Options): boolean {
  if (!peer.endpoints.has(workload.endpoint)) return false;
  if (peer.name === "other") return true;
  if (!options.only.includes(peer.name)) return false;
  return workload.only === undefined || workload.only.includes(peer.name);
}

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Without the folder of the checkout: results are shown to others. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(`${resolve(rootFolder)}/`, "");
}

/** Prepares and checks everyone who is asked for; who fails is left out by name. */
async function admit(options: Options, wanted: readonly Workload[], progress: Progress) {
  const admitted: Peer[] = [];
  const skip = (name: string, reason: string) => {
    say(`  ${name} is left out: ${reason}`);
    progress.skipped.push({ name, reason });
  };
  const all = options.other === undefined ? peers : [...peers, otherChopin(options.other)];
  for (const peer of all) {
    const own = wanted.filter((workload) => takesPart(peer, workload, options));
    const endpoints = [...new Set(own.map(({ endpoint }) => endpoint))];
    if (endpoints.length === 0) continue;
    say(`preparing ${peer.title}`);
    const missing = await peer.prepare();
    if (missing !== undefined) {
      skip(peer.name, missing);
      continue;
    }
    try {
      const { fault, answerBytes } = await verify(peer, endpoints);
      if (fault === undefined) {
        admitted.push(peer);
        const { name, title } = peer;
        progress.peers.push({ name, title, version: await peer.version(), answerBytes });
      } else skip(peer.name, fault);
    } catch (error) {
      skip(peer.name, messageOf(error));
    }
  }
  return admitted;
}

/** Half of what the floor answers in a second on this machine, now. */
async function findRate(warmUpSeconds: number): Promise<number> {
  const floor = peerNamed("floor");
  const missing = await floor.prepare();
  const json = workloads.find(({ name }) => name === "json");
  if (missing !== undefined || json === undefined) throw new Error(missing);
  const rates: number[] = [];
  for (let round = 0; round < 3; round++) {
    const sample = await measure(floor, json, { round, seconds: 2, warmUpSeconds, rate: 0 });
    rates.push(sample.perSecond);
  }
  return Math.round(median(rates) / 2);
}

async function measureAll(
  options: Options,
  wanted: readonly Workload[],
  admitted: readonly Peer[],
  progress: Progress,
  save: () => Promise<void>,
): Promise<void> {
  const { rounds, seconds, warmUpSeconds } = options;
  for (const workload of wanted) {
    const order = admitted.filter((peer) => takesPart(peer, workload, options));
    for (let round = 0; round < rounds; round++) {
      say(`${workload.name}, round ${round + 1} of ${rounds}`);
      for (const peer of round % 2 === 0 ? order : order.toReversed()) {
        const settings = { round, seconds, warmUpSeconds, rate: progress.rate };
        try {
          progress.samples.push(await measure(peer, workload, settings));
        } catch (error) {
          const reason = `${workload.name}, round ${round + 1}: ${messageOf(error)}`;
          progress.skipped.push({ name: peer.name, reason });
        }
      }
      await save();
    }
  }
}

async function run(options: Options): Promise<void> {
  const startedAt = new Date().toISOString();
  const path = options.out ?? join(resultsFolder, `${startedAt.replaceAll(/[:.]/g, "-")}.json`);
  mkdirSync(dirname(path), { recursive: true });
  const progress: Progress = { peers: [], skipped: [], samples: [], starts: [], rate: 0 };
  const { rounds, seconds, warmUpSeconds } = options;
  const result = (): Result => {
    const { rate, ...found } = progress;
    const settings = { rounds, seconds, warmUpSeconds, rate };
    return { format: 1, startedAt, machine: describeMachine(), settings, ...found };
  };
  const save = async () => void (await Bun.write(path, writeResult(result())));

  const missing = await prepareLoad();
  const wanted = workloads.filter((workload) => {
    if (!options.workloads.includes(workload.name)) return false;
    const reason = missingTool(workload) ?? (workload.depth === 1 ? missing : undefined);
    if (reason !== undefined) progress.skipped.push({ name: workload.name, reason });
    return reason === undefined;
  });
  const admitted = await admit(options, wanted, progress);
  if (wanted.some(({ mode }) => mode === "paced")) progress.rate = await findRate(warmUpSeconds);
  await measureAll(options, wanted, admitted, progress, save);
  if (options.workloads.includes("start") && options.only.includes("chopin")) {
    say("start to first answer");
    try {
      progress.starts.push(...(await measureStart(Math.max(rounds, 10))));
    } catch (error) {
      progress.skipped.push({ name: "start", reason: messageOf(error) });
    }
  }
  await save();
  printReport(result());
  say(`\nsamples: ${path}\nreport:  ${await writeReport(result())}`);
}

try {
  const options = readOptions(Bun.argv.slice(2));
  if (options === undefined) console.log(usage);
  else await run(options);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
