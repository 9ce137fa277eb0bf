/**
 * The contenders: how each is prepared and started, and which endpoints it serves. Every one is
 * started with PORT and BENCH_FILES in its environment and NODE_ENV=production, on 127.0.0.1.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { contentEndpoints } from "./content.ts";
import { nginxCommand, nginxMissing, nginxVersion } from "./nginx.ts";
import { buildZig, cargoBuild, cargoProgram, installPackages } from "./prepare.ts";
import { benchFolder, cacheFolder, findTool, rootFolder } from "./tools.ts";
import type { Endpoint } from "./workloads.ts";

export interface Peer {
  readonly name: string;
  /** As shown in the report. */
  readonly title: string;
  readonly endpoints: ReadonlySet<Endpoint>;
  /** Installs or builds what is missing. Resolves with why the peer cannot run, if so. */
  readonly prepare: () => Promise<string | undefined>;
  /** Why one endpoint cannot be served on this machine, if so. */
  readonly missing?: (endpoint: Endpoint) => string | undefined;
  readonly command: (port: number, endpoint: Endpoint) => string[];
  /** What is measured, as its own files state it. */
  readonly version: () => Promise<string>;
}

const peersFolder = join(benchFolder, "peers");
const compared: Endpoint[] = ["plaintext", "json", "users", "create", "baseline", "pipeline"];
const files = contentEndpoints.filter((endpoint) => endpoint.startsWith("file-"));
const scripted: Endpoint[] = [...compared, "arena"];
const complete = new Set<Endpoint>([...scripted, "constant", ...contentEndpoints]);

/**
 * Bodies have a program of their own: hooks that they need would otherwise run, and cost time, at
 * the small endpoints.
 */
const isContent = (endpoint: Endpoint) => contentEndpoints.some((content) => content === endpoint);

const bunVersion = async () => `Bun ${Bun.version}`;

async function versionIn(path: string, pattern: RegExp): Promise<string> {
  return pattern.exec(await readFile(path, "utf8"))?.[1] ?? "unknown";
}

const manifestVersion = (path: string) => versionIn(path, /"version":\s*"([^"]+)"/);

function packageVersion(peer: string, name: string): Promise<string> {
  return manifestVersion(join(peersFolder, peer, "node_modules", name, "package.json"));
}

const none = async () => undefined;

function chopinIn(folder: string, endpoint: Endpoint): string[] {
  const content = join(folder, "bench", "peers", "chopin", "content.ts");
  return [process.execPath, isContent(endpoint) ? content : join(folder, "examples", "target.ts")];
}

const chopin: Peer = {
  name: "chopin",
  title: "Chopin",
  endpoints: complete,
  prepare: none,
  command: (_port, endpoint) => chopinIn(rootFolder, endpoint),
  version: async () =>
    `${await manifestVersion(join(rootFolder, "package.json"))}, ${await bunVersion()}`,
};

/** The same server while it counts: what metrics cost. */
const measuredChopin: Peer = {
  ...chopin,
  name: "chopin-metrics",
  title: "Chopin with metrics",
  endpoints: new Set(["plaintext", "json", "constant", "pipeline"]),
  command: () => [process.execPath, join(peersFolder, "chopin", "metrics.ts")],
};

/** Another checkout of Chopin, to compare a change with what was before it in one run. */
export function otherChopin(folder: string): Peer {
  return {
    ...chopin,
    name: "other",
    title: `Chopin in ${basename(folder)}`,
    command: (_port, endpoint) => chopinIn(folder, endpoint),
    version: bunVersion,
  };
}

const floor: Peer = {
  name: "floor",
  title: "floor (epoll loop in Zig)",
  endpoints: new Set(["plaintext", "json", "constant"]),
  prepare: () => buildZig("floor", join(peersFolder, "floor", "floor.zig")),
  command: (port, endpoint) => [
    join(cacheFolder, "floor"),
    String(port),
    endpoint === "json" ? "json" : "text",
  ],
  version: async () => "bench/peers/floor",
};

/** The program of a contender on Bun or Node for an endpoint. */
function programOf(peer: string, endpoint: Endpoint, extension: "ts" | "js"): string {
  return join(peersFolder, peer, `${isContent(endpoint) ? "content" : "server"}.${extension}`);
}

const bunServe: Peer = {
  name: "bun-serve",
  title: "Bun.serve",
  endpoints: complete,
  prepare: none,
  command: (_port, endpoint) => [process.execPath, programOf("bun-serve", endpoint, "ts")],
  version: bunVersion,
};

/** A framework on Bun, with packages of its own. */
function onBun(name: string, title: string, endpoints: ReadonlySet<Endpoint>): Peer {
  return {
    name,
    title,
    endpoints,
    prepare: () => installPackages(join(peersFolder, name)),
    command: (_port, endpoint) => [process.execPath, programOf(name, endpoint, "ts")],
    version: async () => `${await packageVersion(name, name)}, ${await bunVersion()}`,
  };
}

const fastify: Peer = {
  name: "fastify",
  title: "Fastify",
  endpoints: new Set([...scripted, "upload", "stream"]),
  prepare: async () =>
    findTool("node") === undefined
      ? "node is not installed"
      : await installPackages(join(peersFolder, "fastify")),
  command: (_port, endpoint) => ["node", programOf("fastify", endpoint, "js")],
  version: async () => {
    const node = Bun.spawnSync(["node", "--version"]).stdout.toString().trim();
    return `${await packageVersion("fastify", "fastify")}, Node ${node.slice(1)}`;
  },
};

function inRust(name: string, title: string, crate: string): Peer {
  const folder = join(peersFolder, name);
  return {
    name,
    title,
    endpoints: new Set(compared),
    prepare: () => cargoBuild(folder),
    command: () => [cargoProgram(folder)],
    version: () =>
      versionIn(join(folder, "Cargo.lock"), new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`)),
  };
}

const nginx: Peer = {
  name: "nginx",
  title: "nginx",
  endpoints: new Set(["constant", ...files, "static"]),
  prepare: async () => (findTool("nginx") === undefined ? "nginx is not installed" : undefined),
  missing: nginxMissing,
  command: nginxCommand,
  version: nginxVersion,
};

export const peers: readonly Peer[] = [
  floor,
  chopin,
  measuredChopin,
  bunServe,
  onBun("elysia", "Elysia", complete),
  onBun("hono", "Hono", new Set([...scripted, ...contentEndpoints])),
  fastify,
  inRust("actix", "Actix Web", "actix-web"),
  inRust("axum", "Axum", "axum"),
  inRust("hyper", "Hyper", "hyper"),
  nginx,
];

export function peerNamed(name: string): Peer {
  const found = peers.find((peer) => peer.name === name);
  if (found === undefined) throw new Error(`no contender is called ${name}`);
  return found;
}
