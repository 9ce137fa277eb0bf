/** What a run leaves behind: one JSON file with every sample, from which reports are made. */
import { cpus, release } from "node:os";
import type { StartSample } from "../start.ts";
import type { IdleSample } from "./idle.ts";
import type { Sample } from "./measure.ts";
import { median } from "./statistics.ts";
import type { Endpoint } from "./workloads.ts";

export interface PeerNote {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Bytes of one answer, head and body. */
  readonly answerBytes: Partial<Record<Endpoint, number>>;
}

export interface Result {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: { readonly processor: string; readonly cores: number; readonly kernel: string };
  readonly settings: {
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    /** Requests a second of the paced workloads: half of the floor's maximum in this run. */
    readonly rate: number;
  };
  readonly peers: readonly PeerNote[];
  /** Contenders and workloads left out, each with its reason. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly samples: readonly Sample[];
  readonly starts: readonly StartSample[];
  /** Results from before idle connections were measured have none. */
  readonly idles?: readonly IdleSample[];
}

/** Above this share of foreign work on the server's core a run says little. */
const disturbanceMax = 0.05;

/** A warning for the reader when other programs ran on the server's core, or nothing. */
export function disturbanceOf({ samples }: Result): string | undefined {
  const shares = samples.map(({ disturbed }) => disturbed);
  const middle = median(shares);
  if (shares.length === 0 || middle <= disturbanceMax) return undefined;
  const [usual, worst] = [middle, Math.max(...shares)].map((share) => Math.round(share * 100));
  const share = `${usual}% of the server's core (median; ${worst}% at worst)`;
  return `Other programs used ${share}: run again on a quiet machine.`;
}

/** One sample a line, so that a committed result can be compared. */
export function writeResult(result: Result): string {
  const { samples, starts, idles = [], ...rest } = result;
  const lines = (values: readonly unknown[]) =>
    values.map((value) => `\n  ${JSON.stringify(value)}`).join(",");
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  const lists = { samples, starts, idles };
  const parts = Object.entries(lists).map(([name, list]) => ` "${name}": [${lines(list)}\n ]`);
  return `${head},\n${parts.join(",\n")}\n}\n`;
}

export function describeMachine(): Result["machine"] {
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    kernel: release(),
  };
}
