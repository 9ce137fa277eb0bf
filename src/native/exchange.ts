/**
 * Requests as they lie in the view. A context reads a record and its bytes only when it is asked:
 * during a dispatch in place, later from the stage, where the native side puts a held request's
 * bytes.
 */
import type { Pointer } from "bun:ffi";
import { ChopinError } from "../errors.ts";
import type { ProxyTrust } from "../trust-proxy.ts";
import { control } from "./abi.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import type { NativeServer } from "./contract.ts";
import type { NativeContext } from "./native-context.ts";
import type { Streams } from "./streams.ts";
import { chopin_name_intern, chopin_request_stage } from "./symbols.ts";

/** Names that the library keeps numbers for; others are looked for in JavaScript. */
const internedMax = 256;
export const notInterned = -1;

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
