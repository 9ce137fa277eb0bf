/** Runs a load generator on its core and reads its one line of JSON. */
import { join } from "node:path";
import { buildZig } from "./prepare.ts";
import { benchFolder, cacheFolder, findTool, loadCore, pinned, runTool } from "./tools.ts";
import { type Request, requests, type Workload } from "./workloads.ts";

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers that were errors, and requests without an answer. */
  readonly failed: number;
  /** Of a fixed rate: requests that were due and were not sent or not answered in time. */
  readonly missed: number;
  /** Bytes of bodies, sent and received; undefined where the generator does not tell. */
  readonly bodyBytes: number | undefined;
  /** Null where requests are pipelined: wrk then fills in values that nobody measured. */
  readonly latency: Latency | null;
}

/** Microseconds from sending (at a fixed rate: from when sending was due) to the whole answer. */
export interface Latency {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Latency at 0.5%, 1%, … 99.5% of the answers; from our own generator only. */
  readonly curveUs: readonly number[];
}

const loadSources = [
  "load.zig",
  "histogram.zig",
  "answer_reader.zig",
  "options.zig",
  "request.zig",
  "socket.zig",
].map((name) => join(benchFolder, "load", name));

/** Builds the generator of this bench. Resolves with why it cannot be used, if so. */
export function prepareLoad(): Promise<string | undefined> {
  const [source = "", ...imported] = loadSources;
  return buildZig("load", source, imported);
}

/** Why a workload cannot be run on this machine, if so. */
export function missingTool(workload: Workload): string | undefined {
  for (const name of ["taskset", ...(usesWrk(workload) ? ["wrk"] : [])]) {
    if (findTool(name) === undefined) return `${name} is not installed`;
  }
  return undefined;
}

const usesWrk = ({ mode }: Workload) => mode === "saturated" || mode === "pipelined";

/** The last line as numbers by name. */
function readNumbers(text: string): (name: string) => number {
  const line = text.trim().split("\n").at(-1) ?? "";
  const numbers: Record<string, unknown> = JSON.parse(line);
  return (name) => {
    const value = numbers[name];
    if (typeof value !== "number") throw new Error(`the load generator did not tell ${name}`);
    return value;
  };
}

/** Sends one request again and again, as fast as wrk can. */
export async function runWrk(
  { method, path, body, type = "application/json" }: Request,
  { connections, depth }: Pick<Workload, "connections" | "depth">,
  port: number,
  seconds: number,
): Promise<LoadResult> {
  const script = join(benchFolder, "load", "wrk.lua");
  const flags = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script];
  const settings = [method, path, String(depth), ...(body === undefined ? [] : [body, type])];
  const url = `http://127.0.0.1:${port}/`;
  const out = await runTool(pinned(loadCore, ["wrk", ...flags, url, "--", ...settings]));
  const read = readNumbers(out);
  return {
    requests: read("requests"),
    seconds: read("elapsed_us") / 1e6,
    failed: read("failed"),
    missed: 0,
    bodyBytes: undefined,
    latency:
      depth > 1
        ? null
        : {
            p50Us: read("p50_us"),
            p99Us: read("p99_us"),
            maxUs: read("max_us"),
            curveUs: [],
          },
  };
}

async function runOwn(
  workload: Workload,
  port: number,
  seconds: number,
  rate: number,
): Promise<LoadResult> {
  const asked = requests[workload.endpoint];
  const [{ method, body, accept, uploadBytes }] = asked;
  const settings = {
    port,
    connections: workload.connections,
    seconds,
    rate,
    method,
    path: asked.map(({ path }) => path).join(","),
    ...(body === undefined ? {} : { body }),
    ...(accept === undefined ? {} : { accept }),
    ...(uploadBytes === undefined ? {} : { upload: uploadBytes }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const out = await runTool(pinned(loadCore, [join(cacheFolder, "load"), ...flags]));
  const read = readNumbers(out);
  const parsed: { curve_ns: number[] } = JSON.parse(out);
  return {
    requests: read("requests"),
    seconds: read("elapsed_ns") / 1e9,
    failed: read("failed"),
    missed: read("missed"),
    bodyBytes: read("body_bytes"),
    latency: {
      p50Us: read("p50_ns") / 1e3,
      p99Us: read("p99_ns") / 1e3,
      maxUs: read("max_ns") / 1e3,
      curveUs: parsed.curve_ns.map((ns) => ns / 1e3),
    },
  };
}

/** Puts one workload on a server. `rate`, in requests a second, is for paced workloads only. */
export function runLoad(
  workload: Workload,
  port: number,
  seconds: number,
  rate: number,
): Promise<LoadResult> {
  if (usesWrk(workload)) return runWrk(requests[workload.endpoint][0], workload, port, seconds);
  return runOwn(workload, port, seconds, workload.mode === "paced" ? rate : 0);
}
