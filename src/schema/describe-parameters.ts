/**
 * The parameters that a schema of params, query, headers or cookies stands for, whatever it is put
 * together from. Called by `describe.ts`.
 */
import type { PartName } from "./issue.ts";
import type { JsonSchema } from "./json-schema.ts";
import { isObject } from "./node.ts";

/** A parameter: a capture, a query field, a field or a cookie. */
export interface ParameterDescription {
  readonly in: "path" | "query" | "header" | "cookie";
  readonly name: string;
  readonly required: boolean;
  /** Any text, where the route has no schema for it. */
  readonly schema: JsonSchema;
  /** It stands for all fields that no other parameter names, and its schema is of an object. */
  readonly open?: boolean;
}

/** What a reference stands for; other schemas are given back. */
export type Resolve = (schema: JsonSchema) => JsonSchema;

interface Member {
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Members of objects by name, and what is said of keys without one; undefined: nothing. */
interface Members {
  readonly named: ReadonlyMap<string, Member>;
  readonly others: JsonSchema | undefined;
}

/** Where the parts of a request are, in the words of OpenAPI. */
export const places: Readonly<Record<Exclude<PartName, "body">, ParameterDescription["in"]>> = {
  params: "path",
  query: "query",
  headers: "header",
  cookies: "cookie",
};

/** The parameters of one part. */
export function parametersIn(
  whole: JsonSchema,
  where: ParameterDescription["in"],
  resolve: Resolve,
): ParameterDescription[] {
  const { named, others } = membersOf(whole, resolve, []);
  const parameters: ParameterDescription[] = [...named].map(([name, { schema, required }]) => ({
    in: where,
    name,
    required: where === "path" || required,
    schema,
  }));
  if (where !== "query" || others === undefined) return parameters;
  const schema = { type: "object", additionalProperties: others };
  const name = ["others", "otherFields"].find((free) => !named.has(free)) ?? "otherQueryFields";
  return [...parameters, { in: where, name, required: false, schema, open: true }];
}

/** Parameters that several sources name, each once: what all of them ask for has to hold. */
export function combinedParameters(all: readonly ParameterDescription[]): ParameterDescription[] {
  const combined = new Map<string, ParameterDescription>();
  for (const parameter of all) {
    const key = `${parameter.in} ${parameter.name}`;
    const other = combined.get(key);
    if (other === undefined) combined.set(key, parameter);
    else {
      const required = other.required || parameter.required;
      combined.set(key, { ...other, required, schema: both(other.schema, parameter.schema) });
    }
  }
  return [...combined.values()];
}

/** `around` are the schemas that are being looked into: some contain themselves. */
function membersOf(given: JsonSchema, resolve: Resolve, around: readonly JsonSchema[]): Members {
  const schema = resolve(given);
  if (around.includes(schema)) return { named: new Map(), others: undefined };
  const inner = (key: string): Members[] => {
    const list = Array.isArray(schema[key]) ? (schema[key] as readonly JsonSchema[]) : [];
    return list.map((one) => membersOf(one, resolve, [...around, schema]));
  };
  const all = [ownMembers(schema), ...inner("allOf")];
  for (const variants of [inner("anyOf"), inner("oneOf")]) {
    if (variants.length > 0) all.push(anyOf(variants));
  }
  return all.reduce(allOf);
}

function ownMembers(schema: JsonSchema): Members {
  const required = (schema.required ?? []) as readonly string[];
  const properties = (schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
  const named = Object.entries(properties).map(([name, member]): [string, Member] => {
    // What has a default need not be sent.
    return [name, { schema: member, required: required.includes(name) && !hasDefault(member) }];
  });
  const { additionalProperties: more, patternProperties } = schema;
  const open = more === true || (isObject(more) && more.not === undefined);
  const [pattern] = isObject(patternProperties) ? Object.values(patternProperties) : [];
  const others = open ? (more === true ? {} : more) : pattern;
  return { named: new Map(named), others: isObject(others) ? others : undefined };
}

function hasDefault(schema: JsonSchema): boolean {
  return schema.default !== undefined;
}

function allOf(one: Members, other: Members): Members {
  const named = new Map(one.named);
  for (const [name, member] of other.named) {
    const known = named.get(name);
    if (known === undefined) named.set(name, member);
    else {
      const required = known.required || member.required;
      named.set(name, { schema: both(known.schema, member.schema), required });
    }
  }
  return { named, others: one.others ?? other.others };
}

function anyOf(variants: readonly Members[]): Members {
  const names = new Set(variants.flatMap(({ named }) => [...named.keys()]));
  const named = [...names].map((name): [string, Member] => {
    const found = variants.flatMap((variant) => variant.named.get(name) ?? []);
    const required = found.length === variants.length && found.every((one) => one.required);
    return [name, { schema: either(found.map(({ schema }) => schema)), required }];
  });
  const others = variants.find((variant) => variant.others !== undefined)?.others;
  return { named: new Map(named), others };
}

function both(one: JsonSchema, other: JsonSchema): JsonSchema {
  return Bun.deepEquals(one, other) ? one : { allOf: [one, other] };
}

function either(schemas: readonly JsonSchema[]): JsonSchema {
  const different: JsonSchema[] = [];
  for (const schema of schemas) {
    if (!different.some((one) => Bun.deepEquals(one, schema))) different.push(schema);
  }
  return different.length === 1 ? different[0]! : { anyOf: different };
}
