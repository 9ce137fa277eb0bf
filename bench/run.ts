/**
 * `bun run bench`: prepares the contenders, checks their answers, measures them in turns and writes
 * the report. `bench/README.md` says how to read it.
 */
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { prepareFiles } from "./harness/files.ts";
import type { IdleSample } from "./harness/idle.ts";
import { missingTool, prepareLoad } from "./harness/load.ts";
import { measure, type Sample } from "./harness/measure.ts";
import { type Options, readOptions, usage } from "./harness/options.ts";
import { otherChopin, type Peer, peerNamed, peers } from "./harness/peers.ts";
import { describeMachine, type PeerNote, type Result, writeResult } from "./harness/result.ts";
import { median } from "./harness/statistics.ts";
import { printReport } from "./harness/terminal.ts";
import { resultsFolder, rootFolder } from "./harness/tools.ts";
import { verify } from "./harness/verify.ts";
import { type Endpoint, type Workload, workloads } from "./harness/workloads.ts";
import { idleConnections, measureIdle } from "./idle.ts";
import { writeReport } from "./report.ts";
import { measureStart, type StartSample } from "./start.ts";

/** The part of a result that grows while the run goes on. */
interface Progress {
  readonly peers: PeerNote[];
  readonly skipped: { name: string; reason: string }[];
  readonly samples: Sample[];
  readonly starts: StartSample[];
  readonly idles: IdleSample[];
  rate: number;
}

function takesPart(peer: Peer, workload: Workload, options: Options): boolean {
  if (!peer.endpoints.has(workload.endpoint)) return false;
  if (peer.name === "other") return true;
  if (!options.only.includes(peer.name)) return false;
  return workload.only === undefined || workload.only.includes(peer.name);
}

/** A contender and the endpoints at which its answers are right. */
interface Admitted {
  readonly peer: Peer;
  readonly endpoints: ReadonlySet<Endpoint>;
}

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Without the folder of the checkout: results are shown to others. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(`${resolve(rootFolder)}/`, "");
}

/** Checks the answers of one contender; where they are wrong it is left out by name. */
async function admitPeer(peer: Peer, endpoints: readonly Endpoint[], progress: Progress) {
  const right = new Set<Endpoint>();
  const answerBytes: Partial<Record<Endpoint, number>> = {};
  for (const endpoint of endpoints) {
    let reason = peer.missing?.(endpoint);
    if (reason === undefined) {
      try {
        const found = await verify(peer, endpoint);
        reason = found.fault;
        if (found.answerBytes !== undefined) answerBytes[endpoint] = found.answerBytes;
      } catch (error) {
        reason = messageOf(error);
      }
    }
    if (reason === undefined) right.add(endpoint);
    else skip(progress, `${peer.name} at ${endpoint}`, reason);
  }
  if (right.size > 0) {
    const { name, title } = peer;
    progress.peers.push({ name, title, version: await peer.version(), answerBytes });
  }
  return { peer, endpoints: right };
}

function skip(progress: Progress, name: string, reason: string): void {
  say(`  ${name} is left out: ${reason}`);
  progress.skipped.push({ name, reason });
}

/** Prepares and checks everyone who is asked for. */
async function admit(
  options: Options,
  wanted: readonly Workload[],
  progress: Progress,
): Promise<Admitted[]> {
  const admitted: Admitted[] = [];
  const all = options.other === undefined ? peers : [...peers, otherChopin(options.other)];
  for (const peer of all) {
    const own = wanted.filter((workload) => takesPart(peer, workload, options));
    const endpoints = [...new Set(own.map(({ endpoint }) => endpoint))];
    if (endpoints.length === 0) continue;
    say(`preparing ${peer.title}`);
    const missing = await peer.prepare();
    if (missing !== undefined) skip(progress, peer.name, missing);
    else admitted.push(await admitPeer(peer, endpoints, progress));
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
  admitted: readonly Admitted[],
  progress: Progress,
  save: () => Promise<void>,
): Promise<void> {
  const { rounds, seconds, warmUpSeconds } = options;
  for (const workload of wanted) {
    const order = admitted
      .filter(({ endpoints }) => endpoints.has(workload.endpoint))
      .map(({ peer }) => peer)
      .filter((peer) => takesPart(peer, workload, options));
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

/** What is no load: start times and the memory of idle connections. */
async function measureOthers({ workloads: names, only, rounds }: Options, progress: Progress) {
  const attempt = async (name: string, work: () => Promise<void>) => {
    if (!names.includes(name) || !only.includes("chopin")) return;
    say(name);
    try {
      await work();
    } catch (error) {
      skip(progress, name, messageOf(error));
    }
  };
  await attempt("start", async () => {
    progress.starts.push(...(await measureStart(Math.max(rounds, 10))));
  });
  await attempt("idle", async () => {
    const left = (name: string, reason: string) => skip(progress, name, reason);
    progress.idles.push(...(await measureIdle(rounds, idleConnections, left)));
  });
}

async function run(options: Options): Promise<void> {
  const startedAt = new Date().toISOString();
  const path = options.out ?? join(resultsFolder, `${startedAt.replaceAll(/[:.]/g, "-")}.json`);
  mkdirSync(dirname(path), { recursive: true });
  const progress: Progress = {
    peers: [],
    skipped: [],
    samples: [],
    starts: [],
    idles: [],
    rate: 0,
  };
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
  prepareFiles();
  const admitted = await admit(options, wanted, progress);
  if (wanted.some(({ mode }) => mode === "paced")) progress.rate = await findRate(warmUpSeconds);
  await measureAll(options, wanted, admitted, progress, save);
  await measureOthers(options, progress);
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
