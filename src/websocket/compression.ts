/**
 * Compressed messages (permessage-deflate, RFC 7692). Neither side keeps its window from one
 * message to the next: a connection then costs no memory between two of them, and whoever mixes
 * what others say with a secret in one connection does not let them find it out by length. Loaded
 * by `step.ts` with the first WebSocket that wants it.
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** What of an offer has to be answered. */
export interface Negotiated {
  /** Base-two logarithm of the window that our messages may refer back into: 9 to 15. */
  readonly windowBits: number;
  /** Value of Sec-WebSocket-Extensions. */
  readonly answer: string;
}

type Parameters = ReadonlyMap<string, string | true>;

const name = "permessage-deflate";
const windowBitsMost = 15;
/** zlib refuses to make a raw stream with a window of 256 bytes. */
const windowBitsLeast = 9;

const token = /[\w!#$%&'*+.^`|~-]+/.source;
const parameter = `[\\t ]*;[\\t ]*(${token})(?:[\\t ]*=[\\t ]*(?:(${token})|"(${token})"))?`;
const extension = new RegExp(`[\\t ]*(${token})((?:${parameter})*)[\\t ]*(?:,|$)|[\\t ]*,`, "y");
const parameters = new RegExp(parameter, "g");

/**
 * The first offer that can be met, over all lines of the field; undefined when there is none, also
 * where the field is malformed.
 */
export function negotiate(lines: readonly string[]): Negotiated | undefined {
  for (const offer of offersIn(lines.join(", "))) {
    const windowBits = windowOf(offer);
    if (windowBits === undefined) continue;
    const limited = offer.has("server_max_window_bits");
    const taken = `${name}; server_no_context_takeover; client_no_context_takeover`;
    const answer = limited ? `${taken}; server_max_window_bits=${windowBits}` : taken;
    return { windowBits, answer };
  }
  return undefined;
}

/** Parameters of each offer of this extension. */
function* offersIn(text: string): Generator<Parameters> {
  extension.lastIndex = 0;
  const offers: Parameters[] = [];
  for (let at = 0; at < text.length; at = extension.lastIndex) {
    const found = extension.exec(text);
    if (found === null) return;
    if (found[1]?.toLowerCase() !== name) continue;
    const given = new Map<string, string | true>();
    let repeated = false;
    for (const [, key = "", bare, quoted] of found[2]!.matchAll(parameters)) {
      repeated ||= given.has(key);
      given.set(key, bare ?? quoted ?? true);
    }
    // RFC 7692 7.1: an offer with a parameter twice is declined.
    if (!repeated) offers.push(given);
  }
  yield* offers;
}

/** The window of an offer (RFC 7692 7.1); undefined for one that has to be declined. */
function windowOf(offer: Parameters): number | undefined {
  let windowBits = windowBitsMost;
  for (const [key, value] of offer) {
    switch (key) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== true) return undefined;
        break;
      case "client_max_window_bits":
        // What it may be asked to do: we inflate with the largest window anyhow.
        if (value !== true && !isWindow(value)) return undefined;
        break;
      case "server_max_window_bits":
        if (!isWindow(value) || Number(value) < windowBitsLeast) return undefined;
        windowBits = Number(value);
        break;
      default:
        return undefined;
    }
  }
  return windowBits;
}

/** RFC 7692 7.1.2: 8 to 15, without leading zeros. */
function isWindow(value: string | true): value is string {
  return value !== true && /^(?:[89]|1[0-5])$/.test(value);
}

/** What the tail of a flushed stream is, which is not sent (RFC 7692 7.2.1). */
const tailBytes = 4;

/** A message that compression made no smaller goes out as it is. */
export function deflate(
  message: Uint8Array<ArrayBuffer>,
  windowBits: number,
): Uint8Array<ArrayBuffer> | undefined {
  const options = { windowBits, finishFlush: constants.Z_SYNC_FLUSH };
  const whole = deflateRawSync(message, options);
  const length = whole.length - tailBytes;
  return length < message.length ? (whole.subarray(0, length) as typeof whole) : undefined;
}

/** RFC 7692 7.2.3.4 lets a message have several streams; more than this only cost time. */
const streamsMost = 8;

/**
 * The message of a compressed payload. Nothing is inflated beyond `messageLimit`, however little
 * was sent. "too_large", or "corrupt" for what is no such payload.
 */
export function inflate(
  payload: Uint8Array<ArrayBuffer>,
  messageLimit: number,
): Uint8Array<ArrayBuffer> | "too_large" | "corrupt" {
  const pieces: Uint8Array[] = [];
  let left = messageLimit;
  let rest = payload;
  for (let stream = 0; stream < streamsMost; stream++) {
    const made = inflateStream(rest, left);
    if (typeof made === "string") return made;
    pieces.push(made.bytes);
    left -= made.bytes.length;
    rest = rest.subarray(made.taken);
    if (rest.length === 0) return plain(pieces.length === 1 ? made.bytes : Buffer.concat(pieces));
  }
  return "corrupt";
}

/** What handlers get has memory of its own, and none of the methods of a `Buffer`. */
function plain(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteLength === bytes.buffer.byteLength;
  return whole ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

interface InflatedStream {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the payload, to its end unless the stream says that it has ended before. */
  readonly taken: number;
}

function inflateStream(
  payload: Uint8Array<ArrayBuffer>,
  most: number,
): InflatedStream | "too_large" | "corrupt" {
  // To zlib a limit of 0 is none.
  const options = { maxOutputLength: most + 1, finishFlush: constants.Z_SYNC_FLUSH, info: true };
  try {
    // What `info` asks for, and what the declarations do not know.
    const result = inflateRawSync(payload, options) as unknown as {
      readonly buffer: Uint8Array<ArrayBuffer>;
      readonly engine: { readonly bytesWritten: number };
    };
    const { buffer: bytes, engine } = result;
    if (bytes.length > most) return "too_large";
    if (engine.bytesWritten === 0 && payload.length > 0) return "corrupt";
    return { bytes, taken: engine.bytesWritten };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ERR_BUFFER_TOO_LARGE" ? "too_large" : "corrupt";
  }
}
