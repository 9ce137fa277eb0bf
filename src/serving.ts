/** A compiled application on an address. Called by `app.ts`. */
import { parseAddress, type ServeOptions } from "./environment.ts";
import type { Operations } from "./metrics/operations.ts";
import type { BoundAddress, NativeServer, ServerOptions, StopKind } from "./native/contract.ts";
import { createDispatcher } from "./native/dispatch.ts";
import { startServer } from "./native/server.ts";
import type { Program } from "./program.ts";
import type { Audience } from "./websocket/audience.ts";
import type { TopicTransport } from "./websocket/transport.ts";
import type { Message } from "./websocket/types.ts";
import { announce, stopOnSignals } from "./workers/alone.ts";
import { keepWatchdog, notify, takeActivated } from "./workers/manager.ts";
import type { Life } from "./workers/options.ts";
import { isWorker, type Post, workerInfo } from "./workers/place.ts";
import { obey, ownListeners, stopWithWorker } from "./workers/worker.ts";

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
  /** See `Chopin.publish`. */
  publish(topic: string, message: Message): number;
}

export interface StopOptions {
  /** Milliseconds that requests in flight are given; 10,000 unless told. */
  readonly timeoutMs?: number;
  /**
   * Milliseconds that a connection without a request is kept for one that is on its way; 0 unless
   * told.
   */
  readonly idleMs?: number;
}

/** What a server is made of. */
export interface Parts {
  readonly options: ServerOptions;
  readonly life: Life;
  readonly program: Program;
  readonly operations: Operations;
  /** Those on whom is published what reaches this server. */
  readonly audiences: ReadonlySet<Audience>;
  /** Undefined: that of the primary, in a worker. */
  readonly transport: TopicTransport | undefined;
  /** In a worker: what the primary has given it, and how to talk to it. */
  readonly post: Post | undefined;
  /** Called when the server has stopped. */
  readonly stopped: () => void;
}

/** Binds, or takes what was bound for it, and answers. */
export async function startServing(parts: Parts): Promise<Server> {
  const { options, life, program, post } = parts;
  if (!isWorker()) await life.onPrimary();
  await life.onStart(workerInfo());
  const inherited = post === undefined ? takeActivated() : ownListeners(post.place);
  const dispatcher = (server: NativeServer) => createDispatcher(server, program);
  await parts.operations.prepare();
  const native = await startServer(options, program.router, dispatcher, inherited);
  await begin(parts, native);
  let stopping: Promise<void> | undefined;
  const stopOnce = (kind: StopKind): Promise<void> => {
    stopping ??= stopHere(parts, native, kind);
    return stopping;
  };
  const gracefully = { timeoutMs: life.stopTimeoutMs, idleMs: life.drainIdleMs };
  if (post !== undefined) {
    obey(post, native, life, (final) =>
      stopOnce({ ...gracefully, queue: final && !post.place.kept ? "close" : "leave" }),
    );
    return describeServer(native, () => askToStop(post));
  }
  // Whoever bound the sockets keeps them for the next process.
  const queue = inherited === undefined ? "close" : "leave";
  const gently = () => stopOnce({ ...gracefully, queue });
  const forget = isWorker() ? stopWithWorker(gently) : stopOnSignals({ life, stop: gently });
  if (!isWorker()) await begun(native, life);
  return describeServer(native, async ({ timeoutMs = 10_000, idleMs = 0 }) => {
    await stopOnce({ timeoutMs, idleMs, queue });
    forget();
  });
}

/** Of a process that is a service by itself. */
async function begun(native: NativeServer, life: Life): Promise<void> {
  notify("READY=1");
  keepWatchdog();
  await announce(urlOf(native.address), life);
}

/** A server without the port that its metrics were to have is not what was asked for. */
async function begin(parts: Parts, native: NativeServer): Promise<void> {
  const { operations, program, audiences, transport, post } = parts;
  const { topics } = native.websockets;
  try {
    operations.started(native, program.names);
    await topics.connect(transport ?? post?.transport);
    for (const audience of audiences) audience.join(topics);
  } catch (error) {
    operations.stopped();
    await native.stop({ timeoutMs: 0, idleMs: 0, queue: "leave" });
    await silence(parts, native);
    throw error;
  }
}

async function stopHere(parts: Parts, native: NativeServer, kind: StopKind): Promise<void> {
  const { life, operations, stopped } = parts;
  await operations.stopping();
  await native.stop(kind);
  operations.stopped();
  await silence(parts, native);
  stopped();
  await life.onStop(workerInfo());
}

/** Nobody listens any more to what is published. */
async function silence({ audiences }: Parts, { websockets }: NativeServer): Promise<void> {
  for (const audience of audiences) audience.leave(websockets.topics);
  await websockets.topics.disconnect();
}

/** A program that stops itself means the service; this process ends with all others. */
function askToStop(post: Post): Promise<void> {
  post.send({ report: "stop" });
  return new Promise(() => {});
}

function describeServer(
  { address, websockets }: NativeServer,
  stop: (options: StopOptions) => Promise<void>,
): Server {
  const { hostname = "", port = 0, unix } = address;
  const server: Server = {
    hostname,
    port,
    url: urlOf(address),
    stop: (options = {}) => stop(options),
    publish: (topic, message) => websockets.topics.publish(topic, message),
  };
  return unix === undefined ? server : { ...server, unix };
}

/** Where a client finds what is bound there. */
export function urlOf({ hostname = "", port = 0, unix }: BoundAddress): string {
  return unix === undefined ? `http://${urlHost(hostname)}:${port}/` : `unix:${unix}`;
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
