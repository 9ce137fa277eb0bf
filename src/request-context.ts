/**
 * The part of a context that does not depend on where a request's bytes are: beside the parts of
 * the request, its state and the answers that a handler makes of it.
 */

import { checkStatus, type Draft, type EventsAnswer, type OtherAnswer } from "./answer.ts";
import { type Field, setField } from "./answer-fields.ts";
import type { AnswerInit, Bytes, Context, Params, State } from "./context.ts";
import { ChopinError } from "./errors.ts";
import {
  type EventProducer,
  type EventsOptions,
  eventFields,
  eventSource,
  lastEventIdOf,
} from "./events.ts";
import { type FileOptions, FileReference } from "./files.ts";
import { kind } from "./native/abi.ts";
import { parseJson, Refused } from "./refused.ts";
import { RequestParts } from "./request-parts.ts";
import { answerOf, bytes, redirect, type StreamInit, stream } from "./response.ts";
import type { StreamSource } from "./stream.ts";

export type { CaptureNames } from "./request-parts.ts";

const byteOrderMark = "\ufeff";
const eventInit: StreamInit = { headers: eventFields };

export abstract class RequestContext extends RequestParts implements Context<Params, State>, Draft {
  draftStatus: number;
  draftFields: Field[] | undefined;
  /** Close the connection after the answer. */
  closing: boolean;
  /** Status and fields are on their way; the body comes in pieces. */
  headSent: boolean;
  #state: State | undefined;

  constructor() {
    super();
    this.draftStatus = 0;
    this.draftFields = undefined;
    this.closing = false;
    this.headSent = false;
    this.#state = undefined;
  }

  /** Methods that the path has: for 405 and the automatic OPTIONS. */
  abstract get allow(): string;
  abstract get signal(): AbortSignal;
  /** HTTP/1.1 without a body, or no HTTP at all: another protocol may follow (RFC 9110 7.8). */
  abstract get upgradable(): boolean;
  abstract get hasSocket(): boolean;

  get state(): State {
    this.check();
    if (this.#state === undefined) this.#state = Object.create(null) as State;
    return this.#state;
  }

  header(name: string): string | undefined;
  header(name: string, value: string, options?: { readonly append?: boolean }): this;
  header(
    name: string,
    value?: string,
    options?: { readonly append?: boolean },
  ): string | undefined | this {
    this.check();
    if (value === undefined) return this.fieldsAsSent().get(name) ?? undefined;
    this.#checkHead();
    this.draftFields = setField(this.draftFields, name, value, options?.append === true);
    return this;
  }

  text(): string;
  text(value: string, init?: AnswerInit): OtherAnswer;
  text(value?: string, init?: AnswerInit): string | OtherAnswer {
    this.check();
    if (value !== undefined) return answerOf(kind.text, value, init);
    const text = this.wholeText();
    return text.startsWith(byteOrderMark) ? text.slice(1) : text;
  }

  json<T = unknown>(): T;
  json(value: unknown, init?: AnswerInit): OtherAnswer;
  json<T = unknown>(value?: unknown, init?: AnswerInit): T | OtherAnswer {
    this.check();
    // biome-ignore lint/complexity/noArguments: `json(undefined)` is an answer
    if (arguments.length > 0) return answerOf(kind.json, value, init);
    const parsed = parseJson(this.text());
    if (parsed instanceof Refused) throw parsed.error;
    return parsed as T;
  }

  bytes(): Uint8Array<ArrayBuffer>;
  bytes(value: Bytes, init?: AnswerInit): OtherAnswer;
  bytes(value?: Bytes, init?: AnswerInit): Uint8Array<ArrayBuffer> | OtherAnswer {
    this.check();
    return value === undefined ? this.wholeBytes() : bytes(value, init);
  }

  html(value: string, init?: AnswerInit): OtherAnswer {
    this.check();
    return answerOf(kind.html, value, init);
  }

  file(path: string, options?: FileOptions): OtherAnswer {
    this.check();
    return new FileReference(path, options).answer(this);
  }

  redirect(location: string, status?: number): OtherAnswer {
    this.check();
    return redirect(location, status);
  }

  stream(source: StreamSource, init?: StreamInit): OtherAnswer {
    this.check();
    return stream(source, init);
  }

  events(producer: EventProducer, options?: EventsOptions): EventsAnswer<never> {
    this.check();
    const lastEventId = lastEventIdOf(this.header("last-event-id"));
    const pieces = eventSource(producer, options, undefined, lastEventId);
    return stream(pieces, eventInit) as EventsAnswer<never>;
  }

  status(code: number): this {
    this.check();
    this.#checkHead();
    this.draftStatus = checkStatus(code);
    return this;
  }

  close(): this {
    this.check();
    this.closing = true;
    return this;
  }

  #checkHead(): void {
    if (!this.headSent) return;
    throw new ChopinError(
      "head_sent",
      "Status and fields were sent already, since the answer's body is a stream: set them before.",
    );
  }
}
