/**
 * Answers the requests of a batch, called natively once for each: runs their chains and leaves the
 * answers in the view. What is not settled when the dispatch ends is held and answered late.
 * Nothing here throws: native frames are below.
 */

import { bodyOf, PreparedAnswer } from "../answer.ts";
import { type Field, fieldLines, mergeFields } from "../answer-fields.ts";
import { failed, finish, type Scope } from "../compose.ts";
import { ChopinError, type ProblemCode, problemBody, problems } from "../errors.ts";
import type { Program } from "../program.ts";
import { answerFlag, kind, request, view } from "./abi.ts";
import { AnswerWriter, type Body } from "./answer-writer.ts";
import type { Dispatcher, NativeServer } from "./contract.ts";
import { Exchange, NativeContext } from "./exchange.ts";

const requestsStart = view.requests >>> 2;

/** The head of one answer; what clients and proxies accept ends far below. */
const fieldsBytesMax = 64 * 1024;

export function createDispatcher(native: NativeServer, program: Program): Dispatcher {
  return new BatchDispatcher(native, program);
}

class BatchDispatcher implements Dispatcher {
  readonly #program: Program;
  readonly #exchange: Exchange;
  readonly #writer: AnswerWriter;
  readonly #words: Uint32Array;

  constructor(native: NativeServer, program: Program) {
    this.#program = program;
    this.#exchange = new Exchange(native, program.router.methods);
    this.#writer = new AnswerWriter(native);
    this.#words = native.view;
  }

  dispatch(count: number): void {
    this.#writer.begin();
    for (let index = 0; index < count; index++) {
      try {
        this.#answer(index);
      } catch (error) {
        // Ours, not the handler's; native code answers what is left with 500.
        console.error(error);
      }
    }
    this.#writer.end();
  }

  resetArena(): void {
    this.#writer.reset();
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
    } else if (this.#writer.hold(ctx)) {
      promise.then(
        (value) => this.#settle(ctx, value, scope),
        (error: unknown) => this.#fail(ctx, error, scope),
      );
    } else {
      promise.catch(ignore);
      this.#writeProblem(ctx, "overloaded");
    }
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
      this.#writer.placeNative(ctx);
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
    this.#writer.place(ctx, ctx.closing ? head | answerFlag.close : head, lines, body);
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
