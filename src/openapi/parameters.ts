/** Parameters of an operation. Called by `operations.ts`. */
import type { ParameterDescription, RouteDescription } from "../schema/describe.ts";
import type { JsonSchema } from "../schema/json-schema.ts";
import { typesOf } from "../schema/json-types.ts";
import type { PathCapture, PathSegment } from "./paths.ts";
import { Definition, resolve } from "./references.ts";

/** Fields that OpenAPI tells in other ways: parameters of these names are ignored (3.1, 4.8.12). */
const otherwise: readonly string[] = ["accept", "content-type", "authorization"];

const ofWildcard =
  "The rest of the path: slashes in it separate segments and are sent as they are. May be empty.";

/** The parameters of a path with captures by these names, in order. */
export function parametersFor(
  { parameters }: RouteDescription,
  segments: readonly PathSegment[],
  names: readonly string[],
): JsonSchema[] {
  const captures = segments.filter((segment) => typeof segment !== "string");
  const ofPath = captures.flatMap((capture, at) => {
    const found = parameters.find((one) => one.in === "path" && one.name === capture.name);
    return found === undefined ? [] : [captureOf(found, capture, names[at]!)];
  });
  const others = parameters.filter(
    (one) =>
      one.in !== "path" && !(one.in === "header" && otherwise.includes(one.name.toLowerCase())),
  );
  return [...ofPath, ...others.map((one) => parameterOf(one, one.name, {}))];
}

function captureOf(found: ParameterDescription, capture: PathCapture, name: string): JsonSchema {
  const schema = withPattern(found.schema, capture.pattern);
  const description = capture.wildcard ? { description: ofWildcard } : {};
  return parameterOf({ ...found, schema }, name, description);
}

/** The route's own constraint, where values are text. */
function withPattern(schema: JsonSchema, pattern: string | undefined): JsonSchema {
  if (pattern === undefined) return schema;
  const types = typesOf(schema, resolve);
  if (types !== undefined && !types.has("string")) return schema;
  const free = schema.pattern === undefined && schema.$ref === undefined;
  return free ? { ...schema, pattern } : { allOf: [schema, { type: "string", pattern }] };
}

function parameterOf(
  { in: where, required, schema, open = false }: ParameterDescription,
  name: string,
  usual: JsonSchema,
): JsonSchema {
  const { description, deprecated, ...rest } = schema;
  // What a schema says of itself stays there when it has a name.
  const told = schema.$ref instanceof Definition ? resolve(schema) : { description, deprecated };
  const lifted = {
    ...usual,
    ...(typeof told.description === "string" && { description: told.description }),
    ...(told.deprecated === true && { deprecated: true }),
  };
  const list = open || typesOf(schema, resolve)?.has("array") === true;
  return {
    name,
    in: where,
    ...lifted,
    ...(required && { required }),
    ...(list && where === "query" && { style: "form", explode: true }),
    ...(list && where === "header" && { style: "simple", explode: false }),
    schema: rest,
  };
}
