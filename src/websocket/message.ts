/** Messages as bytes: what is sent, and what passes between the processes of a service. */
import { bytesOf, isBytes } from "../answer.ts";
import { ChopinError } from "../errors.ts";
import type { Message } from "./types.ts";

/** Opcodes of messages (RFC 6455 11.8). */
export const opcode = { text: 1, binary: 2, ping: 9, pong: 10 } as const;

const encoder = new TextEncoder();

/** A message that is published. */
export interface Published {
  readonly topic: string;
  readonly kind: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Bytes of what is no string. */
export function binaryOf(message: unknown): Uint8Array<ArrayBuffer> {
  if (isBytes(message)) return bytesOf(message);
  const given = message === null ? "null" : typeof message;
  throw new ChopinError("invalid_message", `A WebSocket sends text or bytes, not ${given}.`);
}

export function published(topic: string, message: Message): Published {
  if (typeof message !== "string") return { topic, kind: opcode.binary, bytes: binaryOf(message) };
  return { topic, kind: opcode.text, bytes: encoder.encode(message) };
}

/** Who published, kind, length of the topic; then the topic and the message. */
const senderBytes = 16;
const headBytes = senderBytes + 1 + 4;

/** Random, so that no two processes have the same. */
export function newSender(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(senderBytes));
}

/** A published message for other processes. */
export function pack(
  sender: Uint8Array,
  { topic, kind, bytes }: Published,
): Uint8Array<ArrayBuffer> {
  const name = encoder.encode(topic);
  const packed = new Uint8Array(headBytes + name.length + bytes.length);
  packed.set(sender);
  packed[senderBytes] = kind;
  new DataView(packed.buffer).setUint32(senderBytes + 1, name.length);
  packed.set(name, headBytes);
  packed.set(bytes, headBytes + name.length);
  return packed;
}

/**
 * What `pack` made; undefined for one's own, which transports may give back, and for what no
 * Chopin has made.
 */
export function unpack(sender: Uint8Array, packed: Uint8Array): Published | undefined {
  if (!(packed instanceof Uint8Array) || packed.length < headBytes) return undefined;
  if (sender.every((byte, at) => packed[at] === byte)) return undefined;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const kind = view.getUint8(senderBytes);
  const end = headBytes + view.getUint32(senderBytes + 1);
  if (end > packed.length || (kind !== opcode.text && kind !== opcode.binary)) return undefined;
  const topic = new TextDecoder().decode(packed.subarray(headBytes, end));
  return { topic, kind, bytes: packed.slice(end) as Uint8Array<ArrayBuffer> };
}
