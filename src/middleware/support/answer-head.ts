/** Fields of answers as several middleware need them. */
import type { Answer, Draft, PreparedAnswer } from "../../answer.ts";
import { type Field, hasField, setField } from "../../answer-fields.ts";
import type { AnyContext } from "./middleware.ts";

/**
 * Fields that were checked once, when a middleware was created.
 *
 * @throws ChopinError `invalid_header` for what must not be sent.
 */
export function fixedFields(pairs: readonly (readonly [string, string])[]): readonly Field[] {
  let fields: Field[] = [];
  for (const [name, value] of pairs) fields = setField(fields, name, value, false);
  return fields;
}

/**
 * Adds the fields that neither the handler nor another middleware set. It writes into the list of
 * the answer itself, because going through `answer.headers` checks every value again.
 */
export function addMissing(ctx: AnyContext, answer: Answer, fields: readonly Field[]): void {
  const prepared = answer as PreparedAnswer;
  const drafted = (ctx as unknown as Draft).draftFields;
  const own = prepared.fields;
  prepared.native = false;
  if (own === undefined && drafted === undefined) {
    prepared.fields = fields.slice();
    return;
  }
  const missing = fields.filter(({ key }) => !hasField(own, key) && !hasField(drafted, key));
  prepared.fields = own === undefined ? missing : [...own, ...missing];
}

/**
 * The value of a field by its lower-case name. Most answers do not have what is asked for, which
 * is found out here without a list of all fields.
 */
export function fieldOf(ctx: AnyContext, answer: Answer, key: string): string | undefined {
  const drafted = (ctx as unknown as Draft).draftFields;
  const own = (answer as PreparedAnswer).fields;
  if (!hasField(drafted, key) && !hasField(own, key)) return undefined;
  return answer.headers.get(key) ?? undefined;
}

/** Adds a request field that the answer depends on to those named already (RFC 9110 12.5.5). */
export function addVary(ctx: AnyContext, answer: Answer, name: string): void {
  const present = fieldOf(ctx, answer, "vary");
  if (present === undefined || present === "") {
    answer.headers.append("Vary", name);
    return;
  }
  const names = present.split(",").map((one) => one.trim().toLowerCase());
  if (names.includes("*") || names.includes(name.toLowerCase())) return;
  answer.headers.set("Vary", `${present}, ${name}`);
}

/** Whether a comma-separated field has a directive, with or without an argument. */
export function hasDirective(value: string | undefined, directive: string): boolean {
  if (value === undefined) return false;
  return value
    .toLowerCase()
    .split(",")
    .some((one) => one.split("=", 1)[0]?.trim() === directive);
}
