/**
 * Answers the requests of a batch, called natively once for each: runs their chains and leaves the answers
 * in the view. What is not settled when the dispatch ends is held and answered late. Nothing here throws:
 * native frames are below.
 */

import { bodyOf, PreparedAnswer } from "../answer.ts";
import { type Field, fieldLines, mergeFields } from "../answer-fields.ts";
import { failed, finish, type Scope } from "../compose.ts";
import { ChopinError, type ProblemCode, problemBody, problems } from "../errors.ts";
import type { Program } from "../program.ts";
import {
  answerFlag,
  code,
  control,
  kind,
  lateTarget,
  limits,
  request,
  response,
  state,
  view,
} from "./abi.ts";
import type { Dispatcher, NativeServer } from "./contract.ts";
import { Exchange, NativeContext } from "./exchange.ts";
import { chopin_answer_attach, chopin_answers_flush, chopin_request_hold } from "./symbols.ts";

const requestsStart = view.requests >>> 2;
const responsesStart = view.responses >>> 2;
const lateStart = view.late >>> 2;
const arenaStart = view.answerArena;
const arenaEnd = view.answerArena + limits.answerArenaBytes;

/** Bodies that may become larger than this as UTF-8 are handed over by themselves: the arena serves a
 *  whole batch. */
const inlineBytesMax = 64 * 1024;

/** The head of one answer; what clients and proxies accept ends far below. */
const fieldsBytesMax = 64 * 1024;

const encoder = new TextEncoder();

type Body = string | Uint8Array<ArrayBuffer>;

export function createDispatcher(native: NativeServer, program: Program): Dispatcher {
  return new BatchDispatcher(native, program);
}

class BatchDispatcher implements Dispatcher {
  readonly #native: NativeServer;
  readonly #program: Program;
  readonly #exchange: Exchange;
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  /** Next free byte of the answer arena. */
  #top = arenaStart;
  #dispatching = false;
  /** Answers that found no room while a dispatch ran; written when the arena is free again. */
  #postponed: (() => void)[] = [];

  constructor(native: NativeServer, program: Program) {
    this.#native = native;
    this.#program = program;
    this.#exchange = new Exchange(native, program.router.methods);
    this.#words = native.view;
    this.#bytes = native.bytes;
  }

  dispatch(count: number): void {
    this.#dispatching = true;
    for (let index = 0; index < count; index++) {
      try {
        this.#answer(index);
      } catch (error) {
        // Ours, not the handler's; native code answers what is left with 500.
        console.error(error);
      }
    }
    this.#dispatching = false;
  }

  resetArena(): void {
    // Late answers that came while the turn ran still lie there.
    if (this.#words[control.lateCount] === 0) this.#top = arenaStart;
    if (this.#postponed.length === 0) return;
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const write of postponed) write();
  }

  #answer(index: number): void {
    const words = this.#words;
    const base = requestsStart + index * request.words;
    const target = this.#program.target(words[base + request.handler]!);
    const ctx = new NativeContext(this.#exchange, target, index);
    const chain = target.chain(words[base + request.coverage]!);
    let value: unknown;
    try {
      value = chain.step(ctx);
    } catch (error) {
      value = failed(ctx, error, chain.scope);
    }
    this.#settle(ctx, value, chain.scope);
  }

  /** Writes what a chain gave, or waits for it. */
  #settle(ctx: NativeContext, value: unknown, scope: Scope): void {
    try {
      if (typeof value === "string") {
        this.#write(ctx, ctx.draftStatus || 200, kind.text, ctx.draftFields, value);
      } else if (isPlain(value)) {
        const text = JSON.stringify(value) ?? "null";
        this.#write(ctx, ctx.draftStatus || 200, kind.json, ctx.draftFields, text);
      } else if (value instanceof PreparedAnswer) {
        this.#writeAnswer(ctx, value);
      } else if (value instanceof Promise) {
        this.#settlePromise(ctx, value, scope);
      } else {
        const answer = finish(ctx, value, scope);
        if (answer instanceof Promise) this.#settlePromise(ctx, answer, scope);
        else this.#writeAnswer(ctx, answer);
      }
    } catch (error) {
      this.#fail(ctx, error, scope);
    }
  }

