/** Content codings: which one a client wants, and the compressors. */
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  type InputType,
} from "node:zlib";

/** Codings that every browser in use reads, and one (zstd) that most do. */
export type CodingName = "zstd" | "br" | "gzip";

type Bytes = Uint8Array<ArrayBuffer>;

/** A compressor for a body that comes in pieces; `flush` takes the kind that goes with it. */
export type StreamCoder = ReturnType<typeof createGzip>;

interface Coding {
  /** On this thread. */
  readonly now: (bytes: Bytes) => Bytes;
  /** On another thread. */
  readonly later: (bytes: Bytes) => Promise<Bytes>;
  /** Piece by piece, on another thread. */
  readonly stream: () => StreamCoder;
  /** What makes a coder give out all that it was given. */
  readonly flush: number;
}

// 64 KiB of JSON, in ms: zstd 3 0.24, gzip 6 0.9, br 4 1.7; sizes within 8%. Higher levels cost
// several times as much for a few percent, which is for files that are compressed once.
const zstdLevel = 3;
const gzipLevel = 6;
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

// Streams are many at a time and live long: 256 KiB to look back instead of 2 or 4 MiB keep each at
// about 1 MiB, for a percent or two of size.
const streamWindowLog = 18;
const streamBrotliParams = {
  ...brotliOptions.params,
  [constants.BROTLI_PARAM_LGWIN]: streamWindowLog,
};
const streamZstdParams = {
  [constants.ZSTD_c_compressionLevel]: zstdLevel,
  [constants.ZSTD_c_windowLog]: streamWindowLog,
};

const gzipLater = promisify<InputType, { level: number }, Buffer<ArrayBuffer>>(gzip);
const brotliLater = promisify<InputType, typeof brotliOptions, Buffer<ArrayBuffer>>(brotliCompress);

export const codings: Readonly<Record<CodingName, Coding>> = {
  zstd: {
    now: (bytes) => Bun.zstdCompressSync(bytes, { level: zstdLevel }) as Bytes,
    later: async (bytes) => (await Bun.zstdCompress(bytes, { level: zstdLevel })) as Bytes,
    stream: () => createZstdCompress({ params: streamZstdParams }),
    flush: constants.ZSTD_e_flush,
  },
  br: {
    now: (bytes) => brotliCompressSync(bytes, brotliOptions) as Bytes,
    later: (bytes) => brotliLater(bytes, brotliOptions),
    stream: () => createBrotliCompress({ params: streamBrotliParams }),
    flush: constants.BROTLI_OPERATION_FLUSH,
  },
  gzip: {
    now: (bytes) => Bun.gzipSync(bytes, { level: gzipLevel }),
    later: (bytes) => gzipLater(bytes, { level: gzipLevel }),
    stream: () => createGzip({ level: gzipLevel }),
    flush: constants.Z_SYNC_FLUSH,
  },
};

/**
 * The coding that Accept-Encoding likes best (RFC 9110 12.5.3); among those that it likes the same,
 * the first of `names`. Undefined: send the body as it is.
 */
export function negotiate(
  accepted: string | undefined,
  names: readonly CodingName[],
): CodingName | undefined {
  if (accepted === undefined) return undefined;
  const qualities = parseQualities(accepted);
  const others = qualities.get("*") ?? 0;
  // Who does not name identity takes it, but rather what was named.
  const identity = qualities.get("identity") ?? 0;
  let best: CodingName | undefined;
  let bestQuality = 0;
  for (const name of names) {
    const quality = qualities.get(name) ?? others;
    if (quality > bestQuality) {
      best = name;
      bestQuality = quality;
    }
  }
  return bestQuality >= identity ? best : undefined;
}

/** Names in lower case and their weights; a malformed weight counts as 0. */
function parseQualities(accepted: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const item of accepted.toLowerCase().split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim());
    if (name === "") continue;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined ? 1 : parseWeight(weight.slice(2));
    qualities.set(name === "x-gzip" ? "gzip" : name, quality);
  }
  return qualities;
}

/** RFC 9110 12.4.2. */
function parseWeight(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
