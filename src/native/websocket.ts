/**
 * The server's end of one WebSocket: what handlers are given. Native memory has the connection;
 * here are what belongs to the program, and calls. `websockets.ts` makes it and tells it what
 * happens.
 */
import { ChopinError } from "../errors.ts";
import type { Endpoint } from "../websocket/endpoint.ts";
import { binaryOf, opcode } from "../websocket/message.ts";
import type { Member } from "../websocket/topics.ts";
import type { Message, ServerWebSocket } from "../websocket/types.ts";
import type { Upgrade } from "../websocket/upgrade.ts";
import { code, control, frameCompressed, limits, view } from "./abi.ts";
import {
  chopin_websocket_backlog,
  chopin_websocket_close,
  chopin_websocket_send,
  chopin_websocket_send_view,
} from "./symbols.ts";
import type { WebSocketLane } from "./websocket-lane.ts";

/** Text that may become longer as UTF-8 goes through memory of its own. */
const inViewBytesMax = 64 * 1024;
const arenaEnd = view.answerArena + limits.answerArenaBytes;

/** RFC 6455 5.5: a control frame has so many bytes, and a close frame begins with its code. */
const controlBytesMax = 125;
const reasonBytesMax = controlBytesMax - 2;

const state = { open: 1, closing: 2, closed: 3 } as const;

/** Code for ends without a word. */
const abnormal = 1006;

const inspect = Symbol.for("nodejs.util.inspect.custom");
const encoder = new TextEncoder();
/** Native calls take no address of nothing. */
const nothing = new Uint8Array(1);
const noReason = new Uint8Array(0);

export class NativeWebSocket implements ServerWebSocket<unknown>, Member {
  data: unknown;
  readonly protocol: string;
  readonly remoteAddress: string;
  /** @internal */
  readonly slot: number;
  /** @internal */
  readonly generation: number;
  /** @internal */
  readonly lane: WebSocketLane;
  /** @internal */
  readonly places: Map<string, number>;
  /** @internal */
  readonly route: string;
  /** @internal */
  readonly messageLimit: number;
  /** @internal */
  endpoint: Endpoint;
  /** `open` was called. @internal */
  opened: boolean;
  #state: 1 | 2 | 3;

  /** @internal */
  constructor(
    slot: number,
    generation: number,
    lane: WebSocketLane,
    upgrade: Upgrade,
    messageLimit: number,
  ) {
    this.data = upgrade.data;
    this.protocol = upgrade.protocol;
    this.remoteAddress = upgrade.remoteAddress;
    this.slot = slot;
    this.generation = generation;
    this.lane = lane;
    this.places = new Map();
    this.route = upgrade.route;
    this.messageLimit = messageLimit;
    this.endpoint = upgrade.endpoint;
    this.opened = false;
    this.#state = state.open;
  }

  get readyState(): 1 | 2 | 3 {
    return this.#state;
  }

