/**
 * The WebSockets of one server: makes them of upgrades, brings them what comes, and lets go of them
 * when they are over. Called by `dispatch.ts` for the messages of a batch, and by `streams.ts` for
 * what a turn tells. Handlers run here; nothing that they throw gets out.
 */
import type { Pointer } from "bun:ffi";
import { reportUnlessLeft } from "../stream.ts";
import type { Coding } from "../websocket/coding.ts";
import type { Endpoint } from "../websocket/endpoint.ts";
import { opcode } from "../websocket/message.ts";
import { Topics } from "../websocket/topics.ts";
import type { WebSocketLimits } from "../websocket/types.ts";
import type { Upgrade } from "../websocket/upgrade.ts";
import {
  control,
  message as field,
  flag,
  notice,
  request,
  settings,
  settingsFlag,
  view,
} from "./abi.ts";
import type { HeldContext } from "./held-context.ts";
import type { Streams } from "./streams.ts";
import {
  chopin_request_body,
  chopin_websocket_closed,
  chopin_websocket_create,
} from "./symbols.ts";
import { NativeWebSocket } from "./websocket.ts";
import { WebSocketLane } from "./websocket-lane.ts";

const requestsStart = view.requests >>> 2;

/** The opcode in a message's kind; flags are above it. */
const opcodeMask = 0xf;

