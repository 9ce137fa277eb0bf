/** What is published, on its way to many WebSockets by one native call. */
import type { Coding } from "../websocket/coding.ts";
import type { Published } from "../websocket/message.ts";
import type { Lane } from "../websocket/topics.ts";
import { frameCompressed } from "./abi.ts";
import { chopin_websocket_publish } from "./symbols.ts";
import type { WebSockets } from "./websockets.ts";

/** Native calls take no address of nothing. */
const nothing = new Uint8Array(1);

/** The WebSockets of a server whose messages are compressed in one way, or not at all. */
export class WebSocketLane implements Lane {
  readonly home: WebSockets;
  readonly coding: Coding | undefined;

  constructor(home: WebSockets, coding: Coding | undefined) {
    this.home = home;
    this.coding = coding;
  }

  send(pairs: Uint32Array, count: number, { kind, bytes }: Published): number {
    const { coding, home } = this;
    const long = coding !== undefined && bytes.length >= coding.threshold;
    const deflated = long ? coding.deflate(bytes) : undefined;
    const word = deflated === undefined ? kind : kind | frameCompressed;
    const payload = deflated ?? bytes;
    const { length } = payload;
    const from = length === 0 ? nothing : payload;
    const taken = chopin_websocket_publish(home.handle, pairs, count, word, from, length);
    home.queued();
    return Math.max(0, taken);
  }
}
