/**
 * What a program declared on one application, in order, and how nested and merged applications
 * become one list of routes and one of middleware. `app.ts` collects, `program.ts` compiles.
 */
import type { Around, Scope, Step } from "./compose.ts";
import { isDevelopment } from "./environment.ts";
import { ChopinError } from "./errors.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import type { OpenApiOptions } from "./openapi/options.ts";
import type { RouteDeclaration } from "./route.ts";
import type { RouteOptions } from "./route-options.ts";
import type { TrustProxy } from "./trust-proxy.ts";
import type { Audience } from "./websocket/audience.ts";

/** Options of an application; those of the outermost hold. */
export interface AppOptions {
  /** "strict": `/a` and `/a/` differ. "ignore": they are the same. */
  readonly trailingSlash?: "strict" | "ignore";
  /**
   * Proxies whose word is taken for `ctx.ip`, `ctx.secure` and `ctx.host`, where `serve` says
   * nothing else; false unless told. See `docs/proxies.md`.
   */
  readonly trustProxy?: TrustProxy;
}

type Entry =
  | { readonly type: "route"; readonly route: RouteDeclaration }
  | { readonly type: "layer"; readonly prefix: string; readonly around: Around }
  | { readonly type: "nest"; readonly prefix: string; readonly definition: Definition }
  | { readonly type: "merge"; readonly definition: Definition }
  | Reporter;

/** Routes that tell of all routes of an application, and so are made where it stands. */
interface Reporter {
  readonly type: "reporting";
  /** Whether they are there in production. */
  readonly production: boolean;
  readonly document: OpenApiOptions;
  readonly make: (list: () => readonly RouteListing[]) => readonly RouteDeclaration[];
}

export interface Definition {
  readonly options: AppOptions;
  readonly entries: Entry[];
  onError: Scope["onError"];
  onInvalid: Scope["onInvalid"];
  notFound: Step | undefined;
  /** Those of the outermost application hold. */
  metrics: Metrics | undefined;
  health: Health | undefined;
  /** Who hears what is published on it. */
  readonly audience: Audience;
}

/** A route in a listing. */
export interface RouteListing {
  /** Method token, or "*" for all. */
  readonly method: string;
  readonly path: string;
  readonly name: string | undefined;
  /** File, line and column of its declaration. */
  readonly place: string;
  /** What it was declared with: schemas, extractors, documentation. */
  readonly options: RouteOptions<never>;
  /** The answer, where it is the same for every request; undefined: there is a handler. */
  readonly constant: unknown;
  /** Hooks that may answer for errors in place of the usual problem body. */
  readonly hooks: { readonly onError: boolean; readonly onInvalid: boolean };
}

/** A route with its whole path. */
export interface FlatRoute {
  readonly declaration: RouteDeclaration;
  readonly path: string;
  readonly scope: FlatScope;
}

/** A middleware with its whole prefix; "" covers everything. */
export interface FlatLayer {
  readonly prefix: string;
  readonly around: Around;
  readonly scope: FlatScope;
}

/** A scope and the prefix below which it is asked; "" is the outermost. */
export interface FlatScope extends Scope {
  readonly prefix: string;
}

export interface FlatDefinition {
  readonly routes: readonly FlatRoute[];
  /** Outermost first: those of an application before those of applications nested in it. */
  readonly layers: readonly FlatLayer[];
  /** Every application before those nested in it. */
  readonly scopes: readonly FlatScope[];
}

/**
 * One list of everything that is declared on an application and on those nested in it or merged.
 *
 * @throws ChopinError `invalid_route` when an application contains itself.
 */
