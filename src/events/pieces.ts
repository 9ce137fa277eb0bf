/** Events between their producer and the connection. Made by `eventSource` in `events.ts`. */
import type { EventProducer, EventStream, EventsOptions, ServerEvent } from "../events.ts";
import { iterate, type Pieces, type StreamSource } from "../stream.ts";
import { encodeEvent } from "./encode.ts";

const heartbeatDefaultMs = 15_000;
const backlogDefaultBytes = 1024 * 1024;

/** Events as `iterate` gives them. */
interface Events extends Pick<Pieces, "return"> {
  next(): Promise<IteratorResult<ServerEvent | string, unknown>>;
}

interface Waiting {
  readonly text: string;
  readonly settle: (taken: boolean) => void;
}

/** See `EventStream` for producers; the connection iterates it. */
export class EventPieces implements AsyncIterableIterator<string, undefined>, EventStream {
  readonly lastEventId: string | undefined;
  readonly #producer: EventProducer;
  readonly #heartbeatMs: number;
  readonly #backlogBytesMax: number;
  readonly #abort = new AbortController();
  #waiting: Waiting[] = [];
  #backlogBytes = 0;
  #started = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #iterator: Events | undefined;
  #wake: () => void = ignore;

  constructor(
    producer: EventProducer,
    options: EventsOptions,
    signal: AbortSignal | undefined,
    lastEventId: string | undefined,
  ) {
    this.lastEventId = lastEventId;
    this.#producer = producer;
    this.#heartbeatMs = options.heartbeatMs ?? heartbeatDefaultMs;
    this.#backlogBytesMax = options.backlogBytesMax ?? backlogDefaultBytes;
    if (signal?.aborted === true) this.#cancel();
    else signal?.addEventListener("abort", () => this.#cancel(), { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  send(event: ServerEvent | string): Promise<boolean> {
    const text = encodeEvent(event);
    if (this.#closed) return Promise.resolve(false);
    const backlog = this.#backlogBytes + Buffer.byteLength(text);
    if (this.#waiting.length > 0 && backlog > this.#backlogBytesMax) {
      this.#cancel();
      return Promise.resolve(false);
    }
    this.#backlogBytes = backlog;
    return new Promise((settle) => {
      this.#waiting.push({ text, settle });
      this.#wake();
    });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    if (!this.#started) this.#start();
    if (this.#isIdle() && !(await this.#activity())) return { done: false, value: ":\n\n" };
    const waiting = this.#waiting;
    if (waiting.length > 0) {
      this.#waiting = [];
      this.#backlogBytes = 0;
      for (const { settle } of waiting) settle(true);
      return { done: false, value: waiting.map(({ text }) => text).join("") };
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<string, undefined>> {
    this.#cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && !this.#closed;
  }

  /** Waits for an event or the end; false when it is time for a heartbeat. */
  #activity(): Promise<boolean> {
    return new Promise((resolve) => {
      const beat = () => resolve(false);
      const timer = this.#heartbeatMs > 0 ? setTimeout(beat, this.#heartbeatMs) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #start(): void {
    this.#started = true;
    if (this.#closed) return;
    this.#produce().catch((error: unknown) => {
      // Who has been told to stop may fail; nobody waits for events any more.
      if (this.signal.aborted) return;
      this.#failure = { error };
      this.close();
    });
  }

  async #produce(): Promise<void> {
    const producer = this.#producer;
    const produced = typeof producer === "function" ? producer(this) : producer;
    if (produced === undefined) return;
    if (isAsyncIterable(produced)) await this.#forward(eventsOf(produced));
    else await produced;
    this.close();
  }

  /** The next event is asked for once the one before was taken. */
  async #forward(iterator: Events): Promise<void> {
    this.#iterator = iterator;
    for (;;) {
      const result = await iterator.next();
      if (result.done === true || !(await this.send(result.value))) return;
    }
  }

  /** Nobody takes events any more. */
  #cancel(): void {
    if (this.signal.aborted) return;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
    this.close();
    this.#abort.abort();
    const producer = this.#producer;
    if (!this.#started && typeof producer !== "function") this.#iterator = eventsOf(producer);
    // A generator that waits ends when its wait does; nobody waits for that.
    Promise.resolve(this.#iterator?.return?.()).catch(ignore);
  }
}

/** A stream of events is cancelled at once, as one of pieces is. */
function eventsOf(source: AsyncIterable<ServerEvent | string>): Events {
  return iterate(source as unknown as StreamSource) as unknown as Events;
}

function isAsyncIterable(value: object): value is AsyncIterable<ServerEvent | string> {
  return Symbol.asyncIterator in value;
}

function ignore(): void {
  // Nobody waits.
}
