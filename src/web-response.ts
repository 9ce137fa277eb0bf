/** Reads what a handler returned as a Web `Response`. Called by `response.ts`. */
import { checkStatus, PreparedAnswer } from "./answer.ts";
import { type Field, hasField, isReserved, setField } from "./answer-fields.ts";
import { ChopinError } from "./errors.ts";
import { kind } from "./native/abi.ts";
import { bytesOfPiece, type Piece, type PieceReader, type StreamSource } from "./stream.ts";

/**
 * Bytes of one `Response` that are taken out of memory before its head is sent. What lies in memory
 * already comes without waiting, and is sent with its length.
 */
const readyBytesMax = 64 * 1024 * 1024;
/** The same for what takes a moment: a stream that ends soon is sent whole. */
const awaitedBytesMax = 64 * 1024;
/** How many microtasks a piece may take that counts as ready. */
const ticksMax = 3;

/**
 * The answer that a `Response` stands for. What it has in memory is taken whole; a stream that goes
 * on is left as one.
 *
 * @throws ChopinError `invalid_answer` when its body was read before.
 */
export function prepareResponse(
  response: Response,
  drafted: number,
): PreparedAnswer | Promise<PreparedAnswer> {
  if (response.bodyUsed) {
    throw new ChopinError("invalid_answer", "The body of this Response was read before.");
  }
  // 200 is what a Response has when nobody said anything, so the context's status goes before it.
  const status = response.status === 200 && drafted !== 0 ? drafted : checkStatus(response.status);
  // Before the body is touched: Bun forgets the type of a blob then.
  const fields = fieldsOf(response);
  const body = response.body;
  if (body === null) return new PreparedAnswer(kind.none, null, status, fields);
  const promised = response.headers.get("content-length");
  return gather(body.getReader() as PieceReader).then((gathered) => {
    if (!(gathered instanceof Uint8Array)) {
      const answer = new PreparedAnswer(kind.none, gathered, status, fields);
      answer.length = promised === null ? undefined : checkLength(Number(promised));
      return answer;
    }
    // Without a Content-Type nobody can say any more whether it was text: valid UTF-8 is taken
    // as such.
    const named = hasField(fields, "content-type");
    const kindOfBody = named ? kind.none : isText(gathered) ? kind.text : kind.bytes;
    return new PreparedAnswer(kindOfBody, gathered, status, fields);
  });
}

/** The fields of a `Response` but for those that belong to the connection it came from. */
function fieldsOf(response: Response): Field[] | undefined {
  let fields: Field[] | undefined;
  for (const [name, value] of response.headers) {
    if (!isReserved(name)) fields = setField(fields, name, value, name === "set-cookie");
  }
  return fields;
}

/**
 * Reads what is there. What ends by that was in memory; of what goes on, the pieces that were read
 * come first again.
 */
async function gather(reader: PieceReader): Promise<Uint8Array<ArrayBuffer> | StreamSource> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  let most = readyBytesMax;
  while (total < most) {
    const read = reader.read();
    for (let tick = 0; tick < ticksMax && Bun.peek.status(read) === "pending"; tick++) {
      most = awaitedBytesMax;
      await null;
    }
    if (Bun.peek.status(read) === "pending") return resumed(pieces, read, reader);
    const { done, value } = await read;
    if (done || value === undefined) return Buffer.concat(pieces);
    const piece = bytesOfPiece(value);
    pieces.push(piece);
    total += piece.length;
  }
  return resumed(pieces, reader.read(), reader);
}

/** A stream of which the first pieces were read, and another read is under way. */
function resumed(
  pieces: readonly Piece[],
  read: ReturnType<PieceReader["read"]>,
  reader: PieceReader,
): StreamSource {
  // Whoever takes the pieces sees its failure; it may also be dropped before.
  read.catch(ignore);
  let at = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<Piece, undefined>> {
        if (at < pieces.length) return { done: false, value: pieces[at++]! };
        const result = at === pieces.length ? read : reader.read();
        at = pieces.length + 1;
        const { done, value } = await result;
        if (done || value === undefined) return { done: true, value: undefined };
        return { done: false, value };
      },
      async return(): Promise<IteratorResult<Piece, undefined>> {
        await reader.cancel();
        return { done: true, value: undefined };
      },
    }),
  };
}

function ignore(): void {
  // See where it is used.
}

function isText(bytesOfBody: Uint8Array): boolean {
  try {
    strict.decode(bytesOfBody);
    return true;
  } catch {
    return false;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true });

/** @throws ChopinError `invalid_answer` for what is no number of bytes. */
export function checkLength(length: number | undefined): number | undefined {
  if (length === undefined || (Number.isSafeInteger(length) && length >= 0)) return length;
  throw new ChopinError(
    "invalid_answer",
    `The length of a stream is a number of bytes: ${length}.`,
  );
}
