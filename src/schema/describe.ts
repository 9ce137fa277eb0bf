/**
 * What the registry of routes knows of each: the parts of its requests and its answers as JSON
 * Schema, those of its extractors included. The OpenAPI document is made from it.
 */
import type { RouteListing } from "../definition.ts";
import { captureNames } from "../route.ts";
import type { RouteDocumentation, SecurityRequirements } from "../route-options.ts";
import { mayBeAbsent } from "./absence.ts";
import {
  type AnswerDescription,
  answersOf,
  combinedAnswers,
  constantAnswers,
} from "./describe-answers.ts";
import {
  combinedParameters,
  type ParameterDescription,
  parametersIn,
  places,
  type Resolve,
} from "./describe-parameters.ts";
import { inOrder } from "./extraction.ts";
import { type JsonSchema, jsonSchemaOf, type Side } from "./json-schema.ts";
import type { Part, Schema } from "./types.ts";

export type { AnswerDescription } from "./describe-answers.ts";
export type { ParameterDescription } from "./describe-parameters.ts";

/** How schemas are read. `openapi/` puts references in the place of those that have a name. */
export interface SchemaReader {
  readonly read: (schema: Schema, side: Side) => JsonSchema | undefined;
  readonly resolve: Resolve;
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

const asTheyAre: SchemaReader = { read: jsonSchemaOf, resolve: (schema) => schema };

/** Describes a route of `app.routes()`. */
export function describeRoute(
  listing: RouteListing,
  reader: SchemaReader = asTheyAre,
): RouteDescription {
  const { method, path, place, options, constant } = listing;
  const { body } = options;
  const extractors = inOrder(options.extract).map((extractor) => extractor.options);
  const sources = [options, ...extractors];
  const captures = captureNames(path).names.map(
    (name): ParameterDescription => ({
      in: "path",
      name,
      required: true,
      schema: { type: "string" },
    }),
  );
  const declared = combinedParameters(sources.flatMap((source) => parametersOf(source, reader)));
  const answers = [
    ...answersOf(options.response, reader, false),
    ...(options.response === undefined ? constantAnswers(constant) : []),
    ...extractors.flatMap(({ response }) => answersOf(response, reader, true)),
  ];
  const security = options.security ?? combined(extractors.map((one) => one.security));
  const { summary, description, tags, operationId, deprecated, hidden } = options;
  const described = { summary, description, tags, operationId, deprecated, hidden, security };
  return {
    ...(present(described) as RouteDocumentation),
    method,
    path,
    place,
    parameters: firstOfEach([...declared, ...captures], (one) => `${one.in} ${one.name}`),
    body: body === undefined ? undefined : bodyOf(body, reader),
    answers: combinedAnswers(answers),
    validates:
      sources.some((source) =>
        [source.params, source.query, source.headers, source.cookies].some(
          (part) => part !== undefined,
        ),
      ) || body !== undefined,
  };
}

function bodyOf(body: Schema, reader: SchemaReader): RouteDescription["body"] {
  return { schema: reader.read(body, "input") ?? {}, required: !mayBeAbsent(body) };
}

function parametersOf(
  source: { readonly [Name in keyof typeof places]?: Part },
  { read, resolve }: SchemaReader,
): ParameterDescription[] {
  return Object.entries(places).flatMap(([part, where]) => {
    const schema = source[part as keyof typeof places];
    const whole = schema === undefined ? undefined : read(schema, "input");
    return whole === undefined ? [] : parametersIn(whole, where, resolve);
  });
}

/** One requirement of each extractor has to be met, in every way in which that can be done. */
function combined(
  lists: readonly (SecurityRequirements | undefined)[],
): SecurityRequirements | undefined {
  const asked = lists.filter((list) => list !== undefined && list.length > 0);
  if (asked.length === 0) return undefined;
  return (asked as readonly SecurityRequirements[]).reduce<SecurityRequirements>(
    (ways, list) => ways.flatMap((way) => list.map((requirement) => together(way, requirement))),
    [{}],
  );
}

type Requirement = SecurityRequirements[number];

function together(one: Requirement, other: Requirement): Requirement {
  const all = new Map(Object.entries(one));
  for (const [scheme, scopes] of Object.entries(other)) {
    all.set(scheme, [...new Set([...(all.get(scheme) ?? []), ...scopes])]);
  }
  return Object.fromEntries(all);
}

function firstOfEach<Item>(items: readonly Item[], keyOf: (item: Item) => unknown): Item[] {
  const first = new Map<unknown, Item>();
  for (const item of items) if (!first.has(keyOf(item))) first.set(keyOf(item), item);
  return [...first.values()];
}

function present(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
