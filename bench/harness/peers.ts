/**
 * The contenders: how each is prepared and started, and which endpoints it serves. Every one is
 * started with PORT in its environment and NODE_ENV=production, on 127.0.0.1.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
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
  readonly command: (port: number, endpoint: Endpoint) => string[];
  /** What is measured, as its own files state it. */
  readonly version: () => Promise<string>;
}

const peersFolder = join(benchFolder, "peers");
const compared: Endpoint[] = ["plaintext", "json", "users", "create", "baseline", "pipeline"];
const scripted = new Set<Endpoint>([...compared, "arena"]);
const withConstant = new Set<Endpoint>([...scripted, "constant"]);

const bunVersion = async () => `Bun ${Bun.version}`;

async function versionIn(path: string, pattern: RegExp): Promise<string> {
  return pattern.exec(await readFile(path, "utf8"))?.[1] ?? "unknown";
}

const manifestVersion = (path: string) => versionIn(path, /"version":\s*"([^"]+)"/);

function packageVersion(peer: string, name: string): Promise<string> {
  return manifestVersion(join(peersFolder, peer, "node_modules", name, "package.json"));
}

const none = async () => undefined;

const chopin: Peer = {
  name: "chopin",
  title: "Chopin",
  endpoints: withConstant,
  prepare: none,
  command: () => [process.execPath, join(rootFolder, "examples", "target.ts")],
  version: async () =>
    `${await manifestVersion(join(rootFolder, "package.json"))}, ${await bunVersion()}`,
};

/** Another checkout of Chopin, to compare a change with what was before it in one run. */
export function otherChopin(folder: string): Peer {
  return {
    ...chopin,
    name: "other",
    title: `Chopin in ${basename(folder)}`,
    command: () => [process.execPath, join(folder, "examples", "target.ts")],
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

const bunServe: Peer = {
  name: "bun-serve",
  title: "Bun.serve",
  endpoints: withConstant,
  prepare: none,
  command: () => [process.execPath, join(peersFolder, "bun-serve", "server.ts")],
  version: bunVersion,
};

/** A framework on Bun, with packages of its own. */
function onBun(name: string, title: string, endpoints: ReadonlySet<Endpoint>): Peer {
  return {
    name,
    title,
    endpoints,
    prepare: () => installPackages(join(peersFolder, name)),
    command: () => [process.execPath, join(peersFolder, name, "server.ts")],
    version: async () => `${await packageVersion(name, name)}, ${await bunVersion()}`,
  };
}

const fastify: Peer = {
  name: "fastify",
  title: "Fastify",
  endpoints: scripted,
  prepare: async () =>
    findTool("node") === undefined
      ? "node is not installed"
      : await installPackages(join(peersFolder, "fastify")),
  command: () => ["node", join(peersFolder, "fastify", "server.js")],
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
  endpoints: new Set(["constant"]),
  prepare: async () => (findTool("nginx") === undefined ? "nginx is not installed" : undefined),
  command: (port) => {
    const folder = join(cacheFolder, `nginx-${port}`);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "nginx.conf");
    writeFileSync(path, nginxText.replaceAll("FOLDER", folder).replaceAll("PORT", String(port)));
    return [findTool("nginx") ?? "nginx", "-e", join(folder, "error.log"), "-c", path];
  },
  version: async () => {
    const said = Bun.spawnSync([findTool("nginx") ?? "nginx", "-v"]).stderr.toString();
    return /nginx\/(\S+)/.exec(said)?.[1] ?? "unknown";
  },
};

const nginxText = await readFile(join(peersFolder, "nginx", "nginx.conf"), "utf8");

export const peers: readonly Peer[] = [
  floor,
  chopin,
  bunServe,
  onBun("elysia", "Elysia", withConstant),
  onBun("hono", "Hono", scripted),
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
