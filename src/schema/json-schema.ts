/** Schemas as JSON Schema 2020-12, which OpenAPI 3.1 speaks. Called by `describe.ts`. */
import { isTypeBox } from "./node.ts";
import type { Schema } from "./types.ts";
import { wireSchema } from "./wire-schema.ts";

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Which side of coercion and defaults: what a client sends, or what comes out. */
export type Side = "input" | "output";

/** What Standard JSON Schema adds to Standard Schema; Zod and ArkType have it by themselves. */
interface StandardJsonSchema {
  readonly "~standard"?: {
    readonly vendor?: string;
    readonly jsonSchema?: Readonly<Record<Side, (options: JsonSchemaOptions) => JsonSchema>>;
  };
}

interface JsonSchemaOptions {
  readonly target: string;
  readonly libraryOptions?: Readonly<Record<string, unknown>>;
}

/** What Zod tells of a node: its definition, and the JSON Schema that may still be changed. */
interface ZodOverride {
  readonly zodSchema: {
    readonly _zod: { readonly def: { readonly type: string; readonly coerce?: boolean } };
  };
  readonly jsonSchema: Record<string, unknown>;
}

const target = "draft-2020-12";

/** The library that a schema is of, by the name that it gives itself. */
export function libraryOf(schema: Schema): string {
  if (isTypeBox(schema)) return "typebox";
  return (schema as StandardJsonSchema)["~standard"]?.vendor ?? "";
}

/**
 * The JSON Schema of a schema; undefined when its library has none for it. Schemas of TypeBox that
 * have an `$id` keep it, and `$ref` names it.
 */
export function jsonSchemaOf(schema: Schema, side: Side): JsonSchema | undefined {
  if (isTypeBox(schema)) return wireSchema(schema, side) as JsonSchema;
  const { vendor, jsonSchema } = (schema as StandardJsonSchema)["~standard"] ?? {};
  if (jsonSchema === undefined) return undefined;
  const libraryOptions = optionsOf(vendor, side);
  try {
    const { $schema: _, ...rest } = jsonSchema[side]({ target, ...libraryOptions });
    return rest;
  } catch {
    // A library may refuse what JSON has not.
    return undefined;
  }
}

/** What is asked of libraries that would otherwise refuse a whole schema for one part of it. */
function optionsOf(vendor: string | undefined, side: Side): Partial<JsonSchemaOptions> {
  if (vendor === "valibot") return { libraryOptions: { errorMode: "ignore" } };
  if (vendor !== "zod") return {};
  const override = ({ zodSchema, jsonSchema }: ZodOverride): void => {
    const { type, coerce = false } = zodSchema._zod.def;
    // A date is written as a date-time; only what coerces can read one.
    if (type !== "date" || (side === "input" && !coerce)) return;
    Object.assign(jsonSchema, { type: "string", format: "date-time" });
  };
  return { libraryOptions: { unrepresentable: "any", override } };
}
