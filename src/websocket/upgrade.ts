/**
 * The body of an answer that changes its connection to a WebSocket. Made by `step.ts`; middleware
 * sees its answer with status 101, and `native/dispatch.ts` carries it out.
 */
import type { Field } from "../answer-fields.ts";
import type { Coding } from "./coding.ts";
import type { Endpoint } from "./endpoint.ts";

export class Upgrade {
  readonly endpoint: Endpoint;
  /** Its whole path, by which the endpoint is found again after `bun --hot`. */
  readonly route: string;
  /** What becomes `ws.data`. */
  readonly data: unknown;
  readonly accept: string;
  readonly protocol: string;
  readonly remoteAddress: string;
  /** How messages are compressed, and what is answered for it; undefined: not at all. */
  readonly coding: Coding | undefined;

  constructor(parts: Upgrade) {
    this.endpoint = parts.endpoint;
    this.route = parts.route;
    this.data = parts.data;
    this.accept = parts.accept;
    this.protocol = parts.protocol;
    this.remoteAddress = parts.remoteAddress;
    this.coding = parts.coding;
  }
}

/** Field lines of the handshake itself; what an application sets of them is not sent. */
export function handshakeLines({ accept, protocol, coding }: Upgrade): string {
  let lines = `Sec-WebSocket-Accept: ${accept}\r\n`;
  if (protocol !== "") lines += `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  if (coding !== undefined) lines += `Sec-WebSocket-Extensions: ${coding.answer}\r\n`;
  return lines;
}

const handshakeFields: readonly string[] = [
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];

/** Whether a field is the handshake's own. */
export function isHandshakeField({ key }: Field): boolean {
  return handshakeFields.includes(key);
}
