/** What a schema asks for, in words: for messages of `explain.ts`. */
import { kindOfNode, type SchemaNode } from "./node.ts";

/** Keywords that limit a value, in words; `%` is their value. */
const limitsInWords: Readonly<Record<string, string>> = {
  format: "in the format %",
  minLength: "of at least % characters",
  maxLength: "of at most % characters",
  pattern: "matching %",
  minimum: "of at least %",
  maximum: "of at most %",
  exclusiveMinimum: "above %",
  exclusiveMaximum: "below %",
  multipleOf: "that is a multiple of %",
  minItems: "of at least % items",
  maxItems: "of at most % items",
  uniqueItems: "without repetition",
  minProperties: "of at least % keys",
  maxProperties: "of at most % keys",
};

/** Kinds whose name in the builder says less than this. */
const kindsInWords: Readonly<Record<string, string>> = {
  Date: "date-time",
  BigInt: "integer",
  Record: "object",
  Intersect: "object",
  Tuple: "array",
  TemplateLiteral: "string",
  Uint8Array: "bytes",
  Any: "value",
  Unknown: "value",
  This: "object",
  Ref: "value",
  Import: "value",
  Not: "value",
  Never: "nothing",
};

/** Such as "integer of at least 0" or `"asc" or "desc"`. */
export function expectedOf(node: SchemaNode): string {
  const kind = kindOfNode(node);
  if (kind === "Literal") return JSON.stringify(node.const);
  if (kind === "Union") return [...new Set((node.anyOf ?? []).map(expectedOf))].join(" or ");
  if (kind === "Not" && node.not !== undefined) return `anything but ${expectedOf(node.not)}`;
  const words = [kindsInWords[kind] ?? kind.toLowerCase()];
  for (const [keyword, phrase] of Object.entries(limitsInWords)) {
    const limit = (node as Readonly<Record<string, unknown>>)[keyword];
    if (limit === undefined || limit === false) continue;
    words.push(phrase.replace("%", () => String(limit)));
  }
  return words
    .join(" ")
    .replace(/at least (\d+) (\w+) of at most \1 \w+$/, "exactly $1 $2")
    .replace(/\b1 (character|item|key)s\b/g, "1 $1");
}

/** "must be an integer of at least 0". */
export function mustBe(expected: string): string {
  if (!/^[a-z]/.test(expected) || /^(anything|nothing|null|bytes)\b/.test(expected)) {
    return `must be ${expected}`;
  }
  return `must be ${/^[aeio]/.test(expected) ? "an" : "a"} ${expected}`;
}
