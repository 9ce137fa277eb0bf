/**
 * How documents and bytes follow each other on a channel: a JSON document ends with its line, bytes
 * begin with a NUL and their length. Called by `channel.ts`.
 */

const nul = 0;
const lineFeed = 10;
/** NUL and length. */
const headBytes = 5;

/** Bytes as they go over a channel. */
export function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A document as it goes over a channel. */
export function lineOf(document: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Takes what comes apart again, however it was cut. */
export class FrameReader {
  readonly #document: (text: string) => void;
  readonly #bytes: (bytes: Buffer) => void;
  #pieces: Buffer[] = [];
  #held = 0;
  /** With fewer bytes nothing is complete: large ones are put together once. */
  #needed = 1;

  constructor(document: (text: string) => void, bytes: (bytes: Buffer) => void) {
    this.#document = document;
    this.#bytes = bytes;
  }

  push(data: Uint8Array): void {
    this.#pieces.push(Buffer.from(data));
    this.#held += data.length;
    if (this.#held < this.#needed) return;
    const whole = Buffer.concat(this.#pieces);
    let at = 0;
    try {
      for (let end = this.#endOf(whole, at); end <= whole.length; end = this.#endOf(whole, at)) {
        const start = at;
        at = end;
        if (whole[start] === nul) this.#bytes(whole.subarray(start + headBytes, end));
        else this.#document(whole.toString("utf8", start, end));
      }
    } finally {
      // What was told is not told again, also where that threw.
      this.#needed = this.#endOf(whole, at) - at;
      this.#pieces = [whole.subarray(at)];
      this.#held = whole.length - at;
    }
  }

  /** Where what begins at `at` ends; where it is not known, at the next byte. */
  #endOf(whole: Buffer, at: number): number {
    const more = whole.length + 1;
    if (at === whole.length) return more;
    if (whole[at] !== nul) {
      const end = whole.indexOf(lineFeed, at);
      return end === -1 ? more : end + 1;
    }
    return whole.length - at < headBytes ? more : at + headBytes + whole.readUInt32LE(at + 1);
  }
}
