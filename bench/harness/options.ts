/** The command line of `bun run bench`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { peers } from "./peers.ts";
import { workloads } from "./workloads.ts";

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Names of contenders; all by default. */
  readonly only: readonly string[];
  /** Names of workloads, `start` and `idle` among them; all by default. */
  readonly workloads: readonly string[];
  /** Folder of another checkout that takes part too. */
  readonly other: string | undefined;
  /** Where to write the JSON; by default a file named after the time, in `bench/results`. */
  readonly out: string | undefined;
}

export const workloadNames = [...workloads.map(({ name }) => name), "start", "idle"];
export const peerNames = peers.map(({ name }) => name);

export const usage = `bun run bench [options]

  --rounds N          rounds, the order of contenders reversed in each (5)
  --seconds N         timed window of one measurement (5)
  --warmup N          load before the window, in seconds (2)
  --only a,b          contenders: ${peerNames.join(", ")}
  --workload a,b      ${workloadNames.join(", ")}
  --other folder      another checkout of Chopin, measured beside this one
  --out file          where to write the samples (bench/results/<time>.json)
`;

function positive(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`--${name} takes a whole number of at least ${least}, not ${text}`);
  }
  return value;
}

function chosen(text: string | undefined, known: readonly string[], what: string): string[] {
  if (text === undefined) return [...known];
  const names = text.split(",");
  for (const name of names) {
    if (!known.includes(name)) {
      throw new Error(`no ${what} is called ${name}; there are ${known.join(", ")}`);
    }
  }
  return names;
}

/**
 * Reads the arguments of the command.
 *
 * @returns undefined when help was asked for
 * @throws Error that says which argument is wrong
 */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "5" },
      warmup: { type: "string", default: "2" },
      only: { type: "string" },
      workload: { type: "string" },
      other: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    rounds: positive(values.rounds, "rounds", 1),
    seconds: positive(values.seconds, "seconds", 1),
    warmUpSeconds: positive(values.warmup, "warmup", 0),
    only: chosen(values.only, peerNames, "contender"),
    workloads: chosen(values.workload, workloadNames, "workload"),
    other: values.other === undefined ? undefined : resolve(values.other),
    out: values.out,
  };
}
