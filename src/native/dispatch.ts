/**
 * Answers the requests of a batch, called natively once for each: runs their chains and leaves the
 * answers in the view. What is not settled when the dispatch ends is held and answered late.
 * Nothing here throws: native frames are below.
 */

import { bodyOf, isPlain, PreparedAnswer } from "../answer.ts";
import { type Field, hasField, headLines, mergeFields } from "../answer-fields.ts";
import { failed, finish, type Scope } from "../compose.ts";
import { type ProblemCode, problemBody, problems } from "../errors.ts";
import type { Program } from "../program.ts";
import { isStreamSource, joined, type Piece, type StreamSource, wrongLength } from "../stream.ts";
import { Upgrade } from "../websocket/upgrade.ts";
import { kind, request, special, view } from "./abi.ts";
import { AnswerStream, cancel } from "./answer-stream.ts";
import { AnswerWriter, type Body, headOf } from "./answer-writer.ts";
import type { Dispatcher, NativeServer } from "./contract.ts";
import { Exchange } from "./exchange.ts";
import { FilePlan } from "./files.ts";
import { NativeContext } from "./native-context.ts";
import type { Streams } from "./streams.ts";
import { changeProtocol } from "./upgrade.ts";

const requestsStart = view.requests >>> 2;

export function createDispatcher(native: NativeServer, program: Program): Dispatcher {
  return new BatchDispatcher(native, program);
}

class BatchDispatcher implements Dispatcher {
  readonly #native: NativeServer;
  readonly #program: Program;
  readonly #exchange: Exchange;
  readonly #writer: AnswerWriter;
  readonly #streams: Streams;
  readonly #words: Uint32Array;

  constructor(native: NativeServer, program: Program) {
    this.#native = native;
    this.#program = program;
    this.#streams = native.streams;
    native.websockets.renew(program.websockets);
    this.#writer = new AnswerWriter(native, this.#streams);
    this.#exchange = new Exchange(native, program.router.methods, this.#streams, this.#writer);
    this.#words = native.view;
  }

  dispatch(count: number): void {
    this.#streams.dispatching = true;
    this.#writer.begin();
    for (let index = 0; index < count; index++) {
      try {
        this.#answer(index);
      } catch (error) {
        // Ours, not the handler's; native code answers what is left with 500.
        console.error(error);
      }
    }
  }

  returned(): void {
    this.#streams.dispatching = false;
  }

  afterTurn(): void {
    this.#writer.reset();
    this.#streams.afterTurn();
  }

  #answer(index: number): void {
    const words = this.#words;
    const base = requestsStart + index * request.words;
    const handler = words[base + request.handler]!;
    if (handler === special.websocket) {
      this.#native.websockets.message(index);
      return;
    }
    const target = this.#program.target(handler);
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
        this.#writeAnswer(ctx, value, scope);
      } else if (value instanceof Promise) {
        this.#settlePromise(ctx, value, scope);
      } else {
        const answer = finish(ctx, value, scope);
        if (answer instanceof Promise) this.#settlePromise(ctx, answer, scope);
        else this.#writeAnswer(ctx, answer, scope);
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
      else this.#writeAnswer(ctx, answer, scope);
    } catch (second) {
      console.error(second);
      if (!ctx.answered) this.#writeProblem(ctx, "internal_error");
    }
  }

  #writeProblem(ctx: NativeContext, code: ProblemCode): void {
    const [status] = problems[code];
    this.#write(ctx, status, kind.problem, undefined, problemBody(status, code));
  }

  #writeAnswer(ctx: NativeContext, answer: PreparedAnswer, scope: Scope): void {
    const { body: given } = answer;
    if (given instanceof FilePlan) {
      const lines = headLines(mergeFields(ctx.draftFields, answer.fields));
      this.#writer.placeFile(ctx, headOf(ctx, answer.statusOver(ctx), kind.none), lines, given);
      return;
    }
    if (isStreamSource(given)) {
      this.#stream(ctx, answer, given, scope);
      return;
    }
    if (given instanceof Upgrade && answer.statusOver(ctx) === 101) {
      const ends = {
        refused: (code: ProblemCode) => this.#writeProblem(ctx, code),
        failed: (error: unknown) => this.#fail(ctx, error, scope),
      };
      changeProtocol(ctx, answer, given, this.#native, this.#writer, ends);
      return;
    }
    if (ctx.slot < 0 && !ctx.closing && answer.isUntouched(ctx)) {
      this.#writer.placeNative(ctx);
      return;
    }
    const fields = mergeFields(ctx.draftFields, answer.fields);
    const body = bodyOf(answer.kind, given);
    this.#write(ctx, answer.statusOver(ctx), answer.kind, fields, body);
  }

  /** Sends a body that comes in pieces, or what it turned out to be before its head was sent. */
  #stream(ctx: NativeContext, answer: PreparedAnswer, source: StreamSource, scope: Scope): void {
    const status = answer.statusOver(ctx);
    if (!this.#writer.hold(ctx)) {
      cancel(source);
      this.#writeProblem(ctx, "overloaded");
      return;
    }
    const bodiless = ctx.method === "HEAD" || status === 204 || status === 205 || status === 304;
    if (bodiless) {
      cancel(source);
      // While a dispatch runs there may be no room for it.
      const send = () => this.#headAlone(ctx, answer, scope);
      if (this.#streams.dispatching) this.#streams.atTurnEnd(send);
      else send();
      return;
    }
    const stream = new AnswerStream(this.#streams, ctx, source, {
      typed: () => hasField(mergeFields(ctx.draftFields, answer.fields), "content-type"),
      whole: (pieces) => this.#whole(ctx, answer, pieces, scope),
      failed: (error) => this.#fail(ctx, error, scope),
      head: (first) => this.#writer.placeHead(ctx, answer, first),
    });
    ctx.listen(stream);
    stream.start();
  }

  /** A stream that was complete within its turn. */
  #whole(ctx: NativeContext, answer: PreparedAnswer, pieces: readonly Piece[], scope: Scope): void {
    const body = joined(pieces);
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    if (answer.length !== undefined && answer.length !== length) {
      this.#fail(ctx, wrongLength(answer.length, length), scope);
      return;
    }
    try {
      const fields = mergeFields(ctx.draftFields, answer.fields);
      const kindOfBody = answer.kindOfStream(pieces[0]);
      this.#write(ctx, answer.statusOver(ctx), kindOfBody, fields, body);
    } catch (error) {
      this.#fail(ctx, error, scope);
    }
  }

  #headAlone(ctx: NativeContext, answer: PreparedAnswer, scope: Scope): void {
    try {
      this.#writer.placeHead(ctx, answer, undefined);
      ctx.finish();
      this.#streams.wake();
    } catch (error) {
      this.#fail(ctx, error, scope);
    }
  }

  #write(
    ctx: NativeContext,
    status: number,
    kindOfBody: number,
    fields: readonly Field[] | undefined,
    body: Body,
  ): void {
    const lines = headLines(fields);
    this.#writer.place(ctx, headOf(ctx, status, kindOfBody), lines, body);
  }
}

function ignore(): void {
  // Whoever reads a rejection by `Bun.peek` has handled it.
}
