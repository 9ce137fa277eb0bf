/**
 * The body of a request as contexts show it: whole, as a stream, as a form, and replaced by what a
 * middleware made of it. `request-context.ts` builds on it; where the bytes come from is up to
 * `native/native-context.ts` and `web-context.ts`.
 */
import { ChopinError, ContextUsedAfterAnswer } from "./errors.ts";
import type { Form, FormLimits, FormOptions, Part } from "./form.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What most requests do not need. */
interface BodyState {
  stream: ReadableStream<Bytes> | undefined;
  replacement: Bytes | ReadableStream<Bytes> | undefined;
  form: Promise<Form> | undefined;
}

/** A body that was read already, for those who take bodies as streams. */
export function wholeBody(bytes: Bytes): ReadableStream<Bytes> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

export function bodyIsStreamed(): ChopinError {
  return new ChopinError(
    "body_is_streamed",
    "This route takes its body as a stream: read `ctx.body`, or leave `streamBody` out.",
  );
}

/** There is no schema, or it was not asked yet: undefined may be a body's value. */
const none = Symbol("none");

export abstract class RequestBody {
  /** The answer was written. */
  answered: boolean;
  #state: BodyState | undefined;
  #value: unknown;

  constructor() {
    this.answered = false;
    this.#state = undefined;
    this.#value = none;
  }

  abstract header(name: string): string | undefined;
  protected abstract bodyText(): string;
  protected abstract bodyBytes(): Bytes;
  /** Called once. */
  protected abstract bodyStream(): ReadableStream<Bytes>;

  /** Throws once the answer is sent: the request's bytes are gone. */
  protected check(): void {
    if (this.answered) throw new ContextUsedAfterAnswer();
  }

  /** The stream, or what the schema of the route made of it. */
  get body(): ReadableStream<Bytes> {
    if (this.#value === none) return this.bodyAsSent;
    this.check();
    return this.#value as ReadableStream<Bytes>;
  }

  protected get bodyAsSent(): ReadableStream<Bytes> {
    const state = this.#stated();
    if (state.stream === undefined) {
      const { replacement } = state;
      if (replacement === undefined) state.stream = this.bodyStream();
      else state.stream = replacement instanceof Uint8Array ? wholeBody(replacement) : replacement;
    }
    return state.stream;
  }

  form(options?: FormOptions): Promise<Form> {
    const state = this.#stated();
    state.form ??= receive(this.bodyAsSent, this.header("content-type"), options);
    return state.form;
  }

  parts(options?: FormLimits): AsyncGenerator<Part, void, undefined> {
    this.check();
    return partsOf(this.bodyAsSent, this.header("content-type"), options);
  }

  /** Puts the value that a schema made of the body in the place of its stream. */
  protected setBodyValue(value: unknown): void {
    this.#value = value;
  }

  /**
   * Puts another body in the place of the one that was sent, for all who read it from now on. What
   * its fields say of it is up to the caller.
   */
  protected setBody(body: Bytes | ReadableStream<Bytes>): void {
    const state = this.#stated();
    state.replacement = body;
    state.stream = undefined;
  }

  protected wholeText(): string {
    const bytes = this.#replacement();
    if (bytes === undefined) return this.bodyText();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  }

  protected wholeBytes(): Bytes {
    return this.#replacement()?.slice() ?? this.bodyBytes();
  }

  /** The answer was sent: files that came with a form are removed, now or once they are there. */
  release(): void {
    this.#state?.form?.then((form) => form.dispose()).catch(ignore);
  }

  #replacement(): Bytes | undefined {
    const replacement = this.#state?.replacement;
    if (replacement === undefined || replacement instanceof Uint8Array) return replacement;
    throw bodyIsStreamed();
  }

  #stated(): BodyState {
    this.check();
    this.#state ??= { stream: undefined, replacement: undefined, form: undefined };
    return this.#state;
  }
}

/** Forms are loaded with the first one: most programs have none. */
async function receive(
  body: ReadableStream<Bytes>,
  contentType: string | undefined,
  options: FormOptions | undefined,
): Promise<Form> {
  const { parseForm } = await import("./form.ts");
  return parseForm(body as AsyncIterable<Bytes>, contentType, options);
}

async function* partsOf(
  body: ReadableStream<Bytes>,
  contentType: string | undefined,
  options: FormLimits | undefined,
): AsyncGenerator<Part, void, undefined> {
  const { formParts } = await import("./form.ts");
  yield* formParts(body as AsyncIterable<Bytes>, contentType, options);
}

function ignore(): void {
  // A form that cannot be received told so where it was awaited.
}
