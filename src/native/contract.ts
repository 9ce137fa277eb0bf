/**
 * What the two halves of `src/native/` promise each other: `server.ts` starts the reactor and runs
 * its turns, `dispatch.ts` answers the requests of a batch. Types only.
 */
import type { Pointer } from "bun:ffi";
import type { ClosedConnections, ReactorName } from "../serve-options.ts";
import type { ProxyTrust } from "../trust-proxy.ts";
import type { WebSocketLimits } from "../websocket/types.ts";
import type { Streams } from "./streams.ts";
import type { WebSockets } from "./websockets.ts";

/** Everything the reactor has to know, with defaults filled in and checked by `environment.ts`. */
export interface ServerOptions {
  /** Host name or address to bind; IPv6 without brackets. Not used with `unix`. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Path of a unix socket instead of hostname and port. */
  readonly unix: string | undefined;
  readonly backlog: number;
  /** Connections open at one time (CHOPIN_SLAB_CAPACITY). */
  readonly slabCapacity: number;
  /** 0 for any number. */
  readonly connectionsPerAddress: number;
  /** 0 for any number. */
  readonly requestsPerConnection: number;
  /** Longest native wait in a quiet turn (CHOPIN_EPOLL_TIMEOUT_MS). */
  readonly epollTimeoutMs: number;
  readonly readBufferBytes: number;
  readonly writeBufferBytes: number;
  readonly headLimitBytes: number;
  /** Of gathered bodies and waiting requests in all; what exceeds it is answered 503. */
  readonly pendingLimitBytes: number;
  /** Of routes that name no limit of their own. */
  readonly bodyLimitBytes: number;
  /** Requests that wait for their handlers. */
  readonly pendingMax: number;
  readonly fieldsMax: number;
  readonly pipelineMax: number;
  readonly outputBacklogBytes: number;
  readonly writeTimeoutMs: number;
  /** Bytes per second. */
  readonly writeRateMin: number;
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** Bytes per second. */
  readonly bodyRateMin: number;
  readonly idleTimeoutMs: number;
  /** Of WebSockets whose routes name no limits of their own. */
  readonly websockets: Required<WebSocketLimits>;
  /** Value of the Server field; undefined sends none. */
  readonly serverHeader: string | undefined;
  /** Every connection begins with a header of the PROXY protocol. */
  readonly proxyProtocol: boolean;
  /** The kernel's interface that is asked for. */
  readonly reactor: ReactorName;
  /** How far proxies are believed; undefined: not at all. */
  readonly trust: ProxyTrust | undefined;
  readonly onClosed: (closed: ClosedConnections) => void;
}

/** The address that was really bound. */
export type BoundAddress =
  | { readonly hostname: string; readonly port: number; readonly unix?: undefined }
  | { readonly unix: string; readonly hostname?: undefined; readonly port?: undefined };

/** Listening sockets that another process has bound, and where they listen. */
export interface Inherited {
  readonly fds: readonly number[];
  readonly address: BoundAddress;
}

/** How a server stops. */
export interface StopKind {
  /** For everything: what is open then is closed. */
  readonly timeoutMs: number;
  /** Connections between two requests are closed when they are idle for so long. */
  readonly idleMs: number;
  /**
   * What waits to be accepted is taken first, or left to another process with the same sockets.
   */
  readonly queue: "close" | "leave";
}

/** A reactor that listens. */
export interface NativeServer {
  /** Address of the native server, first argument of every call. */
  readonly handle: Pointer;
  /** The whole view as words; made once, never unmapped while the process lives. */
  readonly view: Uint32Array;
  /** The same memory as bytes. */
  readonly bytes: Buffer;
  readonly address: BoundAddress;
  /** How far its contexts believe proxies. */
  readonly trust: ProxyTrust | undefined;
  /** Shared by the dispatchers of all generations of `bun --hot`. */
  readonly streams: Streams;
  /** The same. */
  readonly websockets: WebSockets;
  /** Called after the first late answer since the last turn, so that a turn sends it. */
  requestTurn(): void;
  /** Takes connections from a socket that another process has bound, or no longer. */
  accept(fd: number, wanted: boolean): void;
  /** Stops accepting, lets requests in flight finish, then frees everything. */
  stop(kind: StopKind): Promise<void>;
}

/** Answers requests; made once for each server. */
export interface Dispatcher {
  /** Answers or holds the records 0 to count - 1. Never throws. */
  dispatch(count: number): void;
  /** Native code has returned from its turn: what was held has its slot, and calls are safe. */
  returned(): void;
  /**
   * A turn has ended: it consumed all answers, so their arena may be written from its start again,
   * and it left notices.
   */
  afterTurn(): void;
}

/** Compiled routes in native memory. */
export interface NativeRouter {
  /** Address of the native router. */
  readonly handle: Pointer;
}

/** Implemented by `server.ts`; rejects with a clear error when the address cannot be bound. */
export type StartServer = (
  options: ServerOptions,
  router: NativeRouter,
  createDispatcher: (native: NativeServer) => Dispatcher,
  inherited?: Inherited,
) => Promise<NativeServer>;

declare global {
  /**
   * Methods of Bun's and Node's buffers that the type packages leave out; several times as quick as
   * `toString` and `write`, which look at their arguments first.
   */
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    utf8Slice(start: number, end: number): string;
    latin1Write(text: string, offset: number, length: number): number;
    utf8Write(text: string, offset: number, length: number): number;
  }
}