export function flatten(definition: Definition, development: boolean): FlatDefinition {
  const flat = { routes: [] as FlatRoute[], layers: [] as FlatLayer[], scopes: [] as FlatScope[] };
  collect(definition, "", undefined, []);
  return flat;

  function collect(
    own: Definition,
    prefix: string,
    parent: FlatScope | undefined,
    around: readonly Definition[],
  ): void {
    const merged = [...entriesOf(own, around)];
    const onError = own.onError ?? firstOf(own, "onError");
    const onInvalid = own.onInvalid ?? firstOf(own, "onInvalid");
    const notFound = own.notFound ?? firstOf(own, "notFound");
    const scope: FlatScope = { prefix, parent, onError, onInvalid, notFound, development };
    flat.scopes.push(scope);
    for (const entry of merged) {
      if (entry.type === "route") {
        const path = joinPaths(prefix, entry.route.path);
        flat.routes.push({ declaration: entry.route, path, scope });
      } else if (entry.type === "layer") {
        const whole = joinPaths(prefix, entry.prefix);
        flat.layers.push({ prefix: whole === "/" ? "" : whole, around: entry.around, scope });
      } else if (entry.type === "reporting" && (development || entry.production)) {
        for (const declaration of entry.make(() => listRoutes(own, prefix, hooksOf(parent)))) {
          flat.routes.push({ declaration, path: joinPaths(prefix, declaration.path), scope });
        }
      }
    }
    for (const entry of merged) {
      if (entry.type !== "nest") continue;
      const inside = joinPaths(prefix, entry.prefix);
      collect(entry.definition, inside === "/" ? "" : inside, scope, [...around, own]);
    }
  }
}

/** A prefix and a path below it: `/` below `/api` is `/api` itself. */
export function joinPaths(prefix: string, path: string): string {
  if (prefix === "") return path;
  return path === "/" || path === "" ? prefix : prefix + path;
}

/**
 * Every route with its whole path, in the order of declaration. `around` is what the applications
 * have that this one is nested in.
 */
export function listRoutes(
  definition: Definition,
  prefix: string,
  around: RouteListing["hooks"] = { onError: false, onInvalid: false },
): RouteListing[] {
  const has = (name: "onError" | "onInvalid") =>
    around[name] || (definition[name] ?? firstOf(definition, name)) !== undefined;
  const hooks = { onError: has("onError"), onInvalid: has("onInvalid") };
  const listed = ({ method, path, options, place, answer }: RouteDeclaration): RouteListing => {
    const constant = typeof answer === "function" ? undefined : answer;
    const whole = joinPaths(prefix, path);
    return { method, path: whole, name: options.name, place, options, constant, hooks };
  };
  return definition.entries.flatMap((entry) => {
    if (entry.type === "layer") return [];
    if (entry.type === "merge") return listRoutes(entry.definition, prefix, hooks);
    if (entry.type === "nest") {
      return listRoutes(entry.definition, joinPaths(prefix, entry.prefix), hooks);
    }
    if (entry.type === "route") return [listed(entry.route)];
    return entry.production || isDevelopment() ? entry.make(() => []).map(listed) : [];
  });
}

/** Which hooks an application or those around it have. */
function hooksOf(scope: FlatScope | undefined): RouteListing["hooks"] {
  const hooks = { onError: false, onInvalid: false };
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    hooks.onError ||= at.onError !== undefined;
    hooks.onInvalid ||= at.onInvalid !== undefined;
  }
  return hooks;
}

/** What was said of the document of an application: on it, else on one that was merged. */
export function documentOptionsOf(definition: Definition): OpenApiOptions | undefined {
  const { entries } = definition;
  const own = entries.find((entry) => entry.type === "reporting");
  if (own !== undefined) return own.document;
  for (const entry of entries) {
    if (entry.type !== "merge") continue;
    const found = documentOptionsOf(entry.definition);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * A prefix without a slash at its end; "" for "/".
 *
 * @throws ChopinError `invalid_route`.
 */
export function checkPrefix(prefix: string): string {
  if (typeof prefix !== "string" || !prefix.startsWith("/")) {
    throw new ChopinError("invalid_route", `A prefix starts with a slash: ${String(prefix)}.`);
  }
  return prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
}

/** Entries with those of merged applications in their place. */
function* entriesOf(
  definition: Definition,
  around: readonly Definition[],
): Generator<Exclude<Entry, { type: "merge" }>> {
  if (around.includes(definition)) {
    throw new ChopinError(
      "invalid_route",
      "An application cannot be nested in or merged with itself.",
    );
  }
  for (const entry of definition.entries) {
    if (entry.type === "merge") yield* entriesOf(entry.definition, [...around, definition]);
    else yield entry;
  }
}

/** A hook of a merged application counts where there is none yet. */
function firstOf<Name extends "onError" | "onInvalid" | "notFound">(
  definition: Definition,
  name: Name,
): Definition[Name] | undefined {
  for (const entry of definition.entries) {
    if (entry.type !== "merge") continue;
    const found = entry.definition[name] ?? firstOf(entry.definition, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
