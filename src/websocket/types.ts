/** WebSockets as a program sees them: what is declared, and what its handlers are given. */
import type { Answer } from "../answer.ts";
import type { Bytes, State } from "../context.ts";
import type { Extracted, Extractors } from "../extract.ts";
import type { FileReference } from "../files/answer.ts";
import type { Middleware } from "../route.ts";
import type { RouteContext } from "../route-options.ts";
import type { Part } from "../schema/types.ts";

/** Text, or bytes of any kind. */
export type Message = string | Bytes;

/**
 * The server's end of a WebSocket (RFC 6455). `D` is the type of `data`. Nothing is thrown because
 * it is closed, so that whoever awaited something need not ask first: what is sent on it then goes
 * nowhere, and the answer is false.
 */
export interface ServerWebSocket<D = undefined> {
  /** What `upgrade` returned; undefined without one. The WebSocket's own place for its state. */
  data: D;
  /** The subprotocol that was chosen of `protocols`; "" for none. */
  readonly protocol: string;
  /** Address of the client, as `ctx.ip` had it at the handshake. */
  readonly remoteAddress: string;
  /** `WebSocket.OPEN`, `CLOSING` or `CLOSED`. */
  readonly readyState: 1 | 2 | 3;
  /** Bytes that were sent and that the peer has not taken. */
  readonly bufferedAmount: number;
  /** Topics that it has subscribed to, in that order. */
  readonly subscriptions: readonly string[];
  /**
   * Sends a message: a string as text, with U+FFFD in place of lone surrogates, and anything else
   * as binary. Nothing is awaited: what the peer does not take is kept, up to the `backlogLimit`,
   * beyond which the connection is ended with 1006.
   *
   * @returns True: go on. False: the peer is behind, wait for `drain`; or it is not open any more.
   * @throws ChopinError `invalid_message` for what is neither text nor bytes.
   */
  send(message: Message): boolean;
  /**
   * Asks the peer whether it is there; `pong` tells its answer. At most 125 bytes.
   *
   * @throws ChopinError `invalid_message`.
   */
  ping(data?: Message): boolean;
  /**
   * Says close, and waits up to 5 s for the peer to say it too; `close` tells the end. The code is
   * 1000 unless told; the reason has at most 123 bytes. Messages that come meanwhile are dropped.
   *
   * @throws ChopinError `invalid_message` for a code that must not be sent: 1000 to 1003, 1007 to
   * 1009, 1011 to 1014 and 3000 to 4999 may.
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection without a word; both sides see 1006. */
  terminate(): void;
  /** From now on it gets what is published on the topic. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  isSubscribed(topic: string): boolean;
  /**
   * Sends a message to all who have subscribed to a topic but this one, also in the other workers
   * of a service.
   *
   * @returns How many of this process took it.
   * @throws ChopinError `invalid_message`.
   */
  publish(topic: string, message: Message): number;
}

/**
 * What happens to a WebSocket. Handlers may be async; nothing waits for them, so the next message
 * may come before one has finished with the last. One that throws or rejects closes the WebSocket
 * with 1011, and its error is printed.
 */
export interface WebSocketHandlers<D> {
  /** The handshake is complete. */
  open?(ws: ServerWebSocket<D>): unknown;
  /** A message came: a string of a text message, the bytes of a binary one. */
  message?(ws: ServerWebSocket<D>, message: string | Uint8Array<ArrayBuffer>): unknown;
  /** The peer has taken what it was behind with: send again. */
  drain?(ws: ServerWebSocket<D>): unknown;
  /**
   * It is over, once for each `open`: with the peer's code and reason; 1005 where it gave none,
   * 1006 where the connection ended without a word.
   */
  close?(ws: ServerWebSocket<D>, code: number, reason: string): unknown;
  /** The peer asked whether anybody is there; it was answered. */
  ping?(ws: ServerWebSocket<D>, data: Uint8Array<ArrayBuffer>): unknown;
  /** The peer answered a ping, or told by itself that it is there. */
  pong?(ws: ServerWebSocket<D>, data: Uint8Array<ArrayBuffer>): unknown;
}

