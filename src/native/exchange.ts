/**
 * Requests as they lie in the view. A context reads a record and its bytes only when it is asked:
 * during a dispatch in place, later from the stage, where the native side puts a held request's
 * bytes.
 */
import type { Pointer } from "bun:ffi";
import { ChopinError, ContextUsedAfterAnswer, problem } from "../errors.ts";
import { bodyIsStreamed, wholeBody } from "../request-body.ts";
import { type CaptureNames, RequestContext } from "../request-context.ts";
import { clientLeft } from "../stream.ts";
import type { ProxyTrust } from "../trust-proxy.ts";
import { control, flag, limits, methodId, notice, request, view } from "./abi.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import { BodySource } from "./body-source.ts";
import type { NativeServer } from "./contract.ts";
import type { Listener, Streams } from "./streams.ts";
import {
  chopin_name_intern,
  chopin_request_address,
  chopin_request_body,
  chopin_request_header,
  chopin_request_stage,
} from "./symbols.ts";

const requestsStart = view.requests >>> 2;
const result = control.result;

/** Names that the library keeps numbers for; others are looked for in JavaScript. */
const internedMax = 256;
const notInterned = -1;

/** The memory that all contexts of one server read, and which of them is staged. */
export class Exchange {
  readonly handle: Pointer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /** Tokens by method id. */
  readonly methods: readonly (string | undefined)[];
  readonly trust: ProxyTrust | undefined;
  readonly streams: Streams;
  readonly writer: AnswerWriter;
  #staged: NativeContext | undefined;
  /** What the view counted when it was. */
  #stagedNumber = 0;
  readonly #names = new Map<string, number>();

  constructor(
    native: NativeServer,
    methods: readonly (string | undefined)[],
    streams: Streams,
    writer: AnswerWriter,
  ) {
    this.streams = streams;
    this.writer = writer;
    this.handle = native.handle;
    this.words = native.view;
    this.bytes = native.bytes;
    this.methods = methods;
    this.trust = native.trust;
  }

  /** Puts a held request's record at index `batchMax`, unless it lies there already. */
  stage(context: NativeContext, slot: number, generation: number): void {
    const { words } = this;
    if (this.#staged === context && this.#stagedNumber === words[control.staged]) return;
    const code = chopin_request_stage(this.handle, slot, generation);
    if (code < 0) {
      throw new ChopinError("native_failure", `A waiting request was lost (code ${code}).`);
    }
    this.#staged = context;
    // Another exchange, of the generation before `bun --hot`, may stage in the same place.
    this.#stagedNumber = words[control.staged]! + 1;
    words[control.staged] = this.#stagedNumber;
  }

  /**
   * The number of a lower-case field name, or `notInterned` when the library has no room for it.
   */
  nameId(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= internedMax) return notInterned;
    const text = Buffer.from(name, "latin1");
    const id = chopin_name_intern(this.handle, text, text.length);
    if (id < 0) return notInterned;
    this.#names.set(name, id);
    return id;
  }
}

/** The context of one request that came through a socket. */
export class NativeContext extends RequestContext {
  /** Index in the batch. */
  readonly index: number;
  /** -1 while the dispatch of its batch runs; then the slot that holds its bytes. */
  slot: number;
  generation: number;
  readonly #exchange: Exchange;
  readonly #captures: CaptureNames;
  /** Who hears of this request while it is held. */
  #listeners: Listener[] | undefined;
  #aborter: AbortController | undefined;
  #source: BodySource | undefined;
  /** The client has left. */
  #gone: boolean;

  constructor(exchange: Exchange, captures: CaptureNames, index: number) {
    super();
    this.index = index;
    this.slot = -1;
    this.generation = 0;
    this.#exchange = exchange;
    this.#captures = captures;
    this.#listeners = undefined;
    this.#aborter = undefined;
    this.#source = undefined;
    this.#gone = false;
  }

