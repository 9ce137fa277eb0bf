/** A compiled application on an address. Called by `app.ts`. */
import { parseAddress, type ServeOptions } from "./environment.ts";
import type { Operations } from "./metrics/operations.ts";
import type { NativeServer, ServerOptions } from "./native/contract.ts";
import { createDispatcher } from "./native/dispatch.ts";
import { startServer } from "./native/server.ts";
import type { Program } from "./program.ts";

/** A server that listens: where, and how to stop it. */
export interface Server {
  /** Address that was bound; "" with a unix socket. */
  readonly hostname: string;
  /** Port that was bound, also when 0 was asked for; 0 with a unix socket. */
  readonly port: number;
  /** Path of the unix socket. */
  readonly unix?: string;
  /** Where to point a client, such as "http://127.0.0.1:8080/". */
  readonly url: string;
  /** See `Chopin.stop`. */
  stop(options?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** Milliseconds that requests in flight are given; 10,000 unless told. */
  readonly timeoutMs?: number;
}

/** Binds and answers; `stopped` is called when the server has stopped. */
export async function startServing(
  options: ServerOptions,
  program: Program,
  operations: Operations,
  stopped: () => void,
): Promise<Server> {
  const native = await startServer(options, program.router, (server) =>
    createDispatcher(server, program),
  );
  await begin(operations, native, program);
  let stopping: Promise<void> | undefined;
  const stop = async (stopOptions: StopOptions = {}): Promise<void> => {
    stopping ??= operations.stopping().then(() => native.stop(stopOptions.timeoutMs ?? 10_000));
    await stopping;
    operations.stopped();
    stopped();
  };
  const { hostname = "", port = 0, unix } = native.address;
  if (unix !== undefined) return { hostname, port, unix, url: `unix:${unix}`, stop };
  return { hostname, port, url: `http://${urlHost(hostname)}:${port}/`, stop };
}

/** A server without the port that its metrics were to have is not what was asked for. */
async function begin(
  operations: Operations,
  native: NativeServer,
  program: Program,
): Promise<void> {
  try {
    await operations.started(native, program.names);
  } catch (error) {
    operations.stopped();
    await native.stop(0);
    throw error;
  }
}

export function serveOptionsOf(address: string | number | ServeOptions): ServeOptions {
  if (typeof address === "string") return parseAddress(address);
  return typeof address === "number" ? { port: address } : address;
}

/** A server that listens everywhere is reached at the loopback address. */
function urlHost(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
