/** Schemas as JSON Schema 2020-12, which OpenAPI 3.1 speaks. Called by `describe.ts`. */
import { isObject, isTypeBox, kindOfNode, type SchemaNode } from "./node.ts";
import type { Schema } from "./types.ts";

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Which side of coercion and defaults: what a client sends, or what comes out. */
export type Side = "input" | "output";

/** What Standard JSON Schema adds to Standard Schema; Zod and ArkType have it by themselves. */
interface StandardJsonSchema {
  readonly "~standard"?: {
    readonly jsonSchema?: Readonly<
      Record<Side, (options: { readonly target: string }) => Record<string, unknown>>
    >;
  };
}

const target = "draft-2020-12";

/** TypeBox's own types as JSON has them. */
const wireTypes: Readonly<Record<string, JsonSchema>> = {
  Date: { type: "string", format: "date-time" },
  BigInt: { type: "integer", format: "int64" },
  Uint8Array: { type: "string", format: "binary" },
  Undefined: { type: "null" },
  Void: { type: "null" },
};

/**
 * The JSON Schema of a schema; undefined when its library has none for it. Schemas of TypeBox that
 * have an `$id` keep it, and `$ref` names it.
 */
export function jsonSchemaOf(schema: Schema, side: Side): JsonSchema | undefined {
  if (isTypeBox(schema)) return plain(schema) as JsonSchema;
  const standard = (schema as StandardJsonSchema)["~standard"];
  try {
    const { $schema: _, ...rest } = standard?.jsonSchema?.[side]({ target }) ?? {};
    return standard?.jsonSchema === undefined ? undefined : rest;
  } catch {
    // Zod refuses what JSON has not, such as dates.
    return undefined;
  }
}

/** Without symbols and functions, and with the types of the wire. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return typeof value === "function" ? undefined : value;
  const wire = isTypeBox(value) ? wireTypes[kindOfNode(value as SchemaNode)] : undefined;
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const own = plain(member);
    if (own !== undefined) copy[name] = own;
  }
  // TypeBox limits dates by keywords that no one else knows.
  return wire === undefined ? copy : { ...withoutTimestamps(copy), ...wire };
}

function withoutTimestamps(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !/Timestamp$/.test(name)));
}
