/**
 * What the registry of routes knows of each: the parts of its requests and its answers as JSON
 * Schema, those of its extractors included. The OpenAPI document is made from it.
 */
import type { RouteListing } from "../definition.ts";
import { captureNames } from "../route.ts";
import type { RouteDocumentation } from "../route-options.ts";
import { schemasByStatus } from "./answers.ts";
import { inOrder } from "./extraction.ts";
import type { PartName } from "./issue.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import type { Part, Responses } from "./types.ts";

/** A parameter: a capture, a query field, a field or a cookie. */
export interface ParameterDescription {
  readonly in: "path" | "query" | "header" | "cookie";
  readonly name: string;
  readonly required: boolean;
  /** Any text, where the route has no schema for it. */
  readonly schema: JsonSchema;
}

/** An answer of one status. */
export interface AnswerDescription {
  readonly status: number;
  /** Undefined: without a body, or the library of the schema has no JSON Schema for it. */
  readonly schema: JsonSchema | undefined;
  readonly hasBody: boolean;
}

export interface RouteDescription extends RouteDocumentation {
  /** Method token, or "*" for all. */
  readonly method: string;
  /** As it was declared: `/users/:id`. */
  readonly path: string;
  readonly place: string;
  readonly parameters: readonly ParameterDescription[];
  /** Of a JSON body; undefined when the route has none. */
  readonly body: { readonly schema: JsonSchema; readonly required: boolean } | undefined;
  /** By status, those of the route before those of its extractors. */
  readonly answers: readonly AnswerDescription[];
  /** It answers 422 `validation_failed`: something has a schema. */
  readonly validates: boolean;
}

const places: Readonly<Record<Exclude<PartName, "body">, ParameterDescription["in"]>> = {
  params: "path",
  query: "query",
  headers: "header",
  cookies: "cookie",
};

/** Describes a route of `app.routes()`. */
export function describeRoute(listing: RouteListing): RouteDescription {
  const { method, path, place, options } = listing;
  const { body } = options;
  const extractors = inOrder(options.extract).map((extractor) => extractor.options);
  const sources = [options, ...extractors];
  const declared = sources.flatMap((source) => parametersOf(source));
  const captures = captureNames(path).names.map(
    (name): ParameterDescription => ({
      in: "path",
      name,
      required: true,
      schema: { type: "string" },
    }),
  );
  const answers = sources.flatMap(({ response }) => answersOf(response));
  const security = options.security ?? combined(extractors.flatMap((one) => one.security ?? []));
  const { summary, description, tags, operationId, deprecated, hidden } = options;
  const described = { summary, description, tags, operationId, deprecated, hidden, security };
  return {
    ...(present(described) as RouteDocumentation),
    method,
    path,
    place,
    parameters: firstOfEach([...declared, ...captures], (one) => `${one.in} ${one.name}`),
    body: body === undefined ? undefined : bodyOf(body),
    answers: firstOfEach(answers, ({ status }) => status),
    validates:
      sources.some((source) =>
        [source.params, source.query, source.headers, source.cookies].some(
          (part) => part !== undefined,
        ),
      ) || body !== undefined,
  };
}

function bodyOf(body: NonNullable<Part>): RouteDescription["body"] {
  const optional = Symbol.for("TypeBox.Optional") in body;
  return { schema: jsonSchemaOf(body, "input") ?? {}, required: !optional };
}

function parametersOf(
  source: { readonly [Name in keyof typeof places]?: Part },
): ParameterDescription[] {
  return Object.entries(places).flatMap(([part, where]) => {
    const schema = source[part as keyof typeof places];
    const whole = schema === undefined ? undefined : jsonSchemaOf(schema, "input");
    const required = (whole?.required ?? []) as readonly string[];
    const properties = Object.entries((whole?.properties ?? {}) as Record<string, JsonSchema>);
    return properties.map(([name, member]) => ({
      in: where,
      name,
      // What has a default need not be sent; a path has all of its captures.
      required: where === "path" || (required.includes(name) && member.default === undefined),
      schema: member,
    }));
  });
}

function answersOf(response: Responses): AnswerDescription[] {
  if (response === undefined) return [];
  const { success, byStatus } = schemasByStatus(response);
  if (success !== undefined) {
    return [{ status: 200, schema: jsonSchemaOf(success, "output"), hasBody: true }];
  }
  return Object.keys(response).map((key) => {
    const status = Number(key);
    const schema = byStatus.get(status);
    const hasBody = schema !== undefined;
    return { status, schema: hasBody ? jsonSchemaOf(schema, "output") : undefined, hasBody };
  });
}

/** All that several extractors ask for has to be there at once. */
function combined(
  requirements: readonly Readonly<Record<string, readonly string[]>>[],
): RouteDocumentation["security"] {
  return requirements.length === 0 ? undefined : [Object.assign({}, ...requirements)];
}

function firstOfEach<Item>(items: readonly Item[], keyOf: (item: Item) => unknown): Item[] {
  const first = new Map<unknown, Item>();
  for (const item of items) if (!first.has(keyOf(item))) first.set(keyOf(item), item);
  return [...first.values()];
}

function present(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
