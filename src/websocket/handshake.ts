/** The opening handshake (RFC 6455 4.2.1): fields in, what is answered out. Called by `step.ts`. */
import { listItems } from "../field-list.ts";

/** A request that may ask for a WebSocket. */
export interface HandshakeRequest {
  readonly method: string;
  /** HTTP/1.1 without a body: others cannot change to another protocol. */
  readonly upgradable: boolean;
  /** Every line of a field, by its name in lower case. */
  readonly lines: (name: string) => readonly string[];
}

/** What is wrong with a handshake: a code of `problems`. */
export type HandshakeProblem =
  | "upgrade_required"
  | "websocket_version_not_supported"
  | "bad_websocket_key";

/** What a client asks for. */
export interface Handshake {
  /** Value of Sec-WebSocket-Accept. */
  readonly accept: string;
  /** Subprotocols that it speaks, the best first. */
  readonly protocols: readonly string[];
}

/** RFC 6455 1.3: no other protocol would answer a key with this. */
const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Base64 of 16 bytes. */
const keyForm = /^[A-Za-z0-9+/]{22}==$/;

/** The only version that was ever finished. */
export const version = "13";

/** Reads a handshake. */
export function readHandshake(request: HandshakeRequest): Handshake | HandshakeProblem {
  const { method, upgradable, lines } = request;
  const asks =
    method === "GET" &&
    upgradable &&
    listItems(lines("connection")).some((item) => item.toLowerCase() === "upgrade") &&
    listItems(lines("upgrade")).some((item) => item.toLowerCase() === "websocket");
  if (!asks) return "upgrade_required";
  const [told, ...more] = lines("sec-websocket-version");
  if (told !== version || more.length > 0) return "websocket_version_not_supported";
  const [key = "", ...others] = lines("sec-websocket-key");
  if (!keyForm.test(key) || others.length > 0) return "bad_websocket_key";
  return { accept: acceptOf(key), protocols: listItems(lines("sec-websocket-protocol")) };
}

/** The first of our subprotocols that the client speaks; "" for none. */
export function chooseProtocol(ours: readonly string[], theirs: readonly string[]): string {
  return ours.find((protocol) => theirs.includes(protocol)) ?? "";
}

/** RFC 6455 4.2.2, 5.4. */
export function acceptOf(key: string): string {
  return new Bun.CryptoHasher("sha1").update(key + magic).digest("base64");
}
