/** The fields of an answer as middleware reads and changes them. Made by `answer.ts`. */
import type { Draft, PreparedAnswer } from "./answer.ts";
import {
  type Field,
  fieldKey,
  hasField,
  mergeFields,
  removeField,
  setField,
} from "./answer-fields.ts";

/** Fields of an answer, those that the context set included. Names are case-insensitive. */
export class AnswerHeaders {
  readonly #answer: PreparedAnswer;
  readonly #draft: Draft | undefined;

  constructor(answer: PreparedAnswer, draft: Draft | undefined) {
    this.#answer = answer;
    this.#draft = draft;
  }

  /** The value; several of one name joined by ", ". */
  get(name: string): string | null {
    const values = this.getAll(name);
    return values.length === 0 ? null : values.join(", ");
  }

  getAll(name: string): string[] {
    const key = name.toLowerCase();
    return this.#all()
      .filter((field) => field.key === key)
      .map((field) => field.value);
  }

  has(name: string): boolean {
    return hasField(this.#all(), name.toLowerCase());
  }

  /** @throws ChopinError `invalid_header` for what must not be sent. */
  set(name: string, value: string): void {
    this.delete(name);
    this.append(name, value);
  }

  /** @throws ChopinError `invalid_header` for what must not be sent. */
  append(name: string, value: string): void {
    this.#answer.fields = setField(this.#answer.fields, name, value, true);
    this.#answer.native = false;
  }

  delete(name: string): void {
    const key = fieldKey(name);
    if (this.#draft?.draftFields !== undefined) removeField(this.#draft.draftFields, key);
    if (this.#answer.fields !== undefined) removeField(this.#answer.fields, key);
    this.#answer.native = false;
  }

  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    for (const field of this.#all()) yield [field.name, field.value];
  }

  #all(): readonly Field[] {
    return mergeFields(this.#draft?.draftFields, this.#answer.fields) ?? [];
  }
}
