/**
 * What primary and workers say to each other, and over which descriptors: a socket pair that
 * `Bun.spawn` makes, with a JSON document in each line, and between them bytes, which are what is
 * published. (Bun's own `ipc` would deliver the same to `process.on("message")`, where programs
 * listen to whoever started them.)
 */
import type { Socket } from "bun";
import type { SharedMetrics } from "../metrics/operations.ts";
import type { BoundAddress } from "../native/contract.ts";
import { FrameReader, framed, lineOf } from "./frames.ts";

/** Where a worker finds what it was started with. */
export const descriptors = {
  /** The worker's end of the channel; its end of file says that the primary is gone. */
  control: 3,
  /** The first listener; the others follow in the order of the slots, then the metrics. */
  listeners: 4,
} as const;

/** Environment variable that makes a process a worker; its value is a `Place` as JSON. */
export const placeVariable = "CHOPIN_WORKER";

/** What a worker is told when it is started. */
export interface Place {
  readonly slot: number;
  readonly workers: number;
  /** Process id of the primary. */
  readonly primary: number;
  /** Listeners from `descriptors.listeners` on: one for each slot, or one for all. */
  readonly listeners: number;
  /** Somebody keeps them beyond the end of this service. */
  readonly kept: boolean;
  /** Where the worker counts, if the application has metrics. */
  readonly metrics?: SharedMetrics;
  readonly address: BoundAddress;
}

/** From the primary. */
export type Order =
  | { readonly order: "ping" }
  /** Take connections also from this slot, whose worker is gone; or no longer. */
  | { readonly order: "accept"; readonly slot: number; readonly wanted: boolean }
  /** `final`: nobody comes after this worker. */
  | { readonly order: "stop"; readonly final: boolean };

/** From a worker. */
export type Report =
  | { readonly report: "pong" }
  | { readonly report: "ready" }
  /** An exception that ends the worker, in one line. */
  | { readonly report: "exception"; readonly message: string }
  /** The program called `stop()`. */
  | { readonly report: "stop" };

/** Bun's types have the options with `fd`, but no overload of `connect` that takes them. */
const adopt = Bun.connect as unknown as (options: Bun.FdSocketOptions) => Promise<Socket>;

/**
 * Bytes that are kept for an end that does not read: a burst of what is published, and not what a
 * blocked worker misses in ten seconds.
 */
const backlogBytesMax = 16 * 1024 * 1024;
/** What goes out by one call. */
const writeBytesMax = 64 * 1024;

/** One end of a channel. Neither keeps its process alive. */
export class Channel<Sent, Received> {
  #socket: Socket | undefined;
  #unsent: Buffer[] = [];
  #unsentBytes = 0;

  /**
   * Takes the descriptor over. `ended` is called once, when the other end is gone; `bytes` with
   * what is published, in memory that stays as it is.
   */
  constructor(
    fd: number,
    received: (message: Received) => void,
    ended: () => void,
    bytes: (message: Uint8Array) => void = ignore,
  ) {
    const document = (text: string): void => received(JSON.parse(text) as Received);
    const frames = new FrameReader(document, bytes);
    let over = false;
    const end = (): void => {
      if (!over) ended();
      over = true;
    };
    void adopt({
      fd,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          socket.unref();
          this.#write();
        },
        data: (_, data) => frames.push(data),
        drain: () => this.#write(),
        end,
        close: end,
        error: end,
      },
    }).catch(end);
  }

  send(message: Sent): void {
    this.#queue(lineOf(message));
  }

  /** False: the other end is too far behind, and does not get it. */
  sendBytes(message: Uint8Array): boolean {
    if (this.#unsentBytes > backlogBytesMax) return false;
    this.#queue(framed(message));
    return true;
  }

  close(): void {
    this.#socket?.terminate();
  }

  #queue(bytes: Buffer): void {
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    if (this.#unsent.length === 1) this.#write();
  }

  /** What the socket does not take now goes when it drains. */
  #write(): void {
    if (this.#socket === undefined) return;
    while (this.#unsentBytes > 0) {
      const next = this.#next();
      const count = Math.max(0, this.#socket.write(next));
      this.#unsentBytes -= count;
      if (count < next.length) {
        this.#unsent[0] = next.subarray(count);
        return;
      }
      this.#unsent.shift();
    }
  }

  /** The first of what is unsent, together with what follows when all of that is small. */
  #next(): Buffer {
    let [bytes, count] = [0, 0];
    for (const piece of this.#unsent) {
      if (count > 0 && bytes + piece.length > writeBytesMax) break;
      bytes += piece.length;
      count += 1;
    }
    if (count > 1) this.#unsent.unshift(Buffer.concat(this.#unsent.splice(0, count)));
    return this.#unsent[0]!;
  }
}

function ignore(): void {
  // Not every channel has both ways.
}
