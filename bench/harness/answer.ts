/** Reads answers out of the bytes of a connection, for the checks in `verify.ts`. */

export interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  /** As it came, without what frames chunks. */
  readonly body: Buffer;
  /** Bytes of head and body as they travelled. */
  readonly bytes: number;
}

interface Framed {
  readonly body: Buffer;
  /** Where the answer ends. */
  readonly end: number;
}

/** RFC 9112 7.1; undefined while the last chunk is not there. */
function takeChunks(bytes: Buffer, from: number): Framed | undefined {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error("a chunk without a size");
    const data = lineEnd + 2;
    if (size === 0) {
      // Trailer fields end with an empty line; without any it follows at once.
      const trailerEnd = bytes.indexOf("\r\n\r\n", lineEnd);
      return trailerEnd < 0 ? undefined : { body: Buffer.concat(parts), end: trailerEnd + 4 };
    }
    if (bytes.length < data + size + 2) return undefined;
    parts.push(bytes.subarray(data, data + size));
    if (bytes.toString("latin1", data + size, data + size + 2) !== "\r\n") {
      throw new Error("a chunk that does not end where it says");
    }
    at = data + size + 2;
  }
}

function takeBody(bytes: Buffer, from: number, fields: Answer["fields"]): Framed | undefined {
  const length = fields.get("content-length");
  if (fields.get("transfer-encoding") === "chunked") {
    // RFC 9112 6.3: both together are an attack or a mistake.
    if (length !== undefined) throw new Error("an answer with chunks and a length");
    return takeChunks(bytes, from);
  }
  if (length === undefined) throw new Error("an answer without Content-Length or chunks");
  const end = from + Number(length);
  return bytes.length < end ? undefined : { body: bytes.subarray(from, end), end };
}

/**
 * The first answer in `bytes`, or undefined while it is not whole.
 *
 * @throws Error when nothing says where the answer ends
 */
export function takeAnswer(bytes: Buffer): { answer: Answer; rest: Buffer } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const framed = takeBody(bytes, headEnd + 4, fields);
  if (framed === undefined) return undefined;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const answer = { status, fields, body: Buffer.from(framed.body), bytes: framed.end };
  return { answer, rest: bytes.subarray(framed.end) };
}
