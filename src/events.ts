/**
 * Server-sent events (WHATWG HTML 9.2) as a streamed body. `ctx.events` makes an answer of what
 * `eventSource` gives; `encodeEvent` writes a single event.
 */
import { ChopinError } from "./errors.ts";
import { EventPieces } from "./events/pieces.ts";

export { encodeEvent } from "./events/encode.ts";

/** One event. Every member may be missing; a text alone is an event with that data. */
export interface ServerEvent {
  /** Text, sent line by line; anything else is sent as JSON. */
  readonly data?: unknown;
  /** Type of the event, by which a page listens to it; "message" unless told. */
  readonly event?: string;
  /** What a client that lost its connection names as `lastEventId` when it comes back. */
  readonly id?: string;
  /** Milliseconds after which a client that lost its connection comes back. */
  readonly retry?: number;
  /** Text that clients ignore. */
  readonly comment?: string;
}

/** What a producer that is a function works with. `E` is what it may send. */
export interface EventStream<E extends ServerEvent | string = ServerEvent | string> {
  /** Aborted when the client leaves, or when it is too slow. */
  readonly signal: AbortSignal;
  /** Id of the last event that the client got before it lost its connection. */
  readonly lastEventId: string | undefined;
  /**
   * Resolves once the event was taken by the connection: await it to produce no faster than the
   * client reads. False: it never will be, since the stream has ended.
   *
   * @throws ChopinError `invalid_event`.
   */
  send(event: E): Promise<boolean>;
  /** Ends the stream behind the events that were sent. Browsers connect again. */
  close(): void;
}

/**
 * Events in order, or a function that sends them: a generator function, one that returns a promise
 * (the stream ends with it), or one that returns nothing (the stream stays until `close`). `E` is
 * what is yielded, `S` what a stream may be sent.
 */
export type EventProducer<
  E extends ServerEvent | string = ServerEvent | string,
  S extends ServerEvent | string = E,
> = AsyncIterable<E> | ((stream: EventStream<S>) => AsyncIterable<E> | Promise<void> | void);

/** Options of `ctx.events`. */
export interface EventsOptions {
  /**
   * Milliseconds without an event after which a comment is sent, so that proxies, which often give
   * up after 30 or 60 seconds, see that the connection lives: 15,000 unless told; 0 sends none.
   */
  readonly heartbeatMs?: number;
  /**
   * Bytes of events that wait for a slow client: 1 MiB unless told. Beyond it the stream ends, so
   * that producers who do not await `send` cannot fill the memory; browsers connect again.
   */
  readonly backlogBytesMax?: number;
}

/**
 * Fields of an answer with events. No cache may keep any of it: what comes next time is other
 * events. `no-cache`, as often seen, would still let it be stored. X-Accel-Buffering is how nginx
 * is told to pass pieces on at once.
 */
export const eventFields: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
};

/** Beyond it a timer would fire at once. */
const heartbeatMostMs = 0x7fff_ffff;

/**
 * The body of an answer with events. Nothing of the producer runs before the first piece is asked
 * for; `return` ends it early. `signal`, when given, does so too.
 *
 * @throws ChopinError `invalid_option`.
 */
export function eventSource(
  producer: EventProducer,
  options: EventsOptions = {},
  signal?: AbortSignal,
  lastEventId?: string,
): AsyncIterableIterator<string, undefined> {
  checkOptions(producer, options);
  return new EventPieces(producer, options, signal, lastEventId);
}

/** The value of Last-Event-ID: UTF-8, where fields have one character for each byte. */
export function lastEventIdOf(field: string | undefined): string | undefined {
  return field === undefined ? undefined : Buffer.from(field, "latin1").toString("utf8");
}

function checkOptions(producer: EventProducer, options: EventsOptions): void {
  const usable = typeof producer === "function" || Symbol.asyncIterator in Object(producer);
  if (!usable) throw wrong("events come from an async iterable or a function");
  const names = ["heartbeatMs", "backlogBytesMax"];
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(`${JSON.stringify(unknown)} is no option`);
  const { heartbeatMs = 0, backlogBytesMax = 1 } = options;
  if (!Number.isInteger(heartbeatMs) || heartbeatMs < 0 || heartbeatMs > heartbeatMostMs) {
    throw wrong("heartbeatMs is a whole number of milliseconds, or 0");
  }
  if (!Number.isSafeInteger(backlogBytesMax) || backlogBytesMax < 1) {
    throw wrong("backlogBytesMax is a whole number of bytes");
  }
}

function wrong(text: string): ChopinError {
  return new ChopinError("invalid_option", `events: ${text}.`);
}
