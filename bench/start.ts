/**
 * Time from process start to the first answer, source and compiled, against Bun.serve. Run alone
 * with `bun bench/start.ts [--rounds N]`, or as part of `bench/run.ts`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "./harness/port.ts";
import { buildZig } from "./harness/prepare.ts";
import { type Figure, figure } from "./harness/statistics.ts";
import {
  benchFolder,
  cacheFolder,
  loadCore,
  pinned,
  runTool,
  serverCore,
} from "./harness/tools.ts";

export interface StartSample {
  readonly peer: "chopin" | "bun-serve";
  readonly form: "source" | "compiled";
  readonly round: number;
  readonly ms: number;
}

const forms = ["source", "compiled"] as const;
const contenders = ["bun-serve", "chopin"] as const;

const sourceOf = (peer: string) => join(benchFolder, "startup", `${peer}.ts`);
const compiledOf = (peer: string) => join(cacheFolder, `start-${peer}`);

async function prepare(): Promise<string | undefined> {
  mkdirSync(cacheFolder, { recursive: true });
  const missing = await buildZig("first_answer", join(benchFolder, "load", "first_answer.zig"));
  if (missing !== undefined) return missing;
  for (const peer of contenders) {
    const output = ["--outfile", compiledOf(peer)];
    await runTool([process.execPath, "build", "--compile", "--minify", sourceOf(peer), ...output]);
  }
  return undefined;
}

async function once(peer: string, form: (typeof forms)[number]): Promise<number> {
  const port = freePort();
  const command = form === "source" ? [process.execPath, sourceOf(peer)] : [compiledOf(peer)];
  const probe = [join(cacheFolder, "first_answer"), String(port), String(serverCore), ...command];
  const environment = { PORT: String(port), NODE_ENV: "production" };
  const out = await runTool(pinned(loadCore, probe), { env: environment });
  return Number(out) / 1e6;
}

/**
 * Measures all four programs in each round, in an order that is reversed every round. The first
 * start of each only warms the file cache and does not count.
 *
 * @throws Error when a program does not start or does not answer
 */
export async function measureStart(rounds: number): Promise<StartSample[]> {
  const missing = await prepare();
  if (missing !== undefined) throw new Error(missing);
  const order = forms.flatMap((form) => contenders.map((peer) => ({ form, peer })));
  for (const { peer, form } of order) await once(peer, form);
  const samples: StartSample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const { peer, form } of round % 2 === 0 ? order : order.toReversed()) {
      samples.push({ peer, form, round, ms: await once(peer, form) });
    }
  }
  return samples;
}

export function startFigure(
  samples: readonly StartSample[],
  peer: StartSample["peer"],
  form: StartSample["form"],
): Figure | undefined {
  const of = samples.filter((sample) => sample.peer === peer && sample.form === form);
  return of.length === 0 ? undefined : figure(of.map((sample) => sample.ms));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
  const samples = await measureStart(Number(values.rounds));
  for (const form of forms) {
    for (const peer of contenders) {
      const ms = startFigure(samples, peer, form);
      if (ms === undefined) continue;
      const spread = `${ms.low.toFixed(1)}–${ms.high.toFixed(1)}`;
      console.log(`${form.padEnd(9)} ${peer.padEnd(10)} ${ms.middle.toFixed(1)} ms (${spread})`);
    }
  }
}
