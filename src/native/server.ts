/**
 * Starts and stops a native server: its configuration, its address, its place in Bun's event loop.
 * The only module that creates a JSCallback.
 */
import { JSCallback, type Pointer, toArrayBuffer } from "bun:ffi";
import { code, control, view as layout } from "./abi.ts";
import { ClosingReporter } from "./closings.ts";
import type {
  BoundAddress,
  Dispatcher,
  NativeServer,
  ServerOptions,
  StartServer,
} from "./contract.ts";
import { addressKey, hotServers } from "./hot.ts";
import { startLoop } from "./loop.ts";
import { Streams } from "./streams.ts";
import * as symbols from "./symbols.ts";

/**
 * Binds, listens and answers by the dispatcher that `createDispatcher` makes.
 *
 * @throws Error with `code` (`EADDRINUSE`, `EACCES`, …) when the address cannot be bound.
 */
export const startServer: StartServer = async (options, router, createDispatcher) => {
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
    const address = listen(handle, options, view, bytes);
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
  const { handle, view, callback } = parts;
  const stopped = Promise.withResolvers<void>();
  let phase: "serving" | "draining" | "ended" | "destroyed" = "serving";
  // A handler may stop its own server, or run Bun's loop until its time is over: while a turn runs
  // native code refuses, and both are done at the turn's end.
  let drained = false;
  let overdue = false;
  const closings = new ClosingReporter(view, parts.options);

  /**
   * Connections are gone; requests that handlers still work on keep their memory until they settle.
   */
  function end(): void {
    if (phase === "ended" || phase === "destroyed") return;
    overdue = true;
    if (symbols.chopin_server_end(handle) === code.reEntered) return;
    phase = "ended";
    hotServers?.delete(addressKey(parts.options));
    stopped.resolve();
    if (view[control.requestsPending] === 0) destroy();
    // Their handlers have to hear of it.
    else loop.requestTurn();
  }

  function drain(): void {
    drained = symbols.chopin_server_drain(handle, 0, 1) !== code.reEntered;
  }

  function destroy(): void {
    phase = "destroyed";
    loop.close();
    closings.flush();
    symbols.chopin_server_destroy(handle);
    callback.close();
  }

  function afterTurn(): void {
    parts.state.dispatcher?.afterTurn();
    closings.afterTurn();
    if (phase === "draining") {
      if (!drained) drain();
      if (overdue || view[control.connectionsOpen] === 0) end();
    } else if (phase === "ended" && view[control.requestsPending] === 0) {
      destroy();
    }
  }

  const requestTurn = () => loop.requestTurn();
  const native: NativeServer = {
    handle,
    view,
    bytes: parts.bytes,
    address: parts.address,
    trust: parts.options.trust,
    streams: new Streams(handle, view, parts.bytes, requestTurn),
    requestTurn,
    stop(timeoutMs) {
      if (phase !== "serving") return stopped.promise;
      phase = "draining";
      drain();
      const deadline = setTimeout(end, timeoutMs);
      loop.requestTurn();
      return stopped.promise.finally(() => clearTimeout(deadline));
    },
  };
  parts.state.dispatcher = parts.createDispatcher(native);
  const waits = parts.options.epollTimeoutMs > 0;
  const returned = () => parts.state.dispatcher?.returned();
  const loop = startLoop({ handle, view, waits, returned, afterTurn });
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

const bindReasons: Readonly<Record<number, readonly [string, string]>> = {
  [code.addressInUse]: [
    "EADDRINUSE",
    "another process listens there; stop it or choose another port",
  ],
  [code.permissionDenied]: [
    "EACCES",
    "no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE",
  ],
  [code.addressUnavailable]: ["EADDRNOTAVAIL", "this machine has no such address"],
  [code.invalidHost]: ["EINVAL", "no such host, or a path that cannot be used"],
  [code.tooManyDescriptors]: ["EMFILE", "too many open files; raise `ulimit -n`"],
  [code.outOfMemory]: ["ENOMEM", "no memory"],
};

function bindError(result: number, address: string): Error {
  const [name, advice] = bindReasons[result] ?? ["EIO", "the system refused it"];
  return Object.assign(new Error(`cannot listen on ${address}: ${advice}`), { code: name });
}
