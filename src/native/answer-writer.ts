/**
 * Writes answers into the view: into the batch's records and the arena while a dispatch runs, into
 * the ring of late ones afterwards. Called by `dispatch.ts`.
 */
import type { PreparedAnswer } from "../answer.ts";
import { headLines, mergeFields } from "../answer-fields.ts";
import { ChopinError, problemBody, problems } from "../errors.ts";
import type { Piece } from "../stream.ts";
import {
  answerFlag,
  code,
  control,
  kind,
  lateTarget,
  limits,
  response,
  state,
  view,
} from "./abi.ts";
import type { NativeServer } from "./contract.ts";
import type { FilePlan } from "./files.ts";
import type { NativeContext } from "./native-context.ts";
import type { Streams } from "./streams.ts";
import {
  chopin_answer_attach,
  chopin_answer_file,
  chopin_answers_flush,
  chopin_request_hold,
} from "./symbols.ts";

const responsesStart = view.responses >>> 2;
const lateStart = view.late >>> 2;
const arenaStart = view.answerArena;
const arenaEnd = view.answerArena + limits.answerArenaBytes;

/**
 * Bodies that may become larger than this as UTF-8 are handed over by themselves: the arena serves
 * a whole batch.
 */
const inlineBytesMax = 64 * 1024;

const encoder = new TextEncoder();

/** Text that is sent as UTF-8, or bytes. */
export type Body = string | Uint8Array<ArrayBuffer>;

export class AnswerWriter {
  readonly #native: NativeServer;
  readonly #streams: Streams;
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  /** Answers that found no room while a dispatch ran; written when the arena is free again. */
  #postponed: (() => void)[] = [];

  constructor(native: NativeServer, streams: Streams) {
    this.#native = native;
    this.#streams = streams;
    this.#words = native.view;
    this.#bytes = native.bytes;
    this.#restart();
  }

  /** A dispatch begins: the answers of the one before it were taken. */
  begin(): void {
    this.#restart();
  }

  /** The last turn consumed the arena. */
  reset(): void {
    this.#restart();
    if (this.#postponed.length === 0) return;
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const write of postponed) write();
  }

  #restart(): void {
    // Late answers that came since still lie there.
    if (this.#words[control.lateCount] === 0) this.#words[control.answerTop] = arenaStart;
  }

