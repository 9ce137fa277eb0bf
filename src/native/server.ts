/**
 * Starts and stops a native server: its configuration, its address, its place in Bun's event loop.
 * The only module that creates a JSCallback.
 */
import { JSCallback, type Pointer, toArrayBuffer } from "bun:ffi";
import { control, view as layout } from "./abi.ts";
import { bindError } from "./bind-error.ts";
import { ClosingReporter } from "./closings.ts";
import type {
  BoundAddress,
  Dispatcher,
  Inherited,
  NativeServer,
  ServerOptions,
  StartServer,
} from "./contract.ts";
import { addressKey, hotServers } from "./hot.ts";
import { startLoop } from "./loop.ts";
import { numberOfReactor, tellReactor } from "./reactor.ts";
import { Shutdown } from "./shutdown.ts";
import { Streams } from "./streams.ts";
import * as symbols from "./symbols.ts";
import { WebSockets } from "./websockets.ts";

/**
 * Binds, listens and answers by the dispatcher that `createDispatcher` makes.
 *
 * @throws Error with `code` (`EADDRINUSE`, `EACCES`, …) when the address cannot be bound.
 */
export const startServer: StartServer = async (options, router, createDispatcher, inherited) => {
  const running = hotServers?.get(addressKey(options));
  if (running !== undefined) return running.adopt(router, createDispatcher);
  const state: { dispatcher?: Dispatcher } = {};
  const callback = new JSCallback((count: number) => state.dispatcher?.dispatch(count), {
    args: ["u32"],
    returns: "void",
  });
  const handle = symbols.chopin_server_create(
    configWords(options),
    router.handle as Pointer,
    callback.ptr,
  ) as Pointer | null;
  if (handle === null) {
    callback.close();
    throw new Error("Chopin has no memory or descriptors left to start a server");
  }
  const memory = toArrayBuffer(symbols.chopin_server_view(handle) as Pointer, 0, layout.bytes);
  const view = new Uint32Array(memory);
  const bytes = Buffer.from(memory);
  try {
    setName(handle, options.serverHeader);
    tellReactor(handle, options.reactor);
    const address =
      inherited === undefined ? listen(handle, options, view, bytes) : listenOn(handle, inherited);
    return run({ handle, view, bytes, address, callback, options, createDispatcher, state });
  } catch (reason) {
    symbols.chopin_server_destroy(handle);
    callback.close();
    throw reason;
  }
};

interface Parts {
  readonly handle: Pointer;
  readonly view: Uint32Array;
  readonly bytes: Buffer;
  readonly address: BoundAddress;
  readonly callback: JSCallback;
  readonly options: ServerOptions;
  readonly createDispatcher: (native: NativeServer) => Dispatcher;
  readonly state: { dispatcher?: Dispatcher };
}

function run(parts: Parts): NativeServer {
  const { handle, view, bytes, options, state } = parts;
  const closings = new ClosingReporter(view, options);
  const requestTurn = () => loop.requestTurn();
  const shutdown = new Shutdown(handle, view, {
    requestTurn,
    ended: () => hotServers?.delete(addressKey(options)),
    destroying() {
      loop.close();
      closings.flush();
    },
    destroyed: () => parts.callback.close(),
  });
  const streams = new Streams(handle, view, bytes, requestTurn);
  const native: NativeServer = {
    handle,
    view,
    bytes,
    address: parts.address,
    trust: options.trust,
    streams,
    websockets: new WebSockets(streams, options.websockets),
    requestTurn,
    accept(fd, wanted) {
      if (shutdown.begun) return;
      symbols.chopin_server_listen_fd(handle, fd, wanted ? 1 : 0);
      requestTurn();
    },
    stop: (kind) => shutdown.begin(kind),
  };
  state.dispatcher = parts.createDispatcher(native);
  const loop = startLoop({
    handle,
    view,
    waits: options.epollTimeoutMs > 0,
    returned: () => state.dispatcher?.returned(),
    afterTurn() {
      state.dispatcher?.afterTurn();
      closings.afterTurn();
      shutdown.afterTurn();
    },
  });
  keepHot(parts, native);
  return native;
}

