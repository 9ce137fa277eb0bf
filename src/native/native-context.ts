/**
 * The context of a request that came through a socket. Members read the record and the bytes that
 * `exchange.ts` shows, in place during the dispatch and from the stage later.
 */
import { ChopinError, ContextUsedAfterAnswer, problem } from "../errors.ts";
import { bodyIsStreamed, wholeBody } from "../request-body.ts";
import type { CaptureNames } from "../request-context.ts";
import type { ProxyTrust } from "../trust-proxy.ts";
import { control, flag, limits, methodId, request, view } from "./abi.ts";
import { BodySource } from "./body-source.ts";
import { type Exchange, notInterned } from "./exchange.ts";
import { HeldContext } from "./held-context.ts";
import { chopin_request_address, chopin_request_body, chopin_request_header } from "./symbols.ts";

const requestsStart = view.requests >>> 2;
const result = control.result;
const notUpgradable = flag.http10 | flag.hasBody;

/** The context of one request that came through a socket. */
export class NativeContext extends HeldContext {
  readonly #exchange: Exchange;
  readonly #captures: CaptureNames;
  #source: BodySource | undefined;

  constructor(exchange: Exchange, captures: CaptureNames, index: number) {
    super(exchange.streams, index);
    this.#exchange = exchange;
    this.#captures = captures;
    this.#source = undefined;
  }

  /** The head of a streamed answer goes out now. */
  beforeHead(): void {
    this.#source?.goOn();
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

  get hasSocket(): boolean {
    return true;
  }

  get upgradable(): boolean {
    return (this.#exchange.words[this.#base() + request.methodFlags]! & notUpgradable) === 0;
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

/** Without the white space around it (RFC 9110 5.5). */
function trimField(value: string): string {
  return value.replace(/^[\t ]+|[\t ]+$/g, "");
}
