/**
 * The parts of a request that a route or an extractor has schemas for: how each is read, and all of
 * them validated together. Called by `route-step.ts` and `extraction.ts`.
 */
import { parseJson, Refused, RefusedAs } from "../refused.ts";
import type { RequestContext } from "../request-context.ts";
import { validatorOf } from "./compile.ts";
import { faultOf, Refusal, type Validator } from "./finding.ts";
import type { PartName } from "./issue.ts";
import { Misfit, type RefusedPart } from "./misfit.ts";
import { isTypeBox, kindOfNode, type SchemaNode } from "./node.ts";
import type { Origin } from "./shape.ts";
import type { Part, Schema } from "./types.ts";

/** Schemas by part, as the options of routes and of extractors have them. */
export type PartSchemas = { readonly [Name in PartName]?: Part };

/** One part, compiled. */
interface CompiledPart {
  readonly name: PartName;
  readonly read: (ctx: RequestContext) => unknown | Refused;
  readonly validate: Validator;
}

const partNames: readonly PartName[] = ["params", "query", "headers", "cookies", "body"];

/** What is done with the parts of a request that fits, and with one that does not. */
export interface Taker<Given> {
  readonly use: (ctx: RequestContext, values: readonly unknown[], given: Given) => unknown;
  readonly refuse: (ctx: RequestContext, refused: Refused) => unknown;
}

/** All parts that have a schema, in the order in which they are validated. */
export class Parts {
  readonly #parts: readonly CompiledPart[];

