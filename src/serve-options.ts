/** What a program may say about its server. `environment.ts` checks it and fills it in. */
import type { TrustProxy } from "./trust-proxy.ts";
import type { TopicTransport } from "./websocket/transport.ts";
import type { LifeOptions } from "./workers/options.ts";

/** Where and how an application listens. Limits with their reasons are in `docs/limits.md`. */
export interface ServeOptions extends LifeOptions {
  /** Host name or address; "0.0.0.0" unless told. IPv6 with or without brackets. */
  readonly hostname?: string;
  /** 0 to 65,535; 0 lets the system choose. 8080 unless told. */
  readonly port?: number;
  /** Path of a unix socket, instead of hostname and port. */
  readonly unix?: string;
  /** Bytes of a request's head: 1,024 to 131,072; 32 KiB unless told. Larger ones get 431. */
  readonly headLimit?: number;
  /**
   * Bytes of a request's body, where its route says nothing: 1 MiB unless told. Larger ones get
   * 413.
   */
  readonly bodyLimit?: number;
  /**
   * Bytes of all bodies that are being received and all requests that wait for their handlers:
   * CHOPIN_PENDING_LIMIT, or 256 MiB unless told. What exceeds them gets 503.
   */
  readonly pendingLimit?: number;
  /** Requests that may wait for their handlers: 16,384 unless told. Further ones get 503. */
  readonly pendingMax?: number;
  /** Field lines of a head: 128 unless told. More get 431. */
  readonly fieldsMax?: number;
  /** Unanswered requests of one connection: 64 unless told. Further ones are read later. */
  readonly pipelineMax?: number;
  /** Bytes of answers that a client has not taken: beyond 256 KiB, unless told, nothing is read. */
  readonly outputBacklog?: number;
  /**
   * Milliseconds that a client may take nothing of an answer: CHOPIN_WRITE_TIMEOUT_MS, or 30,000
   * unless told.
   */
  readonly writeTimeoutMs?: number;
  /**
   * Bytes per second that a client takes at least of an answer once `writeTimeoutMs` is over:
   * CHOPIN_WRITE_RATE_MIN, or 1,024 unless told.
   */
  readonly writeRateMin?: number;
  /**
   * Milliseconds for a whole head: CHOPIN_HEAD_TIMEOUT_MS, or 10,000 unless told. Slower ones get
   * 408.
   */
  readonly headTimeoutMs?: number;
  /**
   * Milliseconds for a body, longer for one that comes fast enough: CHOPIN_BODY_TIMEOUT_MS, or
   * 30,000 unless told. Slower ones get 408.
   */
  readonly bodyTimeoutMs?: number;
  /**
   * Bytes per second that make a body fast enough: CHOPIN_BODY_RATE_MIN, or 16 KiB unless told.
   */
  readonly bodyRateMin?: number;
  /**
   * Milliseconds that a connection may be quiet between requests: CHOPIN_IDLE_TIMEOUT_MS, or 60,000
   * unless told.
   */
  readonly idleTimeoutMs?: number;
  /**
   * Bytes of a message of a WebSocket, where its route says nothing:
   * CHOPIN_WEBSOCKET_MESSAGE_LIMIT, or 1 MiB unless told. Larger ones close it with 1009.
   */
  readonly websocketMessageLimit?: number;
  /**
   * Bytes that a WebSocket's peer may be behind, where its route says nothing:
   * CHOPIN_WEBSOCKET_BACKLOG_LIMIT, or 16 MiB unless told. Beyond them it is ended.
   */
  readonly websocketBacklogLimit?: number;
  /**
   * Milliseconds that a WebSocket's peer may be silent, pings included, where its route says
   * nothing: CHOPIN_WEBSOCKET_IDLE_TIMEOUT_MS, or 120,000 unless told; 0 for any time.
   */
  readonly websocketIdleTimeoutMs?: number;
  /**
   * Brings what is published to the processes of other machines; the workers of a service need
   * none. See `docs/websockets.md`.
   */
  readonly topicTransport?: TopicTransport;
  /** Value of the Server field; none unless told. */
  readonly serverHeader?: string;
  /** Connections that wait to be accepted: 1,024 unless told. */
  readonly backlog?: number;
  /** Connections open at one time; CHOPIN_SLAB_CAPACITY, or 16,000 unless told. */
  readonly maxConnections?: number;
  /**
   * Connections of one address, of IPv6 the network of 64 bits; CHOPIN_CONNECTIONS_PER_ADDRESS, or
   * any number unless told (0). Further ones are closed at once.
   */
  readonly connectionsPerAddress?: number;
  /**
   * Requests of one connection, whose last answer then says `Connection: close`;
   * CHOPIN_REQUESTS_PER_CONNECTION, or 1,000,000 unless told; 0 for any number.
   */
  readonly requestsPerConnection?: number;
  /**
   * Every connection begins with a header of the PROXY protocol, version 1 or 2, and `ctx.ip` is
   * its source; CHOPIN_PROXY_PROTOCOL, or false unless told. Only for a server that nobody but the
   * load balancer can reach: connections without it are closed.
   */
  readonly proxyProtocol?: boolean;
  /**
   * Proxies whose word is taken for `ctx.ip`, `ctx.secure` and `ctx.host`; CHOPIN_TRUST_PROXY, what
   * the application says, or false. See `docs/proxies.md`.
   */
  readonly trustProxy?: TrustProxy;
  /**
   * The kernel's interface for sockets: CHOPIN_REACTOR, or "auto" unless told, which is what was
   * measured to be the fastest. One that the system does not have is replaced, and a line says so.
   * See `docs/reactors.md`.
   */
  readonly reactor?: ReactorName;
  /**
   * Called at most once in a second for each reason for which connections were closed or kept
   * waiting; writes `message` with `console.warn` unless told.
   */
  readonly onClosed?: (closed: ClosedConnections) => void;
}

/** In the order of `Choice` in `zig/reactor.zig`. */
export const reactorNames = ["auto", "epoll", "io_uring", "kqueue"] as const;

/** A name of `reactorNames`. */
export type ReactorName = (typeof reactorNames)[number];

/** Why connections were closed for a limit; the order is that of `Reason` in `zig/closings.zig`. */
export const closingReasons = [
  "head_timeout",
  "body_timeout",
  "write_timeout",
  "address_full",
  "proxy_header",
  "websocket_backlog",
  "slots_full",
  "descriptors_out",
] as const;

/** Connections that a limit met, since the last time. */
export interface ClosedConnections {
  readonly reason: (typeof closingReasons)[number];
  readonly count: number;
  /** Of the last one; "" over a unix socket, and where none was accepted. */
  readonly address: string;
  /** All of it in one line. */
  readonly message: string;
}
