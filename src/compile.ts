/**
 * Compiles what a program declared: routes and prefixes into the native router, middleware into
 * chains. Called by `app.ts`.
 */
import { type Around, nearest, type Ring, type Step } from "./compose.ts";
import {
  type Definition,
  type FlatDefinition,
  type FlatRoute,
  type FlatScope,
  flatten,
} from "./definition.ts";
import { ChopinError } from "./errors.ts";
import { FileReference, type FilesHandler, filesHandler, withNotFound } from "./files.ts";
import { methodId } from "./native/abi.ts";
import { answerNatively } from "./native/files.ts";
import { RouteRefused } from "./native/route-refused.ts";
import { Router } from "./native/router.ts";
import {
  type CoveredRing,
  type CoveredScope,
  chainOver,
  everywhere,
  Program,
  Target,
} from "./program.ts";
import { captureNames, middlewareOf, type RouteDeclaration } from "./route.ts";
import { customNotFound, specialTargets } from "./special.ts";
import { prepareConstant } from "./static.ts";
import { endpointOf } from "./websocket/endpoint.ts";

export interface ProgramOptions {
  readonly bodyLimit: number;
  readonly development: boolean;
}

/**
 * Compiles what was declared.
 *
 * @throws ChopinError with both places for a duplicate or conflicting route, or for a pattern that
 * is refused.
 */
export async function compileProgram(
  definition: Definition,
  options: ProgramOptions,
): Promise<Program> {
  const flat = flatten(definition, options.development);
  const router = new Router();
  try {
    const rings = addPrefixes(router, flat);
    const scopes = coveredScopes(router, flat);
    const targets: Target[] = [];
    for (const id of flat.routes.keys()) {
      targets.push(await addRoute(router, flat.routes, id, rings, options.bodyLimit));
    }
    commit(router, flat, definition);
    const names = flat.routes.map(({ declaration, path }) => `${declaration.method} ${path}`);
    const program = new Program(router, targets, specialTargets(rings, scopes), names);
    for (const { declaration, path } of flat.routes) {
      const endpoint = endpointOf(declaration.answer);
      if (endpoint !== undefined) program.websockets.set(path, endpoint);
    }
    return program;
  } catch (error) {
    router.destroy();
    throw error;
  }
}

/** A limit in 32 bits that native code takes as none. */
const unlimited = 0xffff_ffff;

function addPrefixes(router: Router, flat: FlatDefinition): CoveredRing[] {
  return flat.layers.map(({ prefix, around, scope }) => ({
    around,
    scope,
    bit: prefix === "" ? everywhere : prefixBit(router, prefix),
  }));
}

/** Nested applications that answer for unknown paths below their prefix. */
function coveredScopes(router: Router, flat: FlatDefinition): CoveredScope[] {
  return flat.scopes
    .filter((scope) => scope.prefix === "" || scope.notFound !== undefined)
    .map((scope) => ({
      scope,
      bit: scope.prefix === "" ? everywhere : prefixBit(router, scope.prefix),
    }));
}

function prefixBit(router: Router, prefix: string): number {
  try {
    return router.prefix(prefix);
  } catch (error) {
    throw refusal(error, `Prefix ${prefix}`);
  }
}

async function addRoute(
  router: Router,
  all: readonly FlatRoute[],
  id: number,
  rings: readonly CoveredRing[],
  bodyLimit: number,
): Promise<Target> {
  const route = all[id]!;
  const { declaration, path, scope } = route;
  const { bodyLimit: ownLimit = bodyLimit, streamBody = false } = declaration.options;
  // Endless streams are for those who count by themselves.
  const limit = ownLimit === Number.POSITIVE_INFINITY ? unlimited : ownLimit;
  try {
    router.add(methodOf(router, declaration.method), path, id, { limit, stream: streamBody });
  } catch (error) {
    throw refusal(error, placed(route), all);
  }
  const own = middlewareOf(declaration.options).map(
    (around): Ring => ({ around: around as unknown as Around, scope }),
  );
  const schemas = await schemaSteps(declaration.options);
  const surrounded = own.length > 0 || schemas !== undefined;
  const inner = await handlerOf(router, declaration, id, surrounded, scope);
  const handler = schemas === undefined ? inner : schemas(route, inner);
  return new Target(captureNames(path), literalCoverage(path, router), (coverage) =>
    chainOver(rings, coverage, own, handler, scope),
  );
}

