/**
 * Routes declared at the top level of modules, without an application at hand. `mountAllRoutes()`
 * takes and empties this registry.
 */
import type { State } from "./context.ts";
import type { ServeOptions } from "./environment.ts";
import { ChopinError } from "./errors.ts";
import { declareRoute, type RouteDeclaration } from "./route.ts";
import { type DeclareRoute, Route } from "./routes.ts";
import type { Server } from "./serving.ts";
import { declareWebSocket, WebSocketRoute } from "./websocket/declare.ts";
import type { AnyWebSocketOptions, DeclareWebSocket } from "./websocket/types.ts";

/** A promise of an application whose routes are still being imported, with `serve` at hand. */
export interface Mounting<App> extends Promise<App> {
  /** Waits for the imports, then serves. */
  serve(address?: string | number | ServeOptions): Promise<Server>;
}

let registry: RouteDeclaration[] = [];

/** Where Bun shows the modules of a compiled executable. */
const embeddedPrefixes: readonly string[] = ["/$bunfs/", "B:\\~BUN\\", "B:/~BUN/"];

/**
 * Declares a route for GET, and for HEAD unless that has its own. `post`, `put`, `patch`, `del`
 * (also exported as `delete`), `head`, `options` and `all` do the same for their methods.
 *
 * @throws ChopinError `invalid_route`.
 * @example
 * get("/users/:id", ({ params }) => ({ id: params.id }));
 */
export const get = declaring("GET");
/** Declares a route for POST. See `get`. */
export const post = declaring("POST");
/** Declares a route for PUT. See `get`. */
export const put = declaring("PUT");
/** Declares a route for PATCH. See `get`. */
export const patch = declaring("PATCH");
/** Declares a route for DELETE. See `get`. */
export const del = declaring("DELETE");
/** Declares a route for HEAD. See `get`. */
export const head = declaring("HEAD");
/** Declares a route for OPTIONS. See `get`. */
export const options = declaring("OPTIONS");
/** Declares a route for every method that has none of its own, but TRACE and CONNECT. See `get`. */
export const all = declaring("*");

/**
 * Declares a WebSocket. What it returns can publish, for modules that have no application at hand.
 *
 * @throws ChopinError `invalid_route`, `invalid_option`.
 * @example
 * export const news = websocket("/news", { open: (ws) => ws.subscribe("news") });
 * post("/news", (ctx) => ({ readers: news.publish("news", ctx.text()) }));
 */
export const websocket: DeclareWebSocket<State, WebSocketRoute> = (
  path: string,
  options: unknown,
) => {
  const made = makeWebSocket(path, options);
  registry.push(made.declaration);
  return made;
};

/**
 * Routes as values that nobody has taken yet: for an object of routes that an application mounts.
 *
 * @example
 * export const routes = { health: route.get("/health", () => "ok") };
 * app.mount(routes);
 */
export const route = {
  get: making("GET"),
  post: making("POST"),
  put: making("PUT"),
  patch: making("PATCH"),
  delete: making("DELETE"),
  head: making("HEAD"),
  options: making("OPTIONS"),
  all: making("*"),
  websocket: makeWebSocket as DeclareWebSocket<State, WebSocketRoute>,
};

/** Takes routes out of the registry that an application was given as values. */
export function claimRoutes(routes: readonly RouteDeclaration[]): void {
  registry = registry.filter((route) => !routes.includes(route));
}

/** All routes declared so far; the registry is empty afterwards. */
export function takeRoutes(): RouteDeclaration[] {
  const routes = registry;
  registry = [];
  return routes;
}

/**
 * Imports every module that matches a pattern, relative to the folder of the program's main module.
 *
 * @throws ChopinError `routes_folder` when nothing matches, or inside a compiled executable, where
 * there is no folder to look into.
 */
export async function importRoutes(pattern: string): Promise<void> {
  if (embeddedPrefixes.some((prefix) => Bun.main.startsWith(prefix))) {
    throw new ChopinError(
      "routes_folder",
      `mountAllRoutes(${JSON.stringify(pattern)}) cannot look into a folder from a compiled ` +
        'executable. Import the modules instead (import "./routes/users.ts";) and call mountAllRoutes().',
    );
  }
  const folder = Bun.main.slice(0, Bun.main.lastIndexOf("/"));
  const found = await Array.fromAsync(
    new Bun.Glob(pattern.replace(/^\.\//, "")).scan({ cwd: folder, absolute: false }),
  );
  const modules = found.filter((path) => !path.endsWith(".d.ts")).sort();
  if (modules.length === 0) {
    throw new ChopinError("routes_folder", `No module matches ${folder}/${pattern}.`);
  }
  for (const path of modules) await import(`${folder}/${path}`);
}

function makeWebSocket(path: string, options: unknown): WebSocketRoute {
  return new WebSocketRoute(declareWebSocket(path, options as AnyWebSocketOptions));
}

function declaring<Method extends string>(method: Method): DeclareRoute<Method> {
  const make = making(method) as (...list: unknown[]) => Route<Method, string, unknown>;
  const declare = (...list: unknown[]) => {
    const made = make(...list);
    registry.push(made.declaration);
    return made;
  };
  return declare as DeclareRoute<Method>;
}

function making<Method extends string>(method: Method): DeclareRoute<Method> {
  const make = (...list: [path: string, first: unknown, second?: unknown]) =>
    new Route(declareRoute(method, list[0], list[1], list[2], list.length));
  return make as DeclareRoute<Method>;
}
