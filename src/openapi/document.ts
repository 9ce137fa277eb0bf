/**
 * The OpenAPI document of an application, from the same registry that it serves by. Called by
 * programs, by the routes of `app.openapi` and by the command line.
 */
import type { RouteListing } from "../definition.ts";
import { ChopinError } from "../errors.ts";
import type { SecurityRequirements } from "../route-options.ts";
import type { JsonSchema } from "../schema/json-schema.ts";
import { writeDocument } from "./components.ts";
import { apart, numbered } from "./operation-id.ts";
import { type DescribedRoute, operationOf } from "./operations.ts";
import { checkDocumentOptions, type OpenApiOptions } from "./options.ts";
import { type Candidate, candidatesOf, type Place, placesOf } from "./places.ts";
import { Problems } from "./problems.ts";
import type { OpenApiDocument } from "./types.ts";

/** What has routes: an application. */
export interface OpenApiSource {
  routes(): readonly RouteListing[];
  /** @internal */
  documentOptions?(): OpenApiOptions | undefined;
}

/** The version that documents are of. */
const version = "3.1.0";

/**
 * The OpenAPI 3.1 document of an application: its routes, but for those that are `hidden`. The same
 * routes and options give the same document. Options that are not given are those of `app.openapi`.
 *
 * @throws ChopinError `invalid_option` for wrong options; `invalid_route`, which names the routes,
 * for two schemas or operations of one name, and for a security scheme that is not defined.
 * @example
 * const document = openApiDocument(app, { info: { title: "Shop", version: "1.2.0" } });
 * await Bun.write("openapi.json", JSON.stringify(document, null, 2));
 */
export function openApiDocument(
  app: OpenApiSource,
  options: OpenApiOptions = app.documentOptions?.() ?? {},
): OpenApiDocument {
  checkDocumentOptions("openApiDocument", options);
  const { info = {}, servers, tags, externalDocs, security, securitySchemes = {} } = options;
  const candidates = candidatesOf(app.routes());
  const routes = new Set(candidates.map(({ route }) => route));
  for (const { named, description } of routes) {
    checkSecurity(named, description.security, securitySchemes);
  }
  checkSecurity("security", security, securitySchemes);
  const problems = new Problems();
  const paths = pathsOf(placesOf(candidates), problems);
  const responses = problems.components();
  const { document, schemas } = writeDocument({ paths, ...(responses && { responses }) });
  const components = {
    ...(Object.keys(schemas).length > 0 && { schemas }),
    ...(document.responses !== undefined && { responses: document.responses }),
    ...(Object.keys(securitySchemes).length > 0 && { securitySchemes }),
  };
  const { title = "API", version: own = "0.0.0", ...more } = info;
  const whole = {
    openapi: version,
    info: { title, version: own, ...more },
    servers,
    tags,
    externalDocs,
    security,
    paths: document.paths,
    components: Object.keys(components).length > 0 ? components : undefined,
  };
  // Without what is undefined, and without a part that is in two places or the program's own.
  return JSON.parse(JSON.stringify(whole)) as OpenApiDocument;
}

/** Methods that an operation can have. */
const methods: readonly string[] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

function pathsOf(places: readonly Place[], problems: Problems): JsonSchema {
  const ids = operationIds(places.map(({ candidate }) => candidate));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const place of places) {
    const { candidate, path } = place;
    const { method } = candidate;
    const operation = operationOf(place, ids.get(candidate)!, problems);
    paths[path] ??= {};
    if (methods.includes(method)) paths[path][method.toLowerCase()] = operation;
    else {
      const others = paths[path]["x-additionalOperations"] as JsonSchema | undefined;
      paths[path]["x-additionalOperations"] = { ...others, [method]: operation };
    }
  }
  return paths;
}

/** A name for each operation: those that were given, then those that are made. */
function operationIds(candidates: readonly Candidate[]): ReadonlyMap<Candidate, string> {
  const ids = new Map<Candidate, string>();
  const taken = new Map<string, DescribedRoute>();
  const take = (candidate: Candidate, id: string) => {
    taken.set(id, candidate.route);
    ids.set(candidate, id);
  };
  for (const candidate of candidates.filter(({ given }) => given)) {
    const { id, route } = candidate;
    const other = taken.get(id);
    if (other !== undefined) {
      throw new ChopinError(
        "invalid_route",
        `The operationId ${JSON.stringify(id)} is that of ${other.named} and of ${route.named}: ` +
          "give one of them another.",
      );
    }
    take(candidate, id);
  }
  const made = Map.groupBy(
    candidates.filter(({ given }) => !given),
    ({ id }) => id,
  );
  for (const [wish, asking] of made) {
    const named = asking.map((candidate) => candidate.named);
    for (const [at, id] of apart(wish, named).entries()) {
      take(asking[at]!, taken.has(id) ? numbered(wish, named[at]!) : id);
    }
  }
  return ids;
}

function checkSecurity(
  named: string,
  security: SecurityRequirements | undefined,
  schemes: Readonly<Record<string, unknown>>,
): void {
  for (const scheme of (security ?? []).flatMap((one) => Object.keys(one))) {
    if (Object.hasOwn(schemes, scheme)) continue;
    throw new ChopinError(
      "invalid_route",
      `${named} asks for the security scheme ${JSON.stringify(scheme)}, which is not defined: ` +
        "name it in securitySchemes.",
    );
  }
}