/** How many bytes, and how long. Those of `serve` hold where a route says nothing. */
export interface WebSocketLimits {
  /** Bytes of a message, after it was inflated; larger ones close with 1009. */
  readonly messageLimit?: number;
  /** Bytes that a peer may be behind; beyond them the connection is ended with 1006. */
  readonly backlogLimit?: number;
  /**
   * Milliseconds in which nothing came from the peer, not even the answer to the ping that it is
   * sent after half of them; then the connection is ended with 1006. 0 for any time.
   */
  readonly idleTimeoutMs?: number;
}

/** Options of a WebSocket that no type follows from. */
export interface WebSocketSettings<S extends object = State> extends WebSocketLimits {
  /** Middleware of this route alone, around the handshake. */
  readonly use?: Middleware<S> | readonly Middleware<S>[];
  /** A name for listings. */
  readonly name?: string;
  /**
   * Subprotocols that are spoken here, the best first: the first of them that the client offers is
   * chosen, and none otherwise.
   */
  readonly protocols?: readonly string[];
  /**
   * Pages that may open it: browsers name them in Origin, and send a user's cookies with any
   * handshake. "same" (unless told): those of the host that was asked. "any", or a list of origins
   * such as "https://app.example". Who sends no Origin is no browser, and may.
   */
  readonly origins?: "same" | "any" | readonly string[];
  /**
   * Takes and sends compressed messages where the client can (permessage-deflate, RFC 7692); false
   * unless told, because it costs more time than it saves on most networks.
   */
  readonly compression?: boolean;
  /** Bytes from which a message is compressed; 1,024 unless told. */
  readonly compressionThreshold?: number;
}

/** What `upgrade` may return to refuse, in place of the WebSocket's data. */
type Refusal = Response | Answer | FileReference | Error;

/** The type of `ws.data`, given what `upgrade` returns. */
export type DataOf<U> = Exclude<Awaited<U>, Refusal>;

/** Options of a WebSocket. Write `upgrade` before handlers, which get the type of its result. */
export interface WebSocketOptions<
  Path extends string,
  S extends object = State,
  P extends Part = Part,
  Q extends Part = Part,
  H extends Part = Part,
  C extends Part = Part,
  X extends Extractors = Extractors,
  U = unknown,
> extends WebSocketSettings<S>,
    WebSocketHandlers<DataOf<U>> {
  /** Schema of the captures. */
  readonly params?: P;
  /** Schema of the query. */
  readonly query?: Q;
  /** Schema of fields by lower-case name. */
  readonly headers?: H;
  /** Schema of cookies. */
  readonly cookies?: C;
  /** Extractors: what they find is the second argument of `upgrade`. */
  readonly extract?: X;
  /**
   * Runs before the handshake is answered: what it returns, now or later, is `ws.data`. It refuses
   * by throwing an `HTTPError`, or by returning an answer or a `Response`. Fields that it sets go
   * out with the handshake.
   */
  readonly upgrade?: (
    ctx: RouteContext<Path, S, P, Q, H, C, undefined>,
    extracted: Extracted<X>,
  ) => U;
}

/** Declares a WebSocket. */
export type DeclareWebSocket<S extends object, Result> = <
  const Path extends string,
  P extends Part = undefined,
  Q extends Part = undefined,
  H extends Part = undefined,
  C extends Part = undefined,
  X extends Extractors = Readonly<Record<never, never>>,
  U = undefined,
>(
  path: Path,
  options: WebSocketOptions<Path, S, P, Q, H, C, X, U>,
) => Result;

/** Any options: what is left of them where nobody looks at their types. */
export type AnyWebSocketOptions = WebSocketOptions<string, never>;
