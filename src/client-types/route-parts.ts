/**
 * What one route takes and answers, as the members of its entry in the map: those of `RouteShape`
 * in `routes.ts`, with what its extractors take and answer. Called by `declarations.ts`.
 */
import type { RouteListing } from "../definition.ts";
import { resolve, withDefinitions } from "../openapi/references.ts";
import { captureNames } from "../route.ts";
import { describeRoute } from "../schema/describe.ts";
import { inOrder } from "../schema/extraction.ts";
import type { PartName } from "../schema/issue.ts";
import { type JsonSchema, jsonSchemaOf, libraryOf, type Side } from "../schema/json-schema.ts";
import type { Schema } from "../schema/types.ts";
import { asSent, type SchemaReader } from "./json-schema-type.ts";
import {
  intersection,
  type Member,
  type ObjectType,
  type TypeNode,
  text,
  union,
  unknownType,
} from "./type-node.ts";

/** Schemas of a route; undefined where the library of one has no JSON Schema for it. */
export interface RouteSchemas {
  /** Those of the route, then those of its extractors. */
  readonly parts: readonly {
    readonly name: PartName;
    readonly schemas: readonly (JsonSchema | undefined)[];
  }[];
  readonly bodyRequired: boolean;
  readonly answers: readonly {
    readonly status: number;
    /** Null: without a body. */
    readonly schema: JsonSchema | undefined | null;
    /** The body is no JSON. */
    readonly bytes: boolean;
  }[];
}

const partNames: readonly PartName[] = ["params", "query", "headers", "cookies", "body"];

/**
 * The schemas of a route, in which those that have a name are references.
 *
 * @throws ChopinError `invalid_route` for a reference to nothing.
 */
export function schemasOf(listing: RouteListing): RouteSchemas {
  const { method, path, place, options } = listing;
  const route = `${method} ${path} (${place})`;
  const read = (schema: Schema, side: Side): JsonSchema | undefined => {
    const told = jsonSchemaOf(schema, side);
    if (told === undefined) return undefined;
    const wish = wordsOf(`${method} ${path} ${side === "input" ? "request" : "answer"}`);
    const origin = { side, route, wish, library: libraryOf(schema) };
    return withDefinitions(side === "input" ? asSent(told) : told, origin);
  };
  const extractors = inOrder(options.extract).map((one) => one.options);
  const { body, answers } = describeRoute(listing, { read, resolve });
  return {
    parts: partNames.map((name) => {
      const sources = name === "body" ? [options] : [options, ...extractors];
      const given = sources
        .map((source) => (source as Readonly<Partial<Record<PartName, Schema>>>)[name])
        .filter((schema) => schema !== undefined);
      return { name, schemas: given.map((schema) => read(schema, "input")) };
    }),
    bodyRequired: body?.required ?? true,
    answers: answers
      // An error that is thrown without a schema is a problem document, as any other.
      .filter(({ thrown, hasBody }) => hasBody || thrown !== true)
      .toSorted((one, other) => one.status - other.status)
      .map(({ status, schema, hasBody, content }) => ({
        status,
        schema: hasBody ? schema : null,
        bytes: content.some(({ mediaType }) => mediaType === "application/octet-stream"),
      })),
  };
}

/** The members of the entry, in the order of `RouteShape`. */
export function membersOf(path: string, schemas: RouteSchemas, reader: SchemaReader): Member[] {
  const typeOf = (name: PartName, given: RouteSchemas["parts"][number]["schemas"]): TypeNode => {
    if (name === "params") return paramsOf(path, given, reader);
    const type = together(given, reader);
    return name === "body" && !schemas.bodyRequired ? union([type, text("undefined")]) : type;
  };
  const members = schemas.parts.map(
    ({ name, schemas: given }): Member => ({ name, readonly: true, type: typeOf(name, given) }),
  );
  // Where nothing is declared a client has a status and an unknown body.
  const answers = schemas.answers.map(
    ({ status, schema, bytes }): Member => ({
      name: status,
      readonly: true,
      type: schema === null ? text("null") : bytes ? text("Uint8Array") : reader.read(schema),
    }),
  );
  return [
    ...members,
    { name: "answers", readonly: true, type: { kind: "object", members: answers } },
  ];
}

/** The captures of a path; those that no schema speaks of are text. */
function paramsOf(
  path: string,
  schemas: readonly (JsonSchema | undefined)[],
  reader: SchemaReader,
): TypeNode {
  const optional = optionalCaptures(path);
  const known = new Set(
    schemas
      .flatMap((schema) => (schema === undefined ? undefined : reader.readObject(schema))?.members)
      .map((member) => member?.name),
  );
  const members = captureNames(path)
    .names.filter((name) => !known.has(name))
    .map(
      (name): Member => ({
        name,
        readonly: true,
        type: optional.has(name) ? union([text("string"), text("undefined")]) : text("string"),
      }),
    );
  const captures: ObjectType = { kind: "object", members };
  if (schemas.length === 0) return captures;
  return members.length === 0 ? together(schemas, reader) : together(schemas, reader, captures);
}

/** What is sent as a part: all that anybody of the route asks of it. */
function together(
  schemas: readonly (JsonSchema | undefined)[],
  reader: SchemaReader,
  more?: ObjectType,
): TypeNode {
  if (schemas.length === 0) return text("undefined");
  const types = schemas.map((schema) => (schema === undefined ? unknownType : reader.read(schema)));
  if (types.length === 1 && more === undefined) return types[0]!;
  const objects = schemas.map((schema) =>
    schema === undefined ? undefined : reader.readObject(schema),
  );
  const members = new Map<Member["name"], Member>();
  for (const one of more === undefined ? objects : [...objects, more]) {
    // One of any other kind, or of any keys: each has to hold by itself.
    if (one === undefined || one.others !== undefined) {
      return intersection(more === undefined ? types : [...types, more]);
    }
    for (const member of one.members) {
      if (!members.has(member.name)) members.set(member.name, member);
    }
  }
  return { kind: "object", members: [...members.values()] };
}

function optionalCaptures(path: string): ReadonlySet<string> {
  const optional = path.split("/").filter((segment) => /^:.*\?$/.test(segment));
  return new Set(optional.map((segment) => /^:(\w+)/.exec(segment)?.[1] ?? ""));
}

/** `PostUsersIdRequest`: a name for what contains itself and has none. */
function wordsOf(text: string): string {
  const words = text.toLowerCase().split(/[^a-z0-9]+/);
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}
