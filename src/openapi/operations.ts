/** Operations of a document, one for each method of each path. Called by `document.ts`. */
import type { RouteListing } from "../definition.ts";
import { ChopinError } from "../errors.ts";
import { describeRoute, type RouteDescription } from "../schema/describe.ts";
import { type JsonSchema, jsonSchemaOf, libraryOf, type Side } from "../schema/json-schema.ts";
import type { Schema } from "../schema/types.ts";
import { capitalised, operationName } from "./operation-id.ts";
import { parametersFor } from "./parameters.ts";
import type { PathVariant } from "./paths.ts";
import type { Place } from "./places.ts";
import type { Problems } from "./problems.ts";
import { resolve, withDefinitions } from "./references.ts";
import { responsesFor } from "./responses.ts";

/** A route and what is known of it. */
export interface DescribedRoute {
  readonly listing: RouteListing;
  readonly description: RouteDescription;
  /** Method, path and place, for errors. */
  readonly named: string;
}

/** Describes a route with definitions in the place of what its schemas refer to. */
export function describe(listing: RouteListing, variant: PathVariant): DescribedRoute {
  const named = `${listing.method} ${listing.path} (${listing.place})`;
  const { operationId } = listing.options;
  const method = listing.method === "*" ? "ALL" : listing.method;
  const name = capitalised(operationId ?? operationName(method, variant.segments));
  const read = (schema: Schema, side: Side): JsonSchema | undefined => {
    const told = jsonSchemaOf(schema, side);
    const wish = name + (side === "input" ? "Request" : "Answer");
    if (told === undefined) return undefined;
    return withDefinitions(told, { side, route: named, wish, library: libraryOf(schema) });
  };
  try {
    return { listing, named, description: describeRoute(listing, { read, resolve }) };
  } catch (error) {
    if (!(error instanceof ChopinError) || error.message.startsWith(named)) throw error;
    throw new ChopinError(error.code, `${named}: ${error.message}.`, { cause: error });
  }
}

/** The operation that stands at a place, under the name that it got. */
export function operationOf(
  { candidate, names, notes }: Place,
  operationId: string,
  problems: Problems,
): JsonSchema {
  const { route, method, segments } = candidate;
  const { summary, tags, deprecated, security, body } = route.description;
  const text = [route.description.description, ...notes].filter((part) => part !== undefined);
  const parameters = parametersFor(route.description, segments, names);
  const operation = {
    operationId,
    summary,
    description: text.length === 0 ? undefined : text.join("\n\n"),
    tags,
    deprecated: deprecated || undefined,
    security,
    parameters: parameters.length === 0 ? undefined : parameters,
    requestBody: body && {
      required: body.required,
      content: { "application/json": { schema: body.schema } },
    },
    responses: responsesFor(route, method, problems),
  };
  return Object.fromEntries(Object.entries(operation).filter(([, value]) => value !== undefined));
}
