/** One part of a form as a handler reads it: once, and before the next one. */
import { ChopinError, type HTTPError, problem } from "../errors.ts";
import type { Limits } from "./limits.ts";
import type { PartHead } from "./part-head.ts";

/**
 * A field or a file of a form that is being received. It is read once, by iterating it or by one of
 * its methods; what is left unread is skipped when the next part is asked for.
 */
export interface Part extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  /** Name of the form's control. */
  readonly name: string;
  /**
   * What the client calls the file, without folders; undefined for a field, and "" when nothing is
   * left of the name or no file was chosen. Never use it as a path as it is.
   */
  readonly filename: string | undefined;
  /** Content-Type that the client gives the part, which may be wrong; "" when it gives none. */
  readonly type: string;
  /**
   * The whole part.
   *
   * @throws HTTPError 413 `part_too_large`, 400 `invalid_form`; ChopinError `part_used`.
   */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** The whole part as text (UTF-8). */
  text(): Promise<string>;
  /** The part as a stream, for what takes one. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** A part whose bytes come from a parser, which does not wait for those who read them. */
export class StreamedPart implements Part {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string;
  /** Told of bytes that wait no longer. */
  taken: (bytes: number) => void = ignore;
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #totalBytes = 0;
  /** Somebody reads it, or did. */
  #used = false;
  /** Nobody wants its bytes any more. */
  #left = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = ignore;

  constructor(head: PartHead, limits: Limits) {
    this.name = head.name;
    this.filename = head.filename;
    this.type = head.type;
    this.#limitBytes = head.filename === undefined ? limits.fieldBytesMax : limits.fileBytesMax;
  }

  push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#totalBytes += chunk.length;
    if (this.#totalBytes > this.#limitBytes) this.fail(this.#tooLarge());
    if (this.#left || this.#failure !== undefined) {
      this.taken(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Whoever reads it gets this error; the first one counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** The next part was asked for: what is left of this one is dropped. */
  leave(): void {
    this.#used = true;
    this.#left = true;
    for (const { length } of this.#chunks.splice(0)) this.taken(length);
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async text(): Promise<string> {
    return Buffer.from(await this.bytes()).toString("utf8");
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const iterator = this[Symbol.asyncIterator]();
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return();
      },
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    if (this.#used) {
      const text = "A part of a form is read once, and before the next one is asked for.";
      throw new ChopinError("part_used", text);
    }
    this.#used = true;
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure.error;
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.taken(chunk.length);
          yield chunk;
        } else if (this.#ended || this.#left) return;
        else await this.#more();
      }
    } finally {
      this.leave();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tooLarge(): HTTPError {
    const kind = this.filename === undefined ? "field" : "file";
    return problem("part_too_large", `A ${kind} may have ${this.#limitBytes} bytes.`);
  }
}

function ignore(): void {
  // Nobody waits.
}

/** A field that was received already. */
export class ReceivedPart implements Part {
  readonly name: string;
  readonly filename = undefined;
  readonly type = "";
  readonly #value: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.#value = value;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return Buffer.from(this.#value);
  }

  async text(): Promise<string> {
    return this.#value;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new Blob([this.#value]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    yield Buffer.from(this.#value);
  }
}
