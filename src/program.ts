/**
 * An application compiled for serving: its routes in the native router, its chains composed. Made once
 * by `app.ts`, read by the dispatch and by `fetch.ts`.
 */
import { PreparedAnswer } from "./answer.ts";
import { type Around, compose, type Ring, type Scope, type Step } from "./compose.ts";
import type { Definition, FlatDefinition, FlatRoute, FlatScope } from "./definition.ts";
import { flatten } from "./definition.ts";
import { ChopinError, type ProblemCode, problemBody, problems } from "./errors.ts";
import { kind, methodId, special } from "./native/abi.ts";
import { RouteRefused, Router } from "./native/router.ts";
import type { CaptureNames, RequestContext } from "./request-context.ts";
import { middlewareOf, type RouteDeclaration } from "./route.ts";
import { prepareConstant } from "./static.ts";

/** A ring and the bit of its prefix in a request's coverage. */
interface CoveredRing extends Ring {
  readonly bit: number;
}

interface CoveredScope {
  readonly scope: FlatScope;
  readonly bit: number;
}

/** The bit of what covers every path. */
const everywhere = -1;

/** Something that requests end at: a route, or the answer for a path or method without one. */
export class Target implements CaptureNames {
  readonly names: readonly string[];
  readonly wildcard: boolean;
  readonly bodyLimit: number;
  readonly #chainFor: (coverage: number) => Chain;
  readonly #chains = new Map<number, Chain>();
  #lastCoverage: number;
  #lastChain: Chain;

  constructor(
    captures: CaptureNames,
    bodyLimit: number,
    coverage: number,
    chainFor: (coverage: number) => Chain,
  ) {
    this.names = captures.names;
    this.wildcard = captures.wildcard;
    this.bodyLimit = bodyLimit;
    this.#chainFor = chainFor;
    this.#lastCoverage = coverage;
    this.#lastChain = chainFor(coverage);
    this.#chains.set(coverage, this.#lastChain);
  }

  /** What runs for a request that these prefixes cover. Few sets of prefixes exist, so all are kept. */
  chain(coverage: number): Chain {
    if (coverage === this.#lastCoverage) return this.#lastChain;
    let chain = this.#chains.get(coverage);
    if (chain === undefined) {
      chain = this.#chainFor(coverage);
      this.#chains.set(coverage, chain);
    }
    this.#lastCoverage = coverage;
    this.#lastChain = chain;
    return chain;
  }
}

/** A composed chain, or a handler alone; and who answers for its errors. */
export interface Chain {
  readonly step: Step;
  readonly scope: Scope;
}

export class Program {
  readonly router: Router;
  readonly targets: readonly Target[];
  readonly #specials: ReadonlyMap<number, Target>;

  constructor(router: Router, targets: readonly Target[], specials: ReadonlyMap<number, Target>) {
    this.router = router;
    this.targets = targets;
    this.#specials = specials;
  }

