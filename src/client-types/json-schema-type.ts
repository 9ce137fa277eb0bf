/**
 * From JSON Schema 2020-12, as a document has it, to TypeScript types. What a keyword leaves open
 * is `unknown`; keywords that limit values, such as `minimum`, say nothing of types. Called by
 * `route-parts.ts` and `declarations.ts`.
 */
import type { JsonSchema } from "../schema/json-schema.ts";
import { isObject } from "../schema/node.ts";
import { mapSchema } from "../schema/wire-schema.ts";
import {
  intersection,
  literal,
  type Member,
  neverType,
  type ObjectType,
  type TypeNode,
  text,
  union,
  unknownType,
} from "./type-node.ts";

/** Marks what a client sends and may have in a form that JSON has not. */
const sent = "x-chopin-sent";

/** Those forms by format; the client writes them as the format says. */
const sentForms: ReadonlyMap<unknown, TypeNode> = new Map([
  ["date-time", union([text("string"), text("Date")])],
  ["int64", union([text("number"), text("bigint")])],
]);

/** What stands for objects and arrays where `type` is left out. */
const objectKeywords = ["properties", "additionalProperties", "patternProperties", "propertyNames"];
const arrayKeywords = ["items", "prefixItems"];
/** Where they say what an object has, `type` beside them adds nothing. */
const combiningKeywords = ["allOf", "anyOf", "oneOf", "$ref"];

const componentPrefix = "#/components/schemas/";

/**
 * The schema of what is sent. The mark makes it another one than that of what comes back, so that
 * both get a name where they have one.
 */
export function asSent(schema: JsonSchema): JsonSchema {
  const inner = (one: unknown): unknown => (isObject(one) ? asSent(one) : one);
  const copy = mapSchema(schema, inner);
  return sentForms.has(schema.format) ? { ...copy, [sent]: true } : copy;
}

/** Reads schemas that refer to components. */
export class SchemaReader {
  readonly #components: Readonly<Record<string, JsonSchema>>;
  readonly #names: ReadonlyMap<string, string>;

  /** `names` are those of types, by those of components. */
  constructor(
    components: Readonly<Record<string, JsonSchema>>,
    names: ReadonlyMap<string, string>,
  ) {
    this.#components = components;
    this.#names = names;
  }

  /** The type of a schema. */
  read(schema: unknown): TypeNode {
    if (!isObject(schema)) return schema === false ? neverType : unknownType;
    const { $ref, allOf, anyOf, oneOf, not, nullable } = schema;
    const parts = [this.#own(schema)];
    if (typeof $ref === "string") {
      const name = this.#names.get(componentOf($ref));
      parts.push(name === undefined ? unknownType : text(name));
    }
    if (Array.isArray(allOf)) parts.push(...allOf.map((one) => this.read(one)));
    for (const choice of [anyOf, oneOf]) {
      if (Array.isArray(choice)) parts.push(union(choice.map((one) => this.read(one))));
    }
    // Only what refuses everything says something of the type.
    if (isObject(not) && Object.keys(not).length === 0) parts.push(neverType);
    const whole = intersection(parts);
    return nullable === true ? union([whole, text("null")]) : whole;
  }

  /** The type of a schema as an object, also behind a name; undefined: it is another one. */
  readObject(schema: JsonSchema): ObjectType | undefined {
    const { $ref } = schema;
    const component = typeof $ref === "string" ? this.#components[componentOf($ref)] : undefined;
    const node = this.read(component ?? schema);
    return node.kind === "object" ? node : undefined;
  }

  /** Without what combines it with other schemas. */
  #own(schema: JsonSchema): TypeNode {
    if ("const" in schema) return literal(schema.const);
    if (Array.isArray(schema.enum)) return union(schema.enum.map(literal));
    const { type } = schema;
    if (Array.isArray(type)) return union(type.map((one) => this.#typed(String(one), schema)));
    if (typeof type === "string") return this.#typed(type, schema);
    if (has(schema, objectKeywords)) return this.#object(schema);
    return has(schema, arrayKeywords) ? this.#array(schema) : unknownType;
  }

  #typed(type: string, schema: JsonSchema): TypeNode {
    switch (type) {
      case "string":
      case "integer":
      case "number": {
        const form = sent in schema ? sentForms.get(schema.format) : undefined;
        return form ?? text(type === "integer" ? "number" : type);
      }
      case "boolean":
      case "null":
        return text(type);
      case "array":
        return this.#array(schema);
      case "object":
        if (has(schema, objectKeywords)) return this.#object(schema);
        if (has(schema, combiningKeywords)) return unknownType;
        return { kind: "object", members: [], others: unknownType };
      default:
        return unknownType;
    }
  }

  #array(schema: JsonSchema): TypeNode {
    const { items, prefixItems, minItems } = schema;
    if (!Array.isArray(prefixItems)) return { kind: "array", item: this.read(items) };
    return {
      kind: "tuple",
      items: prefixItems.map((one) => this.read(one)),
      required: Math.min(typeof minItems === "number" ? minItems : Infinity, prefixItems.length),
      rest: items === undefined || items === false ? undefined : this.read(items),
    };
  }

  #object(schema: JsonSchema): TypeNode {
    const { additionalProperties, patternProperties, propertyNames } = schema;
    const names = isObject(propertyNames) ? propertyNames.enum : undefined;
    const listed = Array.isArray(names) && isObject(additionalProperties);
    const properties = {
      ...(isObject(schema.properties) ? schema.properties : {}),
      ...(listed ? Object.fromEntries(names.map((name) => [name, additionalProperties])) : {}),
    };
    const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : [];
    const members = Object.entries(properties).map(
      ([name, own]): Member => ({
        name,
        type: this.read(own),
        optional: !required.includes(name),
        doc: docOf(own),
      }),
    );
    const others = [
      ...(isObject(patternProperties) ? Object.values(patternProperties) : []),
      ...(listed || (additionalProperties ?? false) === false ? [] : [additionalProperties]),
    ].map((one) => this.read(one));
    if (others.length === 0) return { kind: "object", members };
    // An index signature holds for the members that have names too.
    const absent = members.some(({ optional }) => optional) ? [text("undefined")] : [];
    const all = union([...others, ...members.map(({ type }) => type), ...absent]);
    return { kind: "object", members, others: all };
  }
}

/** The lines of a comment: what a schema, or a route, says of itself. */
export function docOf(schema: unknown): readonly string[] {
  if (!isObject(schema)) return [];
  const { summary, description, deprecated, default: fallback } = schema;
  const said = [summary, description].filter((one) => typeof one === "string" && one !== "");
  const paragraphs = said.map((one) => {
    return String(one)
      .trim()
      .split(/\r\n|[\n\r]/);
  });
  const tags = [
    ...(fallback === undefined ? [] : [`@default ${JSON.stringify(fallback)}`]),
    ...(deprecated === true ? ["@deprecated"] : []),
  ];
  const blocks = tags.length === 0 ? paragraphs : [...paragraphs, tags];
  return blocks.flatMap((lines, at) => (at === 0 ? lines : ["", ...lines]));
}

function componentOf(reference: string): string {
  return reference.startsWith(componentPrefix) ? reference.slice(componentPrefix.length) : "";
}

function has(schema: JsonSchema, keywords: readonly string[]): boolean {
  return keywords.some((keyword) => keyword in schema);
}
