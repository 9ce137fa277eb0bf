/**
 * Fields of answers: checked when they are set, so that a wrong one fails where it was written.
 * Kept as a list, because an answer rarely has more than a handful.
 */
import { ChopinError } from "./errors.ts";

export interface Field {
  /** As it was written, and as it goes out. */
  readonly name: string;
  /** The name in lower case. */
  readonly key: string;
  readonly value: string;
  /** Added beside others of its name instead of taking their place. */
  readonly appended: boolean;
}

/** Fields given with an answer: an object, with a list for repeated ones, or Web `Headers`. */
export type FieldsInit = Readonly<Record<string, string | readonly string[]>> | Headers;

/** RFC 9110 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 5.5: visible bytes, space and tab; 0x80 to 0xFF are opaque. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What the server itself writes, or what would change where the message ends (RFC 9112 6). */
const reserved: Readonly<Record<string, string>> = {
  "content-length": "it is the length of the body",
  "transfer-encoding": "the server frames the answer",
  connection: "call ctx.close() to close the connection after this answer",
  "keep-alive": "the server manages its connections",
  "proxy-connection": "it is no field of HTTP",
  te: "it is a field of requests",
  trailer: "answers have no trailers",
  upgrade: "the server decides about protocols",
};

/**
 * Checked names and their keys. An application uses a few dozen; the cap keeps made-up ones out.
 */
const knownKeys = new Map<string, string>();
const knownKeysMax = 1024;

/**
 * The lower-case key of a field name that an answer may carry.
 *
 * @throws ChopinError `invalid_header` when it is no token or belongs to the server.
 */
export function fieldKey(name: string): string {
  const known = knownKeys.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) {
    throw new ChopinError("invalid_header", `${JSON.stringify(name)} is not a field name.`);
  }
  const key = name.toLowerCase();
  if (Object.hasOwn(reserved, key)) {
    throw new ChopinError("invalid_header", `${name} cannot be set: ${reserved[key]}.`);
  }
  if (knownKeys.size < knownKeysMax) knownKeys.set(name, key);
  return key;
}

/**
 * True for the fields that only the server writes; they are dropped from a `Response` that has
 * them.
 */
export function isReserved(key: string): boolean {
  return Object.hasOwn(reserved, key);
}

/** Whether a string is a token, as methods and field names are (RFC 9110 5.6.2). */
export function isToken(text: string): boolean {
  return token.test(text);
}

/**
 * Adds a field to a list; without `append` it takes the place of all others of its name.
 *
 * @throws ChopinError `invalid_header`, also for CR, LF, NUL and characters above U+00FF in the
 * value.
 */
export function setField(
  fields: Field[] | undefined,
  name: string,
  value: string,
  append: boolean,
): Field[] {
  const key = fieldKey(name);
  const field = { name, key, value: checkValue(name, value), appended: append };
  if (fields === undefined) return [field];
  if (!append) removeField(fields, key);
  fields.push(field);
  return fields;
}

export function removeField(fields: Field[], key: string): void {
  for (let at = fields.length - 1; at >= 0; at--) {
    if (fields[at]!.key === key) fields.splice(at, 1);
  }
}

export function hasField(fields: readonly Field[] | undefined, key: string): boolean {
  if (fields === undefined) return false;
  for (const field of fields) if (field.key === key) return true;
  return false;
}

/** Fields of an init object as a list. */
export function fieldsFrom(init: FieldsInit | undefined): Field[] | undefined {
  if (init === undefined) return undefined;
  let fields: Field[] | undefined;
  if (init instanceof Headers) {
    for (const [name, value] of init) fields = setField(fields, name, value, name === "set-cookie");
    return fields;
  }
  for (const name of Object.keys(init)) {
    const value = init[name]!;
    if (typeof value === "string") {
      fields = setField(fields, name, value, false);
    } else {
      for (const one of value) fields = setField(fields, name, one, true);
    }
  }
  return fields;
}

/** The context's fields over the answer's own: what goes out, in that order of preference. */
export function mergeFields(
  draft: readonly Field[] | undefined,
  own: readonly Field[] | undefined,
): readonly Field[] | undefined {
  if (draft === undefined) return own;
  if (own === undefined) return draft;
  const replaced = new Set<string>();
  for (const field of draft) if (!field.appended) replaced.add(field.key);
  return [...own.filter((field) => !replaced.has(field.key)), ...draft];
}

/** Field lines as they stand in a message, one character for each byte. */
export function fieldLines(fields: readonly Field[] | undefined): string {
  if (fields === undefined) return "";
  let lines = "";
  for (const field of fields) lines += `${field.name}: ${field.value}\r\n`;
  return lines;
}

/** The fields of one answer; what clients and proxies accept ends far below. */
const fieldsBytesMax = 64 * 1024;

/**
 * `fieldLines` of an answer that goes out.
 *
 * @throws ChopinError `answer_too_large`.
 */
export function headLines(fields: readonly Field[] | undefined): string {
  const lines = fieldLines(fields);
  if (lines.length <= fieldsBytesMax) return lines;
  throw new ChopinError(
    "answer_too_large",
    `The fields of an answer exceed ${fieldsBytesMax} bytes.`,
  );
}

function checkValue(name: string, value: string): string {
  if (!fieldValue.test(value)) {
    throw new ChopinError(
      "invalid_header",
      `The value of ${name} has a control character or one above U+00FF: ${JSON.stringify(value)}.`,
    );
  }
  // White space around a value is no part of it (RFC 9110 5.5).
  return value.trim();
}
