/**
 * Streamed answers without a socket, as `native/answer-stream.ts` sends them on one: what is
 * complete within a turn of the event loop is an ordinary answer, and what failed by then an
 * ordinary error. Called by `fetch.ts`.
 */

import {
  bytesOfPiece,
  endPieces,
  gatheredBytesMax,
  joined,
  type Piece,
  type Pieces,
  readable,
  tooLong,
  tooShort,
} from "./stream.ts";
import type { WebContext } from "./web-context.ts";

interface Gathered {
  readonly gathered: readonly Piece[];
  /** All bytes, when there are no more. */
  readonly whole: Uint8Array<ArrayBuffer> | undefined;
  /** What was gathered, and what follows. */
  readonly rest: Pieces;
}

type Step = IteratorResult<Piece, unknown>;

/**
 * The pieces that come before the event loop has gone round, and at least one unless it is `typed`.
 * Rejects with what the producer throws meanwhile, or when it had another `length`.
 */
export async function gatherTurn(
  pieces: Pieces,
  length: number | undefined,
  typed: () => boolean,
): Promise<Gathered> {
  const gathered: Piece[] = [];
  let over = false;
  const turn = new Promise<undefined>((resolve) => {
    setImmediate(() => {
      over = true;
      resolve(undefined);
    });
  });
  let size = 0;
  let step: Step | Promise<Step> | undefined;
  while (size < gatheredBytesMax && !(over && gathered.length > 0)) {
    step = pieces.next();
    const waits = gathered.length > 0 || typed();
    const result = await (waits ? Promise.race([step, turn]) : step);
    if (result === undefined) break;
    step = undefined;
    if (result.done) {
      const body = joined(gathered);
      const whole = typeof body === "string" ? Buffer.from(body) : body;
      checkLength(whole.length, length, true);
      return { gathered, whole, rest: pieces };
    }
    const bytes = typeof result.value === "string" ? undefined : bytesOfPiece(result.value);
    // A producer that goes on may fill the same memory again.
    const piece = bytes?.slice() ?? result.value;
    gathered.push(piece);
    size += piece.length;
  }
  return { gathered, whole: undefined, rest: counted(gathered, step, pieces, length) };
}

/** Gathered pieces, the one under way and those behind it; as many bytes as were promised. */
function counted(
  gathered: readonly Piece[],
  pending: Step | Promise<Step> | undefined,
  pieces: Pieces,
  length: number | undefined,
): Pieces {
  let at = 0;
  let total = 0;
  let ready = pending;
  return {
    async next() {
      if (at < gathered.length) {
        const bytes = bytesOfPiece(gathered[at++]!);
        total += bytes.length;
        return { done: false, value: bytes };
      }
      const step = ready ?? pieces.next();
      ready = undefined;
      const { done, value } = await step;
      const bytes = done ? undefined : bytesOfPiece(value);
      total += bytes?.length ?? 0;
      checkLength(total, length, bytes === undefined);
      return bytes === undefined ? { done: true, value: undefined } : { done: false, value: bytes };
    },
    return: () => endPieces(pieces),
  };
}

function checkLength(total: number, length: number | undefined, done: boolean): void {
  if (length === undefined) return;
  if (total > length) throw tooLong();
  if (done && total < length) throw tooShort();
}

/** The body of a Response; the context hears when its reader leaves. */
export function streamOf(pieces: Pieces, ctx: WebContext): ReadableStream<Uint8Array> {
  return readable({
    async next() {
      try {
        const step = await pieces.next();
        if (step.done) ctx.end();
        return step;
      } catch (error) {
        ctx.end();
        await endPieces(pieces).catch(ignore);
        throw error;
      }
    },
    async return() {
      ctx.leave();
      await endPieces(pieces);
      ctx.end();
    },
  });
}

function ignore(): void {
  // It failed already; that error is the one to be told.
}