/** Codes of ends (RFC 6455 7.4.1). */
const notUtf8 = 1007;
const tooLarge = 1009;
const serverError = 1011;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class WebSockets {
  readonly handle: Pointer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /** The same memory, whose copies have no methods of a `Buffer`. */
  readonly #plain: Uint8Array<ArrayBuffer>;
  readonly topics = new Topics();
  readonly #streams: Streams;
  readonly #limits: Required<WebSocketLimits>;
  readonly #bySlot: (NativeWebSocket | undefined)[] = [];
  readonly #lanes = new Map<Coding | undefined, WebSocketLane>();
  readonly #settings = new Uint32Array(settings.words);

  /** `limits` hold where a route has none of its own. */
  constructor(streams: Streams, limits: Required<WebSocketLimits>) {
    this.handle = streams.handle;
    this.words = streams.words;
    this.bytes = streams.bytes;
    this.#plain = new Uint8Array(streams.bytes.buffer as ArrayBuffer);
    this.#streams = streams;
    this.#limits = limits;
    streams.websockets = this;
  }

  /**
   * Reserves a WebSocket for a request that is held; the answer that follows opens it. Returns its
   * slot, or a negative code.
   */
  create({ slot, generation }: HeldContext, upgrade: Upgrade): number {
    const { endpoint, coding } = upgrade;
    const limit = (name: keyof WebSocketLimits) => endpoint.limits[name] ?? this.#limits[name];
    const messageLimit = limit("messageLimit");
    const { ping, pong } = endpoint.handlers;
    const told = ping !== undefined || pong !== undefined ? settingsFlag.controlFrames : 0;
    this.#settings[settings.messageBytesMax] = messageLimit;
    this.#settings[settings.backlogBytesMax] = limit("backlogLimit");
    this.#settings[settings.idleMs] = limit("idleTimeoutMs");
    this.#settings[settings.flags] = told | (coding === undefined ? 0 : settingsFlag.deflate);
    const made = chopin_websocket_create(this.handle, slot, generation, this.#settings);
    if (made < 0) return made;
    const own = this.words[control.result]!;
    const lane = this.#laneOf(coding);
    this.#bySlot[made] = new NativeWebSocket(made, own, lane, upgrade, messageLimit);
    return made;
  }

  /** Frames were queued: they go with this turn, or with one that comes soon. */
  queued(): void {
    if (!this.#streams.dispatching) this.#streams.wake();
  }

  /** A record of the batch that is a message. */
  message(index: number): void {
    const base = requestsStart + index * request.words;
    const { words } = this;
    const ws = this.#find(words[base + field.slot]!, words[base + field.generation]!);
    if (ws === undefined) return;
    this.#open(ws);
    if (ws.readyState !== WebSocket.OPEN) return;
    const kind = words[base + field.kind]!;
    if ((kind & flag.compressed) !== 0) this.#takeCompressed(ws, kind, this.#payload(index, base));
    else if ((kind & opcodeMask) === opcode.text) this.#take(ws, this.#text(index, base));
    else this.#takeBytes(ws, kind & opcodeMask, this.#payload(index, base));
  }

  /** What a turn tells; `bits` of `abi.notice`. */
  notice(slot: number, generation: number, bits: number): void {
    const ws = this.#find(slot, generation);
    if ((bits & notice.websocketOpened) !== 0 && ws !== undefined) this.#open(ws);
    if ((bits & notice.websocketDrained) !== 0 && ws?.readyState === WebSocket.OPEN) {
      this.#run(ws, () => ws.endpoint.handlers.drain?.(ws));
    }
    if ((bits & notice.websocketClosed) !== 0) this.#close(slot, generation, ws);
  }

  /** `bun --hot` has new routes: what they say holds for WebSockets that are open too. */
  renew(endpoints: ReadonlyMap<string, Endpoint>): void {
    for (const ws of this.#bySlot) {
      if (ws !== undefined) ws.endpoint = endpoints.get(ws.route) ?? ws.endpoint;
    }
  }

  #laneOf(coding: Coding | undefined): WebSocketLane {
    let lane = this.#lanes.get(coding);
    if (lane === undefined) {
      lane = new WebSocketLane(this, coding);
      this.#lanes.set(coding, lane);
    }
    return lane;
  }

  #find(slot: number, generation: number): NativeWebSocket | undefined {
    const ws = this.#bySlot[slot];
    return ws?.generation === generation ? ws : undefined;
  }

  #open(ws: NativeWebSocket): void {
    if (ws.opened) return;
    ws.opened = true;
    this.#run(ws, () => ws.endpoint.handlers.open?.(ws));
  }

  #close(slot: number, generation: number, ws: NativeWebSocket | undefined): void {
    const { words, bytes } = this;
    if (chopin_websocket_closed(this.handle, slot, generation) < 0 || ws === undefined) return;
    const code = words[control.result]!;
    const at = words[control.result + 1]!;
    const reason = bytes.utf8Slice(at, at + words[control.result + 2]!);
    this.#bySlot[slot] = undefined;
    ws.ended();
    // One whose handshake nobody took was never there.
    if (ws.opened) this.#run(ws, () => ws.endpoint.handlers.close?.(ws, code, reason));
  }

  #text(index: number, base: number): string {
    const { words, bytes } = this;
    const length = words[base + field.payloadLength]!;
    if ((words[base + field.kind]! & flag.bodyOutside) === 0) {
      const start = words[base + field.payload]!;
      return bytes.utf8Slice(start, start + length);
    }
    const copy = this.#payload(index, base);
    return Buffer.from(copy.buffer, 0, length).utf8Slice(0, length);
  }

  /** A copy that is the program's. */
  #payload(index: number, base: number): Uint8Array<ArrayBuffer> {
    const { words } = this;
    const length = words[base + field.payloadLength]!;
    if ((words[base + field.kind]! & flag.bodyOutside) === 0) {
      const start = words[base + field.payload]!;
      return this.#plain.slice(start, start + length);
    }
    const copy = new Uint8Array(length);
    chopin_request_body(this.handle, index, copy, length);
    return copy;
  }

  #takeCompressed(ws: NativeWebSocket, kind: number, payload: Uint8Array<ArrayBuffer>): void {
    const message = ws.lane.coding!.inflate(payload, ws.messageLimit);
    if (message === "too_large") ws.fail(tooLarge, "the message is too large");
    else if (message === "corrupt") ws.fail(notUtf8, "the message cannot be inflated");
    else if ((kind & opcodeMask) === opcode.binary) this.#take(ws, message);
    else {
      const text = decoded(message);
      if (text === undefined) ws.fail(notUtf8, "the message is not UTF-8");
      else this.#take(ws, text);
    }
  }

  #takeBytes(ws: NativeWebSocket, kind: number, data: Uint8Array<ArrayBuffer>): void {
    const { handlers } = ws.endpoint;
    if (kind === opcode.binary) this.#take(ws, data);
    else if (kind === opcode.ping) this.#run(ws, () => handlers.ping?.(ws, data));
    else this.#run(ws, () => handlers.pong?.(ws, data));
  }

  /** Apart from `#run`, because it is called so often. */
  #take(ws: NativeWebSocket, message: string | Uint8Array<ArrayBuffer>): void {
    try {
      const result = ws.endpoint.handlers.message?.(ws, message);
      if (result instanceof Promise) this.#watch(ws, result);
    } catch (error) {
      this.#failed(ws, error);
    }
  }

  #run(ws: NativeWebSocket, handler: () => unknown): void {
    try {
      const result = handler();
      if (result instanceof Promise) this.#watch(ws, result);
    } catch (error) {
      this.#failed(ws, error);
    }
  }

  #watch(ws: NativeWebSocket, result: Promise<unknown>): void {
    if (Bun.peek.status(result) === "fulfilled") return;
    result.catch((error: unknown) => this.#failed(ws, error));
  }

  #failed(ws: NativeWebSocket, error: unknown): void {
    reportUnlessLeft(error);
    ws.fail(serverError);
  }
}

function decoded(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