  #settlePromise(ctx: NativeContext, promise: Promise<unknown>, scope: Scope): void {
    const status = Bun.peek.status(promise);
    if (status === "fulfilled") {
      this.#settle(ctx, Bun.peek(promise), scope);
    } else if (status === "rejected") {
      promise.catch(ignore);
      this.#fail(ctx, Bun.peek(promise), scope);
    } else if (this.#hold(ctx)) {
      promise.then(
        (value) => this.#settle(ctx, value, scope),
        (error: unknown) => this.#fail(ctx, error, scope),
      );
    } else {
      promise.catch(ignore);
      this.#writeProblem(ctx, "overloaded");
    }
  }

  /** Keeps the request's bytes beyond this dispatch. False: too many wait already. */
  #hold(ctx: NativeContext): boolean {
    if (ctx.slot >= 0) return true;
    const slot = chopin_request_hold(this.#exchange.handle, ctx.index);
    if (slot < 0) return false;
    ctx.slot = slot;
    ctx.generation = this.#words[control.result]!;
    this.#words[responsesStart + ctx.index * response.words + response.state] = state.held;
    return true;
  }

  /** Answers for an error; when even that fails, with the least that can be said. */
  #fail(ctx: NativeContext, error: unknown, scope: Scope): void {
    if (ctx.answered) return;
    try {
      const answer = failed(ctx, error, scope);
      if (answer instanceof Promise) this.#settlePromise(ctx, answer, scope);
      else this.#writeAnswer(ctx, answer);
    } catch (second) {
      console.error(second);
      if (!ctx.answered) this.#writeProblem(ctx, "internal_error");
    }
  }

  #writeProblem(ctx: NativeContext, code: ProblemCode): void {
    const [status] = problems[code];
    this.#write(ctx, status, kind.problem, undefined, problemBody(status, code));
  }

  #writeAnswer(ctx: NativeContext, answer: PreparedAnswer): void {
    if (ctx.slot < 0 && !ctx.closing && answer.isUntouched(ctx)) {
      this.#words[responsesStart + ctx.index * response.words + response.state] = state.native;
      ctx.answered = true;
      return;
    }
    const fields = mergeFields(ctx.draftFields, answer.fields);
    const body = bodyOf(answer.kind, answer.body);
    this.#write(ctx, answer.statusOver(ctx), answer.kind, fields, body);
  }

  #write(
    ctx: NativeContext,
    status: number,
    kindOfBody: number,
    fields: readonly Field[] | undefined,
    body: Body,
  ): void {
    const lines = fields === undefined ? "" : fieldLines(fields);
    if (lines.length > fieldsBytesMax) {
      throw new ChopinError(
        "answer_too_large",
        `The fields of an answer exceed ${fieldsBytesMax} bytes.`,
      );
    }
    const head = status | (kindOfBody << 16);
    this.#place(ctx, ctx.closing ? head | answerFlag.close : head, lines, body);
  }

  /** Puts an answer into the batch's record, or into the next late one. */
  #place(ctx: NativeContext, head: number, lines: string, body: Body): void {
    const worst = typeof body === "string" ? body.length * 3 : body.length;
    let inline = worst <= inlineBytesMax;
    if (!this.#makeRoom(ctx, lines.length + (inline ? worst : 0))) {
      inline = false;
      if (!this.#makeRoom(ctx, lines.length)) {
        this.#postpone(ctx, head, lines, body);
        return;
      }
    }
    const flags = inline ? 0 : this.#attach(ctx, body);
    if (flags < 0) {
      this.#writeProblem(ctx, "out_of_memory");
      return;
    }
    const late = ctx.slot >= 0;
    const at = late ? this.#nextLate(ctx) : responsesStart + ctx.index * response.words;
    const words = this.#words;
    words[at + response.fields] = this.#top;
    words[at + response.fieldsLength] = lines.length;
    if (lines !== "") {
      this.#bytes.latin1Write(lines, this.#top, lines.length);
      this.#top += lines.length;
    }
    words[at + response.body] = this.#top;
    words[at + response.bodyLength] = inline ? this.#placeBody(body) : 0;
    words[at + response.statusKindFlags] = head | flags;
    words[at + response.state] = state.answered;
    ctx.answered = true;
    if (late && words[control.lateCount] === 1) this.#native.requestTurn();
  }

  /** Copies a body that surely fits into the arena. Its length in bytes. */
  #placeBody(body: Body): number {
    let length = body.length;
    if (length === 0) return 0;
    if (typeof body === "string") length = this.#bytes.utf8Write(body, this.#top, length * 3);
    else this.#bytes.set(body, this.#top);
    this.#top += length;
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
    const target = ctx.slot < 0 ? ctx.index : ctx.slot + lateTarget;
    const result = chopin_answer_attach(
      this.#exchange.handle,
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
    if (!ringFull && this.#top + needed <= arenaEnd) return true;
    if (this.#dispatching) return false;
    chopin_answers_flush(this.#exchange.handle);
    if (words[control.lateCount] !== 0) return false;
    this.#top = arenaStart;
    return true;
  }

  /** Writes an answer once the arena is free again. */
  #postpone(ctx: NativeContext, head: number, lines: string, body: Body): void {
    if (!this.#hold(ctx)) return;
    ctx.answered = true;
    this.#postponed.push(() => this.#place(ctx, head, lines, body));
  }
}

/** Plain objects and arrays, which are sent as JSON. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

function ignore(): void {
  // Whoever reads a rejection by `Bun.peek` has handled it.
}
