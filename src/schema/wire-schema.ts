/**
 * Schemas of TypeBox as JSON Schema 2020-12 of what is sent: without kinds that JSON has not, and
 * with only those keys required that have to be there. Called by `json-schema.ts`.
 */
import type { JsonSchema, Side } from "./json-schema.ts";
import { isObject, isTypeBox, kindOfNode, type SchemaNode } from "./node.ts";

/** TypeBox's own types as JSON has them; its keywords for them go with it. */
const wireTypes: Readonly<Record<string, JsonSchema>> = {
  Date: { type: "string", format: "date-time" },
  BigInt: { type: "integer", format: "int64" },
  Uint8Array: { type: "string", format: "binary" },
  // What JSON cannot say: nothing fits.
  Undefined: { not: {} },
  Void: { not: {} },
  Symbol: { not: {} },
  Function: { not: {} },
  Constructor: { not: {} },
  Promise: { not: {} },
  Iterator: { not: {} },
  AsyncIterator: { not: {} },
};

/** Keywords whose value is a schema. */
const ofOne: readonly string[] = [
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
];

/** Keywords whose value is a list of schemas. */
const ofList: readonly string[] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/** Keywords whose value has schemas by name. */
const ofMap: readonly string[] = ["$defs", "dependentSchemas", "patternProperties", "properties"];

/** The pattern of `t.Record(t.String(), …)`: any key. */
const anyKey = "^(.*)$";

/** Where a schema holds others: applies a function to each, and another to all other values. */
export function mapSchema(
  schema: JsonSchema,
  inner: (schema: unknown) => unknown,
  value: (value: unknown) => unknown = (same) => same,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(schema)) {
    const mapped = mapMember(name, member, inner, value);
    if (mapped !== undefined) copy[name] = mapped;
  }
  return copy;
}

function mapMember(
  name: string,
  member: unknown,
  inner: (schema: unknown) => unknown,
  value: (value: unknown) => unknown,
): unknown {
  if (ofOne.includes(name) && isObject(member)) return inner(member);
  if (ofList.includes(name) && Array.isArray(member)) return member.map(inner);
  if (ofMap.includes(name) && isObject(member)) {
    const entries = Object.entries(member).map(([key, one]) => [key, inner(one)] as const);
    return Object.fromEntries(entries);
  }
  return value(member);
}

/** A schema that stands in many places is read once, and stays one object. */
const read: Readonly<Record<Side, WeakMap<object, unknown>>> = {
  input: new WeakMap(),
  output: new WeakMap(),
};

/** The JSON Schema of a schema of TypeBox; those with an `$id` keep it, and `$ref` names it. */
export function wireSchema(node: unknown, side: Side): unknown {
  if (!isObject(node)) return node;
  let schema = read[side].get(node);
  if (schema === undefined) {
    schema = readSchema(node, side);
    read[side].set(node, schema);
  }
  return schema;
}

function readSchema(node: Readonly<Record<string, unknown>>, side: Side): unknown {
  const kind = isTypeBox(node) ? kindOfNode(node) : undefined;
  if (kind === "RegExp") return { ...annotations(node), ...ofRegExp(node) };
  const wire = kind === undefined ? undefined : wireTypes[kind];
  if (wire !== undefined) return { ...annotations(node), ...numbers(node, kind), ...wire };
  const inside = kind === "Union" ? { ...node, anyOf: sendable(node) } : node;
  const tuple = Array.isArray(node.items) ? tupleOf(node) : inside;
  const schema = mapSchema(tuple, (one) => wireSchema(one, side), jsonValue);
  if (isObject(node.properties)) {
    const required = requiredOf(node as SchemaNode, side);
    if (required.length > 0) schema.required = required;
    else delete schema.required;
  }
  return withoutAnyKey(schema);
}

/** Variants of a union that JSON has. */
function sendable(node: Readonly<Record<string, unknown>>): unknown {
  const variants = (node as SchemaNode).anyOf ?? [];
  const some = variants.filter((variant) => !isUnsendable(variant));
  return some.length === 0 ? variants : some;
}

function isUnsendable(node: SchemaNode): boolean {
  return wireTypes[kindOfNode(node)]?.not !== undefined;
}

/** A default makes a key that may be left out; what JSON has not is left out of answers. */
function requiredOf({ properties = {}, required = [] }: SchemaNode, side: Side): string[] {
  return required.filter((name) => {
    const member = properties[name];
    if (member === undefined) return true;
    if (side === "input") return member.default === undefined;
    return !isUnsendable(member) && !(member.anyOf ?? []).some(isUnsendable);
  });
}

/** Tuples in the keywords of 2020-12. */
function tupleOf(node: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { items, additionalItems, ...rest } = node;
  return { ...rest, prefixItems: items, ...(additionalItems === false && { items: false }) };
}

function withoutAnyKey(schema: Record<string, unknown>): Record<string, unknown> {
  const { patternProperties, ...rest } = schema;
  const keys = Object.keys(patternProperties ?? {});
  if (keys.length !== 1 || keys[0] !== anyKey || rest.additionalProperties !== undefined) {
    return schema;
  }
  return { ...rest, additionalProperties: (patternProperties as JsonSchema)[anyKey] };
}

/** Flags are unknown to JSON Schema: with some of them nothing is said of the text. */
function ofRegExp({ source, flags }: Readonly<Record<string, unknown>>): JsonSchema {
  return /[^dguvy]/.test(String(flags)) ? { type: "string" } : { type: "string", pattern: source };
}

/** Keywords that say something of every type. */
function annotations(node: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = ["$id", "title", "description", "default", "examples", "deprecated"];
  const flags = ["readOnly", "writeOnly"];
  return pick(node, [...names, ...flags]);
}

/** Limits of a bigint. */
function numbers(node: Readonly<Record<string, unknown>>, kind?: string): Record<string, unknown> {
  const limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
  return kind === "BigInt" ? pick(node, limits) : {};
}

function pick(
  node: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const pairs = names.map((name) => [name, jsonValue(node[name])] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/** A value as JSON has it; undefined when it has none. */
export function jsonValue(value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
    case "object":
      return value === null ? null : jsonObject(value);
    default:
      return undefined;
  }
}

function jsonObject(value: object): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function") return jsonValue(toJSON.call(value));
  if (Array.isArray(value)) return value.map((member) => jsonValue(member) ?? null);
  const pairs = Object.entries(value).map(([name, member]) => [name, jsonValue(member)] as const);
  return Object.fromEntries(pairs.filter(([, member]) => member !== undefined));
}