  get bufferedAmount(): number {
    if (this.#state === state.closed) return 0;
    const { handle } = this.lane.home;
    return Math.max(0, chopin_websocket_backlog(handle, this.slot, this.generation));
  }

  send(message: Message): boolean {
    if (typeof message === "string") return this.#sendText(message);
    return this.#sendBytes(opcode.binary, binaryOf(message));
  }

  ping(data: Message = ""): boolean {
    const bytes = typeof data === "string" ? encoder.encode(data) : binaryOf(data);
    if (bytes.length > controlBytesMax) {
      const text = `A ping has at most ${controlBytesMax} bytes: ${bytes.length}.`;
      throw new ChopinError("invalid_message", text);
    }
    return this.#sendFrame(opcode.ping, bytes);
  }

  close(closeCode = 1000, reason = ""): void {
    if (!isCloseCode(closeCode)) {
      const text = `${closeCode} is no code to close a WebSocket with: see ServerWebSocket.close.`;
      throw new ChopinError("invalid_message", text);
    }
    const bytes = encoder.encode(reason);
    if (bytes.length > reasonBytesMax) {
      const text = `The reason of a close has at most ${reasonBytesMax} bytes: ${bytes.length}.`;
      throw new ChopinError("invalid_message", text);
    }
    if (this.#state !== state.open) return;
    this.#state = state.closing;
    this.#end(closeCode, bytes, true);
  }

  /**
   * Closes because of what the peer or the program did: nobody waits for the peer's word.
   *
   * @internal
   */
  fail(closeCode: number, reason = ""): void {
    if (this.#state !== state.open) return;
    this.#state = state.closing;
    this.#end(closeCode, encoder.encode(reason), false);
  }

  terminate(): void {
    if (this.#state === state.closed) return;
    this.#state = state.closing;
    this.#end(abnormal, noReason, true);
  }

  get subscriptions(): readonly string[] {
    return [...this.places.keys()];
  }

  subscribe(topic: string): void {
    if (this.#state === state.open) this.lane.home.topics.subscribe(topic, this);
  }

  unsubscribe(topic: string): void {
    this.lane.home.topics.unsubscribe(topic, this);
  }

  isSubscribed(topic: string): boolean {
    return this.places.has(topic);
  }

  publish(topic: string, message: Message): number {
    return this.lane.home.topics.publish(topic, message, this);
  }

  /**
   * The native side has let go of it: nothing may be called for it any more.
   *
   * @internal
   */
  ended(): void {
    this.#state = state.closed;
    this.lane.home.topics.leave(this);
  }

  /** What `console.log` shows: not the memory of the server. */
  [inspect](): object {
    const { data, protocol, remoteAddress, readyState, subscriptions } = this;
    return { data, protocol, remoteAddress, readyState, subscriptions };
  }

  #sendText(text: string): boolean {
    if (this.#state !== state.open) return false;
    const { coding, home } = this.lane;
    const worst = text.length * 3;
    const top = home.words[control.answerTop]!;
    const fits = worst <= inViewBytesMax && top + worst <= arenaEnd;
    // Whether it is long enough to be compressed only its bytes tell.
    if (!fits || (coding !== undefined && worst >= coding.threshold)) {
      return this.#sendBytes(opcode.text, encoder.encode(text));
    }
    const length = worst === 0 ? 0 : home.bytes.utf8Write(text, top, worst);
    const { slot, generation } = this;
    return this.#sent(
      chopin_websocket_send_view(home.handle, slot, generation, opcode.text, top, length),
    );
  }

  #sendBytes(kind: number, bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.#state !== state.open) return false;
    const { coding } = this.lane;
    if (coding !== undefined && bytes.length >= coding.threshold) {
      const deflated = coding.deflate(bytes);
      if (deflated !== undefined) return this.#sendFrame(kind | frameCompressed, deflated);
    }
    return this.#sendFrame(kind, bytes);
  }

  #sendFrame(kind: number, bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.#state !== state.open) return false;
    const { handle } = this.lane.home;
    const { length } = bytes;
    const from = length === 0 ? nothing : bytes;
    return this.#sent(
      chopin_websocket_send(handle, this.slot, this.generation, kind, from, length),
    );
  }

  /** What a native call for a message returned. */
  #sent(result: number): boolean {
    // Also where it ended the connection: the next turn tells.
    this.lane.home.queued();
    if (result >= 0) return result === 0;
    if (result === code.invalidArgument) {
      throw new ChopinError("invalid_message", "A message has at most 2 GiB.");
    }
    // It is over, and `close` will tell how.
    this.#state = state.closing;
    return false;
  }

  /** `waits`: for the peer to say close too. */
  #end(closeCode: number, reason: Uint8Array<ArrayBuffer>, waits: boolean): void {
    const { handle } = this.lane.home;
    const { slot, generation } = this;
    const { length } = reason;
    const from = length === 0 ? nothing : reason;
    chopin_websocket_close(handle, slot, generation, closeCode, from, length, waits ? 1 : 0);
    this.lane.home.queued();
  }
}

/** RFC 6455 7.4: 1010 says that the server lacks an extension, which only a client can miss. */
function isCloseCode(closeCode: number): boolean {
  return (
    Number.isInteger(closeCode) &&
    ((closeCode >= 1000 && closeCode <= 1003) ||
      (closeCode >= 1007 && closeCode <= 1014 && closeCode !== 1010) ||
      (closeCode >= 3000 && closeCode <= 4999))
  );
}
