/**
 * Follows the frames of a zstd body (RFC 8878 3.1) without decoding them, to know whether it is
 * whole: Bun's decoder takes one that was cut off for one that has ended. Used by `inflate.ts`.
 */

const frameMagic = 0xfd2fb528;
/** The lowest four bits are the sender's to choose. */
const skippableMagic = 0x184d2a50;

const dictionaryIdBytes: readonly number[] = [0, 1, 2, 4];
const contentSizeBytes: readonly number[] = [0, 2, 4, 8];
const checksumBytes = 4;
const runLengthBlock = 1;

/** What comes next, by the bytes that it needs. */
const stages = { magic: 4, descriptor: 1, block: 3, skippable: 4 } as const;

export class ZstdFrames {
  #stage: keyof typeof stages = "magic";
  /** The number of the stage, little-endian, as far as it came. */
  #value = 0;
  #valueBytes = 0;
  /** Bytes of content that come before the next stage. */
  #skip = 0;
  #trailerBytes = 0;
  #frames = 0;
  #malformed = false;

  /** At least one frame came, and the last one is whole. */
  get complete(): boolean {
    const between = this.#stage === "magic" && this.#valueBytes === 0 && this.#skip === 0;
    return between && this.#frames > 0 && !this.#malformed;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#malformed; ) {
      if (this.#skip > 0) {
        const count = Math.min(this.#skip, chunk.length - at);
        this.#skip -= count;
        at += count;
        continue;
      }
      this.#value += chunk[at]! * 2 ** (8 * this.#valueBytes);
      this.#valueBytes += 1;
      at += 1;
      if (this.#valueBytes === stages[this.#stage]) this.#read();
    }
  }

  #read(): void {
    const value = this.#value;
    this.#value = 0;
    this.#valueBytes = 0;
    switch (this.#stage) {
      case "magic":
        if (value === frameMagic) this.#stage = "descriptor";
        else if (value - (value % 16) === skippableMagic) this.#stage = "skippable";
        else this.#malformed = true;
        break;
      case "descriptor":
        this.#descriptor(value);
        break;
      case "block":
        this.#block(value);
        break;
      case "skippable":
        this.#skip = value;
        this.#ended();
        break;
    }
  }

  #descriptor(value: number): void {
    const sizeFlag = value >>> 6;
    const singleSegment = (value & 0x20) !== 0;
    const windowBytes = singleSegment ? 0 : 1;
    const sizeBytes = singleSegment && sizeFlag === 0 ? 1 : contentSizeBytes[sizeFlag]!;
    this.#skip = windowBytes + dictionaryIdBytes[value & 3]! + sizeBytes;
    this.#trailerBytes = (value & 4) === 0 ? 0 : checksumBytes;
    this.#stage = "block";
  }

  #block(value: number): void {
    const isLast = (value & 1) !== 0;
    const type = (value >>> 1) & 3;
    this.#skip = type === runLengthBlock ? 1 : value >>> 3;
    if (!isLast) return;
    this.#skip += this.#trailerBytes;
    this.#ended();
  }

  #ended(): void {
    this.#frames += 1;
    this.#stage = "magic";
  }
}
