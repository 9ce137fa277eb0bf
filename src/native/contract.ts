/**
 * What the two halves of `src/native/` promise each other: `server.ts` starts the reactor and runs its
 * turns, `dispatch.ts` answers the requests of a batch. Types only.
 */

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
  /** Longest native wait in a quiet turn (CHOPIN_EPOLL_TIMEOUT_MS). */
  readonly epollTimeoutMs: number;
  readonly readBufferBytes: number;
  readonly writeBufferBytes: number;
  readonly headLimitBytes: number;
  /** Of routes that name no limit of their own. */
  readonly bodyLimitBytes: number;
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Value of the Server field; undefined sends none. */
  readonly serverHeader: string | undefined;
}

/** The address that was really bound. */
export type BoundAddress =
  | { readonly hostname: string; readonly port: number; readonly unix?: undefined }
  | { readonly unix: string; readonly hostname?: undefined; readonly port?: undefined };

/** The exports that a running dispatch calls. Results below zero are codes of `abi.ts`. */
export interface ExchangeSymbols {
  /** Keeps a request whose handler is not done: slot, generation in `control.result[0]`. */
  chopin_request_hold(server: number, index: number): number;
  /** Puts a held request's record at index `batch_max`, valid until the next staging. */
  chopin_request_stage(server: number, slot: number, generation: number): number;
  /** 1 when found: offset and length in `control.result[0..1]`. */
  chopin_request_header(server: number, record: number, name: number, nth: number): number;
  /** Id of a lower-case field name. */
  chopin_name_intern(server: number, name: Uint8Array, length: number): number;
  /** Length of the client's address; its offset in `control.result[0]`. */
  chopin_request_address(server: number, record: number): number;
  /** Copies a body that lies outside the view. */
  chopin_request_body(server: number, record: number, into: Uint8Array, length: number): number;
  /** Hands over a large body. Target: batch index, or slot | 0x80000000 for a late answer. */
  chopin_answer_attach(
    server: number,
    target: number,
    generation: number,
    body: Uint8Array,
    length: number,
  ): number;
  /** Sends the late answers now; `control.late_count` is 0 afterwards. */
  chopin_answers_flush(server: number): number;
}

/** A reactor that listens. */
export interface NativeServer {
  /** Address of the native server, first argument of every call. */
  readonly handle: number;
  /** The whole view as words; made once, never unmapped while the process lives. */
  readonly view: Uint32Array;
  /** The same memory as bytes. */
  readonly bytes: Buffer;
  readonly symbols: ExchangeSymbols;
  readonly address: BoundAddress;
  /** Called after the first late answer since the last turn, so that a turn sends it. */
  requestTurn(): void;
  /** Closes the listener, waits at most `timeoutMs` for requests in flight, then frees everything. */
  stop(timeoutMs: number): Promise<void>;
}

/** Answers requests; made once for each server. */
export interface Dispatcher {
  /** Answers or holds the records 0 to count - 1. Never throws. */
  dispatch(count: number): void;
  /** The last turn consumed all answers: their arena may be written from its start again. */
  resetArena(): void;
}

/** Compiled routes in native memory. */
export interface NativeRouter {
  /** Address of the native router. */
  readonly handle: number;
}

/** Implemented by `server.ts`; rejects with a clear error when the address cannot be bound. */
export type StartServer = (
  options: ServerOptions,
  router: NativeRouter,
  createDispatcher: (native: NativeServer) => Dispatcher,
) => Promise<NativeServer>;