  /** Where the router sent a request; `handler` is an index or one of `special`. */
  target(handler: number): Target {
    const target = this.targets[handler] ?? this.#specials.get(handler);
    if (target === undefined) {
      throw new ChopinError(
        "native_failure",
        `The router named a handler that does not exist: ${handler}.`,
      );
    }
    return target;
  }
}

export interface ProgramOptions {
  readonly bodyLimit: number;
  readonly development: boolean;
}

/**
 * Compiles what was declared.
 *
 * @throws ChopinError with both places for a duplicate or conflicting route, or for a pattern that is refused.
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
    for (const route of flat.routes) {
      targets.push(await addRoute(router, route, flat.routes, rings, options.bodyLimit));
    }
    commit(router, flat, definition);
    return new Program(router, targets, specialTargets(rings, scopes));
  } catch (error) {
    router.destroy();
    throw error;
  }
}

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
  route: FlatRoute,
  all: readonly FlatRoute[],
  rings: readonly CoveredRing[],
  bodyLimit: number,
): Promise<Target> {
  const { declaration, path, scope } = route;
  const id = all.indexOf(route);
  const limit = declaration.options.bodyLimit ?? bodyLimit;
  const named = `${declaration.method} ${path} (${declaration.place})`;
  try {
    router.add(methodOf(router, declaration.method), path, id, limit);
  } catch (error) {
    throw refusal(error, named, all);
  }
  const own = middlewareOf(declaration.options).map(
    (around): Ring => ({ around: around as unknown as Around, scope }),
  );
  const handler = await handlerOf(router, declaration, id, own.length > 0);
  return new Target(captureNames(path), limit, literalCoverage(path, router), (coverage) => {
    const covering = [...rings.filter((ring) => covers(ring.bit, coverage)), ...own];
    const step = covering.length === 0 ? handler : compose(covering, handler, scope);
    return { step, scope };
  });
}

/** The handler itself, or a step that gives the constant answer. */
async function handlerOf(
  router: Router,
  declaration: RouteDeclaration,
  id: number,
  surrounded: boolean,
): Promise<Step> {
  const { answer } = declaration;
  if (typeof answer === "function") return answer as Step;
  const constant = await prepareConstant(answer);
  // Middleware of the route alone is unknown to the router: the constant is then given from here.
  if (surrounded) constant.native = false;
  else router.constant(id, constant);
  return () => constant;
}

function methodOf(router: Router, method: string): number {
  return method === "*" ? methodId.all : router.method(method);
}

function commit(router: Router, flat: FlatDefinition, definition: Definition): void {
  try {
    router.commit({
      globalLayer: flat.layers.some((layer) => layer.prefix === ""),
      trailingSlashIgnored: definition.options.trailingSlash === "ignore",
      customNotFound: flat.scopes[0]?.notFound !== undefined,
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

function specialTargets(
  rings: readonly CoveredRing[],
  scopes: readonly CoveredScope[],
): ReadonlyMap<number, Target> {
  const captures: CaptureNames = { names: [], wildcard: false };
  const target = (handlerIn: (scope: FlatScope) => Step): Target =>
    new Target(captures, 0, 0, (coverage) => {
      const scope = innermost(scopes, coverage);
      const handler = handlerIn(scope);
      const covering = rings.filter((ring) => covers(ring.bit, coverage));
      const step = covering.length === 0 ? handler : compose(covering, handler, scope);
      return { step, scope };
    });
  const notFound = specialStep("not_found");
  return new Map([
    [special.notFound, target((scope) => customNotFound(scope) ?? notFound)],
    [special.methodNotAllowed, target(() => specialStep("method_not_allowed"))],
    [special.notImplemented, target(() => specialStep("not_implemented"))],
    [special.options, target(() => optionsStep)],
  ]);
}

/** The handler for unknown paths, with the status that such an answer has unless it says otherwise. */
function customNotFound(scope: FlatScope): Step | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const { notFound } = at;
    if (notFound === undefined) continue;
    return (ctx) => {
      if (ctx.draftStatus === 0) ctx.draftStatus = 404;
      return notFound(ctx);
    };
  }
  return undefined;
}

/** The application with the longest prefix that covers the path. */
function innermost(scopes: readonly CoveredScope[], coverage: number): FlatScope {
  let found = scopes[0]!.scope;
  for (const { scope, bit } of scopes) {
    if (covers(bit, coverage) && scope.prefix.length >= found.prefix.length) found = scope;
  }
  return found;
}

/** The same answer as native code gives, for middleware to see. */
function specialStep(code: ProblemCode): Step {
  const [status] = problems[code];
  const body = problemBody(status, code);
  return (ctx) => {
    const answer = new PreparedAnswer(kind.problem, body, status, undefined);
    if (status === 405) allow(answer, ctx);
    answer.native = true;
    return answer;
  };
}

const optionsStep: Step = (ctx) => {
  const answer = new PreparedAnswer(kind.none, null, 204, undefined);
  allow(answer, ctx);
  answer.native = true;
  return answer;
};

function allow(answer: PreparedAnswer, ctx: RequestContext): void {
  answer.fields = [{ name: "allow", key: "allow", value: ctx.allow, appended: false }];
}

function covers(bit: number, coverage: number): boolean {
  return bit === everywhere || ((coverage >>> bit) & 1) === 1;
}

/** The coverage that most requests of a route have: prefixes whose text its path starts with. */
function literalCoverage(path: string, router: Router): number {
  let coverage = 0;
  for (const [prefix, bit] of router.prefixes) {
    if (path === prefix || path.startsWith(`${prefix}/`)) coverage |= 1 << bit;
  }
  return coverage >>> 0;
}

/** Names of the captures of a pattern, in order. Whether it is well-formed the native router decides. */
export function captureNames(path: string): CaptureNames {
  const names: string[] = [];
  let wildcard = false;
  for (const segment of path.split("/")) {
    const name = /^:([A-Za-z_][A-Za-z0-9_]*)/.exec(segment)?.[1];
    if (name !== undefined) names.push(name);
    if (!segment.startsWith("*")) continue;
    names.push(segment.slice(1) || "*");
    wildcard = true;
  }
  return { names, wildcard };
}