  /** @throws ChopinError `invalid_route` for a schema that cannot be compiled. */
  constructor(schemas: PartSchemas, queryNames: readonly string[]) {
    this.#parts = partNames.flatMap((name) => {
      const schema = schemas[name];
      return schema === undefined ? [] : [compilePart(name, schema, queryNames)];
    });
  }

  /**
   * Validates all parts and hands over their values with what the caller gave for them, now unless
   * a library makes it wait.
   */
  take<Given>(ctx: RequestContext, given: Given, taker: Taker<Given>): unknown {
    const parts = this.#parts;
    const values: unknown[] = [];
    for (let at = 0; at < parts.length; at++) {
      const { read, validate } = parts[at]!;
      const sent = read(ctx);
      if (sent instanceof Refused) return taker.refuse(ctx, sent);
      const value = validated(validate, sent);
      values.push(value);
      if (value instanceof Promise) {
        return this.#takeLater(ctx, given, values, taker);
      }
    }
    return this.#settle(ctx, given, values, taker);
  }

  /** Goes on behind a value that is awaited, the last one so far. */
  async #takeLater<Given>(
    ctx: RequestContext,
    given: Given,
    values: unknown[],
    taker: Taker<Given>,
  ): Promise<unknown> {
    values.push(await values.pop());
    for (const { read, validate } of this.#parts.slice(values.length)) {
      const sent = read(ctx);
      if (sent instanceof Refused) return taker.refuse(ctx, sent);
      values.push(await validated(validate, sent));
    }
    return this.#settle(ctx, given, values, taker);
  }

  #settle<Given>(
    ctx: RequestContext,
    given: Given,
    values: readonly unknown[],
    { use, refuse }: Taker<Given>,
  ): unknown {
    for (let at = 0; at < values.length; at++) {
      if (values[at] instanceof Refusal) {
        return refuse(ctx, new Misfit(this.#refused(values)));
      }
    }
    return use(ctx, values, given);
  }

  #refused(values: readonly unknown[]): RefusedPart[] {
    const refused: RefusedPart[] = [];
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value instanceof Refusal) refused.push([this.#parts[at]!.name, value]);
    }
    return refused;
  }

  /** Puts the values in the place of what was sent. */
  give(ctx: RequestContext, values: readonly unknown[]): void {
    const parts = this.#parts;
    for (let at = 0; at < parts.length; at++) ctx.setPart(parts[at]!.name, values[at]);
  }

  /** The values by the names of their parts. */
  named(values: readonly unknown[]): Partial<Record<PartName, unknown>> {
    return Object.fromEntries(this.#parts.map(({ name }, at) => [name, values[at]]));
  }
}

/** A schema that contains itself has no end of its own: that of the stack is told to the client. */
function validated(validate: Validator, sent: unknown): unknown {
  try {
    return validate(sent);
  } catch (error) {
    if (!(error instanceof RangeError && error.message.includes("call stack"))) throw error;
    return new Refusal([{ at: "", fault: faultOf("", "is nested too deeply") }]);
  }
}

/** Names of the query that a schema speaks of; of other libraries' schemas they are unknown. */
export function queryNamesOf({ query }: PartSchemas): readonly string[] {
  return Object.keys(propertiesOf(query) ?? {});
}

/** Properties of a schema of TypeBox that is an object. */
export function propertiesOf(schema: Part): Readonly<Record<string, SchemaNode>> | undefined {
  if (schema === undefined || !isTypeBox(schema)) return undefined;
  const { properties, allOf } = schema;
  if (allOf === undefined) return properties;
  return Object.assign({}, ...allOf.map((member) => propertiesOf(member as unknown as Schema)));
}

function compilePart(name: PartName, schema: Schema, queryNames: readonly string[]): CompiledPart {
  const origin: Origin = name === "body" ? "json" : "text";
  const known = name === "query" ? queryNames : [];
  return { name, read: readerOf(name, schema), validate: validatorOf(schema, origin, known) };
}

function readerOf(name: PartName, schema: Schema): CompiledPart["read"] {
  const properties = propertiesOf(schema);
  switch (name) {
    case "params":
      return picker(schema, (ctx) => ctx.params);
    case "query":
      return queryReader(properties);
    case "headers":
      return headersReader(properties);
    case "cookies":
      return picker(schema, (ctx) => ctx.cookies);
    case "body":
      return readJson;
  }
}

/** Other captures and cookies are not what a client could leave out, so they are never refused. */
function picker(
  schema: Schema,
  read: (ctx: RequestContext) => Readonly<Record<string, string | undefined>>,
): CompiledPart["read"] {
  const properties = propertiesOf(schema);
  const refuses = isTypeBox(schema) && schema.additionalProperties !== undefined;
  if (properties === undefined || !refuses) return read;
  const names = Object.keys(properties);
  return (ctx) => {
    const all = read(ctx);
    const fields: Record<string, unknown> = Object.create(null);
    for (const name of names) if (all[name] !== undefined) fields[name] = all[name];
    return fields;
  };
}

/** Of names that are arrays all values; where that is unknown, of names that come again. */
function queryReader(
  properties: Readonly<Record<string, SchemaNode>> | undefined,
): CompiledPart["read"] {
  if (properties === undefined) {
    return (ctx) => {
      const fields: Record<string, unknown> = Object.create(null);
      for (const [name, values] of ctx.allQueries()) {
        fields[name] = values.length === 1 ? values[0] : values;
      }
      return fields;
    };
  }
  const lists = Object.keys(properties).filter((name) => isList(properties[name]!));
  if (lists.length === 0) return (ctx) => ctx.query;
  return (ctx) => {
    const fields: Record<string, unknown> = Object.assign(Object.create(null), ctx.query);
    for (const name of lists) if (fields[name] !== undefined) fields[name] = ctx.queries(name);
    return fields;
  };
}

/** Only what the schema names is read; a list stands in one line, or in several (RFC 9110 5.3). */
function headersReader(
  properties: Readonly<Record<string, SchemaNode>> | undefined,
): CompiledPart["read"] {
  if (properties === undefined) return (ctx) => ctx.headers.toJSON();
  const names = Object.keys(properties);
  return (ctx) => {
    const fields: Record<string, unknown> = Object.create(null);
    for (const name of names) {
      const text = ctx.header(name);
      if (text === undefined) continue;
      fields[name] = isList(properties[name]!) ? text.split(",").map((item) => item.trim()) : text;
    }
    return fields;
  };
}

function isList(node: SchemaNode): boolean {
  if (kindOfNode(node) === "Union") return (node.anyOf ?? []).some(isList);
  return kindOfNode(node) === "Array";
}

/** `application/json`, and what is made of it, such as `application/merge-patch+json`. */
const jsonType = /^application\/(?:[\w.-]+\+)?json[\t ]*(?:;|$)/i;

/**
 * The body as JSON; undefined when there is none. A type is demanded, because what has none can be
 * sent by the page of another site without asking (CORS).
 */
function readJson(ctx: RequestContext): unknown | Refused {
  const type = ctx.fieldValue("content-type", 0);
  if (type === "application/json" || (type !== undefined && jsonType.test(type))) {
    return parseJson(ctx.text());
  }
  if (type === undefined && ctx.text() === "") return undefined;
  return new RefusedAs("unsupported_media_type", "The body of this route is application/json.");
}
