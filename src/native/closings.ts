/**
 * Says which limits connections met. Native code counts them by reason in the control block; one
 * line for each reason is told, at most once in a second, after a turn: no timer runs for it, and a
 * flood of bad clients is a few lines.
 */
import { addressText } from "../forwarded.ts";
import { type ClosedConnections, closingReasons } from "../serve-options.ts";
import { control } from "./abi.ts";
import type { ServerOptions } from "./contract.ts";

type Reason = ClosedConnections["reason"];

const intervalMs = 1000;

/** Words of a record in `zig/closings.zig`: a count, and an address as four words of IPv6. */
const recordWords = 5;

const waiting: readonly Reason[] = ["slots_full", "descriptors_out"];

export class ClosingReporter {
  readonly #words: Uint32Array;
  readonly #options: ServerOptions;
  readonly #told = new Uint32Array(closingReasons.length);
  #seen = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(words: Uint32Array, options: ServerOptions) {
    this.#words = words;
    this.#options = options;
  }

  /** After a turn: a look at one word, unless something was closed. */
  afterTurn(): void {
    if (this.#words[control.closings] === this.#seen) return;
    const now = performance.now();
    if (now - this.#lastMs < intervalMs) return;
    this.#lastMs = now;
    this.flush();
  }

  /** What is left to be told, at once. */
  flush(): void {
    this.#seen = this.#words[control.closings]!;
    for (const [index, reason] of closingReasons.entries()) {
      const start = control.closingRecords + index * recordWords;
      const total = this.#words[start]!;
      const count = (total - this.#told[index]!) >>> 0;
      if (count === 0) continue;
      this.#told[index] = total;
      const address = addressOf(this.#words.subarray(start + 1, start + recordWords));
      const message = messageOf(reason, count, address, this.#options);
      try {
        this.#options.onClosed({ reason, count, address, message });
      } catch (error) {
        // The turn goes on.
        console.error(error);
      }
    }
  }
}

function addressOf([first = 0, second = 0, third = 0, last = 0]: Uint32Array): string {
  if ((first | second | third | last) === 0) return "";
  const version = first === 0 && second === 0 && third === 0xffff ? 4 : 6;
  return addressText({ version, words: [first, second, third, last] });
}

function messageOf(reason: Reason, count: number, address: string, options: ServerOptions): string {
  const times = count === 1 ? "once" : `${count} times`;
  if (waiting.includes(reason)) {
    return `chopin: stopped accepting ${times}: ${reasonText(reason, options)}`;
  }
  const connections = count === 1 ? "1 connection" : `${count} connections`;
  const last = address === "" ? "" : ` (last ${address})`;
  return `chopin: closed ${connections}: ${reasonText(reason, options)}${last}`;
}

function reasonText(reason: Reason, options: ServerOptions): string {
  const { headTimeoutMs, bodyTimeoutMs, bodyRateMin, writeTimeoutMs, writeRateMin } = options;
  switch (reason) {
    case "head_timeout":
      return `request head not complete after ${seconds(headTimeoutMs)}`;
    case "body_timeout":
      return `body stopped for ${seconds(bodyTimeoutMs)}, or came below ${bodyRateMin} bytes/s`;
    case "write_timeout":
      return `answer not taken for ${seconds(writeTimeoutMs)}, or below ${writeRateMin} bytes/s`;
    case "address_full":
      return `more than ${options.connectionsPerAddress} from one address`;
    case "proxy_header":
      return `no PROXY protocol header within ${seconds(headTimeoutMs)}`;
    case "websocket_backlog":
      return "messages not taken beyond the limit of their WebSocket";
    case "slots_full":
      return `all ${options.slabCapacity} connections are in use`;
    case "descriptors_out":
      return "no descriptors or memory left; see `ulimit -n`";
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