/** Schemas are compiled by what is loaded with the first of them. */
async function schemaSteps(
  options: RouteDeclaration["options"],
): Promise<typeof import("./schema/route-step.ts").schemaStep | undefined> {
  const { params, query, headers, cookies, body, response, extract } = options;
  const given = [params, query, headers, cookies, body, response, extract];
  if (given.every((option) => option === undefined)) return undefined;
  return (await import("./schema/route-step.ts")).schemaStep;
}

/** The handler itself, or a step that gives the constant answer. */
async function handlerOf(
  router: Router,
  declaration: RouteDeclaration,
  id: number,
  surrounded: boolean,
  scope: FlatScope,
): Promise<Step> {
  const { answer } = declaration;
  const endpoint = endpointOf(answer);
  if (endpoint !== undefined) {
    // What handshakes take is loaded with the first WebSocket.
    return (await import("./websocket/step.ts")).websocketStep(endpoint, scope) as Step;
  }
  if (typeof answer === "function") {
    const files = filesHandler(answer);
    return files === undefined ? (answer as Step) : filesStep(files);
  }
  if (answer instanceof FileReference) return (ctx) => answer.answer(ctx);
  const constant = await prepareConstant(answer);
  // Middleware of the route alone is unknown to the router: the constant is then given from here.
  if (surrounded) constant.native = false;
  else router.constant(id, constant);
  return () => constant;

  function filesStep({ root }: FilesHandler): Step {
    const notFound = customNotFound(scope);
    // Who answers for errors and for what is not there is asked then, and only then.
    const asked = notFound !== undefined || nearest(scope, "onError") !== undefined;
    if (root !== undefined && !surrounded) answerNatively(router.handle, id, root, asked);
    return notFound === undefined ? (answer as Step) : withNotFound(answer as Step, notFound);
  }
}

function methodOf(router: Router, method: string): number {
  return method === "*" ? methodId.all : router.method(method);
}

function commit(router: Router, flat: FlatDefinition, definition: Definition): void {
  try {
    router.commit({
      globalLayer: flat.layers.some((layer) => layer.prefix === ""),
      trailingSlashIgnored: definition.options.trailingSlash === "ignore",
      customNotFound: flat.scopes.some(
        ({ prefix, notFound }) => prefix === "" && notFound !== undefined,
      ),
    });
  } catch (error) {
    throw refusal(error, "A route", flat.routes);
  }
}

/** What the router refused, in words that name the places. */
function refusal(error: unknown, named: string, routes: readonly FlatRoute[] = []): unknown {
  if (!(error instanceof RouteRefused)) return error;
  const other = error.other === undefined ? undefined : routes[error.other];
  const own = error.handler === undefined ? undefined : routes[error.handler];
  const place = own === undefined ? named : placed(own);
  if (other === undefined) return new ChopinError(error.code, `${place}: ${error.message}.`);
  return new ChopinError(error.code, `${place} ${error.message} ${placed(other)}.`);
}

function placed({ declaration, path }: FlatRoute): string {
  return `${declaration.method} ${path} (${declaration.place})`;
}

/** The coverage that most requests of a route have: prefixes whose text its path starts with. */
function literalCoverage(path: string, router: Router): number {
  let coverage = 0;
  for (const [prefix, bit] of router.prefixes) {
    if (path === prefix || path.startsWith(`${prefix}/`)) coverage |= 1 << bit;
  }
  return coverage >>> 0;
}