/** Lets the modules of the next generation find the server and give it their routes. */
function keepHot({ handle, options, state }: Parts, native: NativeServer): void {
  hotServers?.set(addressKey(options), {
    adopt(router, createDispatcher) {
      symbols.chopin_answers_flush(handle);
      // The old routes stay in memory: requests that wait may still name their constants.
      symbols.chopin_server_router(handle, router.handle);
      state.dispatcher = createDispatcher(native);
      return native;
    },
  });
}

/** In the order of `Config` in `zig/core.zig`; a test holds the two together. */
export const configOrder = [
  "slab_capacity",
  "read_buffer_bytes",
  "write_buffer_bytes",
  "head_bytes_max",
  "fields_max",
  "pipeline_max",
  "pending_max",
  "output_backlog_max",
  "head_timeout_ms",
  "body_timeout_ms",
  "idle_timeout_ms",
  "write_timeout_ms",
  "pending_bytes_max",
  "body_rate_least",
  "write_rate_least",
  "requests_per_connection",
  "connections_per_address",
  "proxy_protocol",
  "reactor",
] as const;

function configWords(options: ServerOptions): Uint32Array {
  const values: Record<(typeof configOrder)[number], number> = {
    slab_capacity: options.slabCapacity,
    read_buffer_bytes: options.readBufferBytes,
    write_buffer_bytes: options.writeBufferBytes,
    head_bytes_max: options.headLimitBytes,
    fields_max: options.fieldsMax,
    pipeline_max: options.pipelineMax,
    pending_max: options.pendingMax,
    output_backlog_max: options.outputBacklogBytes,
    head_timeout_ms: options.headTimeoutMs,
    body_timeout_ms: options.bodyTimeoutMs,
    idle_timeout_ms: options.idleTimeoutMs,
    write_timeout_ms: options.writeTimeoutMs,
    pending_bytes_max: options.pendingLimitBytes,
    body_rate_least: options.bodyRateMin,
    write_rate_least: options.writeRateMin,
    requests_per_connection: options.requestsPerConnection,
    connections_per_address: options.connectionsPerAddress,
    proxy_protocol: options.proxyProtocol ? 1 : 0,
    reactor: numberOfReactor(options.reactor),
  };
  return Uint32Array.from(configOrder, (name) => values[name]);
}

function setName(handle: Pointer, name: string | undefined): void {
  if (name === undefined) return;
  const text = Buffer.from(name, "latin1");
  if (symbols.chopin_server_name(handle, text, text.length) < 0) {
    throw new RangeError(`serverHeader is ${text.length} bytes long, at most 64 are allowed`);
  }
}

function listenOn(handle: Pointer, { fds, address }: Inherited): BoundAddress {
  for (const fd of fds) {
    const result = symbols.chopin_server_listen_fd(handle, fd, 1);
    if (result < 0) throw bindError(result, `descriptor ${fd}`);
  }
  return address;
}

function listen(
  handle: Pointer,
  options: ServerOptions,
  view: Uint32Array,
  bytes: Buffer,
): BoundAddress {
  const { hostname, port, unix, backlog } = options;
  if (unix !== undefined) {
    const path = Buffer.from(unix);
    const result = symbols.chopin_server_listen_unix(handle, path, path.length, backlog);
    if (result < 0) throw bindError(result, unix);
    return { unix };
  }
  const host = Buffer.from(hostname);
  const result = symbols.chopin_server_listen_tcp(handle, host, host.length, port, backlog);
  if (result < 0) throw bindError(result, `${hostname}:${port}`);
  const length = view[control.result + 1] as number;
  return {
    hostname: bytes.latin1Slice(layout.stage, layout.stage + length),
    port: view[control.result] as number,
  };
}