  /** Keeps the request's bytes beyond this dispatch. False: too many wait already. */
  hold(ctx: NativeContext): boolean {
    if (ctx.slot >= 0) return true;
    const slot = chopin_request_hold(this.#native.handle, ctx.index);
    if (slot < 0) return false;
    ctx.held(slot, this.#words[control.result]!);
    this.#words[responsesStart + ctx.index * response.words + response.state] = state.held;
    return true;
  }

  /** Lets native code give its own answer. Only while the request's dispatch runs. */
  placeNative(ctx: NativeContext): void {
    this.#words[responsesStart + ctx.index * response.words + response.state] = state.native;
    ctx.finish();
  }

  /**
   * Puts an answer into the batch's record, or into the next late one. `head` is the word with
   * status, kind of body and flags; `lines` has one character for each byte.
   */
  place(ctx: NativeContext, head: number, lines: string, body: Body): void {
    const worst = typeof body === "string" ? body.length * 3 : body.length;
    let inline = worst <= inlineBytesMax;
    if (!this.#makeRoom(ctx, lines.length + (inline ? worst : 0))) {
      inline = false;
      if (!this.#makeRoom(ctx, lines.length)) {
        this.#postpone(ctx, () => this.place(ctx, head, lines, body));
        return;
      }
    }
    const flags = inline ? 0 : this.#attach(ctx, body);
    if (flags < 0) {
      const [status] = problems.out_of_memory;
      const text = problemBody(status, "out_of_memory");
      this.place(ctx, status | (kind.problem << 16), "", text);
      return;
    }
    const late = ctx.slot >= 0;
    const at = late ? this.#nextLate(ctx) : responsesStart + ctx.index * response.words;
    const words = this.#words;
    let top = words[control.answerTop]!;
    words[at + response.fields] = top;
    words[at + response.fieldsLength] = lines.length;
    if (lines !== "") top += this.#bytes.latin1Write(lines, top, lines.length);
    const length = inline ? this.#placeBody(body, top) : 0;
    words[at + response.body] = top;
    words[at + response.bodyLength] = length;
    words[control.answerTop] = top + length;
    words[at + response.statusKindFlags] = head | flags;
    words[at + response.state] = state.answered;
    ctx.finish();
    if (late && words[control.lateCount] === 1) this.#native.requestTurn();
  }

  /** Puts the answer of a file like `place`; its content is sent by the kernel. */
  placeFile(ctx: NativeContext, head: number, lines: string, plan: FilePlan): void {
    if (!this.#makeRoom(ctx, lines.length)) {
      this.#postpone(ctx, () => this.placeFile(ctx, head, lines, plan));
      return;
    }
    const target = ctx.slot < 0 ? ctx.index : ctx.slot + lateTarget;
    const given = plan.give((handle) =>
      chopin_answer_file(this.#native.handle, target, ctx.generation, handle),
    );
    // Refused: the client left, but the slot waits for its record.
    this.place(ctx, given ? head | answerFlag.file : head, lines, "");
  }

  /**
   * Puts the head of an answer that comes in pieces into the next late one; `first` is its first
   * piece.
   *
   * @throws ChopinError `native_failure` when there is no room before the next turn.
   */
  placeHead(ctx: NativeContext, answer: PreparedAnswer, first: Piece | undefined): void {
    ctx.beforeHead();
    const lines = headLines(mergeFields(ctx.draftFields, answer.fields));
    const head = headOf(ctx, answer.statusOver(ctx), answer.kindOfStream(first));
    const { length } = answer;
    if (!this.#makeRoom(ctx, lines.length)) {
      throw new ChopinError("native_failure", "There is no room for the head of a stream.");
    }
    const at = this.#nextLate(ctx);
    const words = this.#words;
    const top = words[control.answerTop]!;
    words[at + response.fields] = top;
    words[at + response.fieldsLength] = lines.length;
    if (lines !== "") this.#bytes.latin1Write(lines, top, lines.length);
    words[control.answerTop] = top + lines.length;
    const sized = length === undefined ? 0 : answerFlag.sized;
    words[at + response.length] = length ?? 0;
    words[at + response.length + 1] = Math.floor((length ?? 0) / 2 ** 32);
    words[at + response.statusKindFlags] = head | answerFlag.stream | sized;
    words[at + response.state] = state.answered;
    ctx.headSent = true;
  }

  /** Copies a body that surely fits into the arena. Its length in bytes. */
  #placeBody(body: Body, top: number): number {
    const { length } = body;
    if (length === 0) return 0;
    if (typeof body === "string") return this.#bytes.utf8Write(body, top, length * 3);
    this.#bytes.set(body, top);
    return length;
  }

  /** The next late record, with its slot filled in: index of its first word. */
  #nextLate(ctx: NativeContext): number {
    const words = this.#words;
    const count = words[control.lateCount]!;
    const at = lateStart + count * response.words;
    words[at + response.slot] = ctx.slot;
    words[at + response.generation] = ctx.generation;
    words[control.lateCount] = count + 1;
    return at;
  }

  /** Hands a body over to native memory. The flag for the record; negative without memory. */
  #attach(ctx: NativeContext, body: Body): number {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    if (bytes.length === 0) return 0;
    if (bytes.length > limits.answerBytesMax) return code.outOfMemory;
    const target = ctx.slot < 0 ? ctx.index : ctx.slot + lateTarget;
    const result = chopin_answer_attach(
      this.#native.handle,
      target,
      ctx.generation,
      bytes,
      bytes.length,
    );
    // The client left: there is nobody to send it to, but the slot waits for its record.
    if (result === code.staleHandle) return 0;
    return result < 0 ? result : answerFlag.attached;
  }

  /** Whether so many bytes, and a late record if that is what comes, can be written now. */
  #makeRoom(ctx: NativeContext, needed: number): boolean {
    const words = this.#words;
    const ringFull = ctx.slot >= 0 && words[control.lateCount] === limits.lateMax;
    if (!ringFull && words[control.answerTop]! + needed <= arenaEnd) return true;
    // While a dispatch runs nothing can be flushed: native code waits for its end.
    if (this.#streams.dispatching) return false;
    chopin_answers_flush(this.#native.handle);
    this.#restart();
    return words[control.lateCount] === 0;
  }

  /** Writes an answer once the arena is free again. */
  #postpone(ctx: NativeContext, write: () => void): void {
    if (!this.hold(ctx)) return;
    ctx.finish();
    this.#postponed.push(write);
  }
}

/** The word with status, kind of body and flags. */
export function headOf(ctx: NativeContext, status: number, kindOfBody: number): number {
  const head = status | (kindOfBody << 16);
  return ctx.closing ? head | answerFlag.close : head;
}
