/**
 * What primary and workers say to each other, and over which descriptors: a socket pair that
 * `Bun.spawn` makes, with a JSON document in each line. (Bun's own `ipc` would deliver the same to
 * `process.on("message")`, where programs listen to whoever started them.)
 */
import type { Socket } from "bun";
import type { SharedMetrics } from "../metrics/operations.ts";
import type { BoundAddress } from "../native/contract.ts";

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

/** One end of a channel. Neither keeps its process alive. */
export class Channel<Sent, Received> {
  #socket: Socket | undefined;
  #unsent: Buffer = Buffer.alloc(0);
  #partial = "";

  /** Takes the descriptor over. `ended` is called once, when the other end is gone. */
  constructor(fd: number, received: (message: Received) => void, ended: () => void) {
    const decoder = new TextDecoder();
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
        data: (_, data) => {
          const lines = (this.#partial + decoder.decode(data, { stream: true })).split("\n");
          this.#partial = lines.pop() ?? "";
          for (const line of lines) received(JSON.parse(line) as Received);
        },
        drain: () => this.#write(),
        end,
        close: end,
        error: end,
      },
    }).catch(end);
  }

  send(message: Sent): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(`${JSON.stringify(message)}\n`)]);
    this.#write();
  }

  close(): void {
    this.#socket?.terminate();
  }

  /** What the socket does not take now goes when it drains. */
  #write(): void {
    if (this.#socket === undefined || this.#unsent.length === 0) return;
    const count = this.#socket.write(this.#unsent);
    this.#unsent = this.#unsent.subarray(Math.max(count, 0));
  }
}
