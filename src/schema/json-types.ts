/**
 * Which types of JSON the values of a schema have: it decides what an answer is sent as, and how a
 * parameter is written. Called by `describe-answers.ts` and by `openapi/`.
 */
import type { Resolve } from "./describe-parameters.ts";
import type { JsonSchema } from "./json-schema.ts";
import { isObject } from "./node.ts";

/** The types of JSON that values of a schema may have; undefined: any. */
export function typesOf(
  given: JsonSchema,
  resolve: Resolve,
  around: readonly JsonSchema[] = [],
): ReadonlySet<string> | undefined {
  const schema = resolve(given);
  if (around.includes(schema)) return undefined;
  const inside = [...around, schema];
  const { type, const: only, enum: some, not } = schema;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type as string[]);
  if (only !== undefined) return new Set([typeOf(only)]);
  if (Array.isArray(some)) return new Set(some.map(typeOf));
  if (isObject(not) && Object.keys(not).length === 0) return new Set();
  for (const variants of [schema.anyOf, schema.oneOf]) {
    if (!Array.isArray(variants)) continue;
    const all = variants.map((one: JsonSchema) => typesOf(one, resolve, inside));
    if (all.some((one) => one === undefined)) return undefined;
    return new Set(all.flatMap((one) => [...(one ?? [])]));
  }
  const [first] = Array.isArray(schema.allOf) ? (schema.allOf as readonly JsonSchema[]) : [];
  return first === undefined ? undefined : typesOf(first, resolve, inside);
}

/** The type of a value of JSON. */
export function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