  /** Lets somebody hear of this request, now if it is held and otherwise when it will be. */
  listen(listener: Listener): void {
    const { streams } = this.#exchange;
    if (this.#listeners === undefined) {
      this.#listeners = [];
      if (this.slot >= 0) streams.listen(this);
    }
    this.#listeners.push(listener);
    if (this.slot < 0) return;
    // Who left before somebody listened was not told of.
    if (streams.dispatching) streams.atTurnEnd(() => this.#lookForClient());
    else this.#lookForClient();
  }

  #lookForClient(): void {
    if (!this.answered && this.#exchange.streams.left(this)) this.notice(notice.gone);
  }

  /** Its bytes were given a slot. */
  held(slot: number, generation: number): void {
    this.slot = slot;
    this.generation = generation;
    if (this.#listeners !== undefined) this.#exchange.streams.listen(this);
  }

  /** The answer is complete. */
  finish(): void {
    this.answered = true;
    this.release();
    if (this.#listeners === undefined) return;
    this.#exchange.streams.forget(this);
    // Who waits for more of the body waits in vain.
    for (const listener of this.#listeners) listener.notice(notice.readable);
  }

  /** The head of a streamed answer goes out now. */
  beforeHead(): void {
    this.#source?.goOn();
  }

  /** `bits` of `abi.notice`. */
  notice(bits: number): void {
    if ((bits & notice.gone) !== 0) this.#abort();
    for (const listener of this.#listeners ?? []) listener.notice(bits);
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#gone) this.#abort();
      else if (!this.answered) this.listen({ notice: ignore });
    }
    return this.#aborter.signal;
  }

  #abort(): void {
    this.#gone = true;
    this.#aborter?.abort(clientLeft());
  }

  get method(): string {
    const id = this.#exchange.words[this.#base() + request.methodFlags]! & 0xff;
    if (id === methodId.other) return this.#head().slice(0, this.#head().indexOf(" "));
    return this.#exchange.methods[id] ?? "";
  }

  get path(): string {
    const base = this.#base();
    if (!this.#escaped(base)) return this.#latin1(base + request.path);
    return this.#utf8(base + request.path)
      .replaceAll("%", "%25")
      .replaceAll("\0", "%2F");
  }

  get socketIp(): string {
    this.#base();
    const { handle, words, bytes } = this.#exchange;
    const length = chopin_request_address(handle, this.#record());
    if (length <= 0) return "";
    const start = words[result]!;
    return bytes.latin1Slice(start, start + length);
  }

  protected get ownHost(): string {
    return this.#latin1(this.#base() + request.authority);
  }

  protected get trust(): ProxyTrust | undefined {
    return this.#exchange.trust;
  }

  protected get ownSecure(): boolean {
    return (this.#exchange.words[this.#base() + request.methodFlags]! & flag.secure) !== 0;
  }

  get allow(): string {
    return this.#latin1(this.#base() + request.params);
  }

  fieldValue(name: string, nth: number): string | undefined {
    this.#base();
    const exchange = this.#exchange;
    const id = exchange.nameId(name);
    if (id === notInterned) {
      return this.fieldLines().filter(([key]) => key === name)[nth]?.[1];
    }
    if (chopin_request_header(exchange.handle, this.#record(), id, nth) !== 1) return undefined;
    const start = exchange.words[result]!;
    return exchange.bytes.latin1Slice(start, start + exchange.words[result + 1]!);
  }

  fieldLines(): readonly (readonly [name: string, value: string])[] {
    const lines: [name: string, value: string][] = [];
    for (const line of this.#head().split("\r\n").slice(1)) {
      const colon = line.indexOf(":");
      if (colon === -1) break;
      lines.push([line.slice(0, colon).toLowerCase(), trimField(line.slice(colon + 1))]);
    }
    return lines;
  }

  protected get target(): string {
    return this.#latin1(this.#base() + request.target);
  }

  protected get search(): string {
    return this.#latin1(this.#base() + request.query);
  }

  protected get captures(): CaptureNames {
    return this.#captures;
  }

  protected capture(index: number, slash: string): string | undefined {
    const base = this.#base();
    const at = base + request.params + 2 * index;
    if (this.#exchange.words[at] === 0) return undefined;
    return this.#escaped(base) ? this.#utf8(at).replaceAll("\0", slash) : this.#latin1(at);
  }

  protected bodyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (!this.#streamed(this.#base())) return wholeBody(this.bodyBytes());
    if (!this.#exchange.writer.hold(this)) throw problem("overloaded");
    this.#source = new BodySource(this.#exchange.streams, this);
    this.listen(this.#source);
    return this.#source.stream;
  }

  protected bodyText(): string {
    const base = this.#base();
    if (this.#streamed(base)) throw bodyIsStreamed();
    if (!this.#outside(base)) return this.#utf8(base + request.body);
    const copy = this.#outsideBody(base);
    return Buffer.from(copy.buffer, 0, copy.length).utf8Slice(0, copy.length);
  }

  protected bodyBytes(): Uint8Array<ArrayBuffer> {
    const base = this.#base();
    if (this.#streamed(base)) throw bodyIsStreamed();
    if (this.#outside(base)) return this.#outsideBody(base);
    const { words, bytes } = this.#exchange;
    const start = words[base + request.body]!;
    const copy = new Uint8Array(words[base + request.bodyLength]!);
    copy.set(bytes.subarray(start, start + copy.length));
    return copy;
  }

  /** Index of the record's first word; stages it first when the request is held. */
  #base(): number {
    if (this.answered) throw new ContextUsedAfterAnswer();
    if (this.slot < 0) return requestsStart + this.index * request.words;
    this.#exchange.stage(this, this.slot, this.generation);
    return requestsStart + limits.batchMax * request.words;
  }

  #record(): number {
    return this.slot < 0 ? this.index : limits.batchMax;
  }

  #escaped(base: number): boolean {
    return (this.#exchange.words[base + request.methodFlags]! & flag.escaped) !== 0;
  }

  #streamed(base: number): boolean {
    return (this.#exchange.words[base + request.methodFlags]! & flag.bodyStreamed) !== 0;
  }

  #outside(base: number): boolean {
    return (this.#exchange.words[base + request.methodFlags]! & flag.bodyOutside) !== 0;
  }

  #head(): string {
    return this.#latin1(this.#base() + request.head);
  }

  /** The text of a span, given the word of its offset. */
  #latin1(at: number): string {
    const { words, bytes } = this.#exchange;
    const start = words[at]!;
    return bytes.latin1Slice(start, start + words[at + 1]!);
  }

  #utf8(at: number): string {
    const { words, bytes } = this.#exchange;
    const start = words[at]!;
    return bytes.utf8Slice(start, start + words[at + 1]!);
  }

  #outsideBody(base: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.#exchange.words[base + request.bodyLength]!);
    const code = chopin_request_body(this.#exchange.handle, this.#record(), copy, copy.length);
    if (code < 0) {
      throw new ChopinError("native_failure", `A request's body was lost (code ${code}).`);
    }
    return copy;
  }
}

function ignore(): void {
  // The context itself hears of what the listener is there for.
}

/** Without the white space around it (RFC 9110 5.5). */
function trimField(value: string): string {
  return value.replace(/^[\t ]+|[\t ]+$/g, "");
}
