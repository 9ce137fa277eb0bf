/**
 * `bun --hot` evaluates every module again, these too, in the same process: the servers of the
 * generation before are found here, keep their sockets and get the new routes. Used by `server.ts`.
 */
import type { Dispatcher, NativeRouter, NativeServer, ServerOptions } from "./contract.ts";

const chopinServers = Symbol.for("chopin.servers");

/** A server that outlives the modules which started it. */
interface HotServer {
  adopt(router: NativeRouter, createDispatcher: (native: NativeServer) => Dispatcher): NativeServer;
}

interface Generations {
  [chopinServers]?: Map<string, HotServer>;
}

/** By `addressKey`; undefined without `--hot`. */
export const hotServers = process.execArgv.includes("--hot")
  ? hotServersOf(globalThis as Generations)
  : undefined;

function hotServersOf(scope: Generations): Map<string, HotServer> {
  scope[chopinServers] ??= new Map();
  return scope[chopinServers];
}

export function addressKey({ unix, hostname, port }: ServerOptions): string {
  return unix ?? `${hostname}:${port}`;
}
