/** The application: what a program declares on it, and the server that it becomes. */
import type { Around, Step } from "./compose.ts";
import type { Context, Params, State } from "./context.ts";
import { type AppOptions, type Definition, joinPaths } from "./definition.ts";
import { importRoutes, takeRoutes } from "./discovery.ts";
import {
  bodyLimitDefault,
  isDevelopment,
  parseAddress,
  type ServeOptions,
  serverOptions,
  workersWanted,
} from "./environment.ts";
import { ChopinError } from "./errors.ts";
import { answerRequest } from "./fetch.ts";
import { createDispatcher } from "./native/dispatch.ts";
import { startServer } from "./native/server.ts";
import { compileProgram, type Program } from "./program.ts";
import {
  type Constant,
  type Declare,
  declareRoute,
  type ErrorHandler,
  type Handler,
  type Middleware,
  type RouteOptions,
} from "./route.ts";

/** A server that listens: where, and how to stop it. */
export interface Server {
  /** Address that was bound; "" with a unix socket. */
  readonly hostname: string;
  /** Port that was bound, also when 0 was asked for; 0 with a unix socket. */
  readonly port: number;
  /** Path of the unix socket. */
  readonly unix?: string;
  /** Where to point a client, such as "http://127.0.0.1:8080/". */
  readonly url: string;
  /** See `Chopin.stop`. */
  stop(options?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** Milliseconds that requests in flight are given; 10,000 unless told. */
  readonly timeoutMs?: number;
}

/** A promise of an application whose routes are still being imported, with `serve` at hand. */
export interface Mounting<App> extends Promise<App> {
  /** Waits for the imports, then serves. */
  serve(address?: string | number | ServeOptions): Promise<Server>;
}

/** A route in a listing. */
export interface RouteListing {
  /** Method token, or "*" for all. */
  readonly method: string;
  readonly path: string;
  readonly name: string | undefined;
  /** File, line and column of its declaration. */
  readonly place: string;
}

/**
 * An application. Declare routes and middleware, then `serve` it or hand it requests with `fetch`.
 *
 * `S` is the type of `ctx.state`; see `State`.
 *
 * @example
 * const app = new Chopin();
 * app.get("/users/:id", ({ params }) => ({ id: params.id }));
 * await app.serve("0.0.0.0:8080");
 */
export class Chopin<S extends object = State> {
  /** Declares a route for GET, and for HEAD unless that has its own. */
  readonly get = this.#declaring("GET");
  /** Declares a route for POST. */
  readonly post = this.#declaring("POST");
  /** Declares a route for PUT. */
  readonly put = this.#declaring("PUT");
  /** Declares a route for PATCH. */
  readonly patch = this.#declaring("PATCH");
  /** Declares a route for DELETE. */
  readonly delete = this.#declaring("DELETE");
  /** Declares a route for HEAD, instead of the automatic one. */
  readonly head = this.#declaring("HEAD");
  /** Declares a route for OPTIONS, instead of the automatic answer. */
  readonly options = this.#declaring("OPTIONS");
  /** Declares a route for every method that has none of its own, but TRACE and CONNECT. */
  readonly all = this.#declaring("*");

  readonly #definition: Definition;
  #compiled: Promise<Program> | undefined;
  #server: Promise<Server> | undefined;
  #mounting: Promise<unknown> | undefined;

  constructor(options: AppOptions = {}) {
    this.#definition = { options, entries: [], onError: undefined, notFound: undefined };
  }

  /**
   * Declares a route for any method token, such as "PROPFIND".
   *
   * @throws ChopinError `invalid_route`, also for TRACE and CONNECT, which are always refused.
   */
  on<const Path extends string>(
    method: string,
    path: Path,
    answer: Handler<Path, S> | Constant,
  ): this;
  on<const Path extends string>(
    method: string,
    path: Path,
    options: RouteOptions<S>,
    answer: Handler<Path, S> | Constant,
  ): this;
  on(method: string, path: string, ...list: [first: unknown, second?: unknown]): this {
    return this.#declare(method, path, list);
  }

  /**
   * Runs a middleware around everything: every route, 404, 405 and the automatic OPTIONS. Those that were
   * added first are outermost.
   */
  layer(middleware: Middleware<S>): this {
    return this.layerPath("/", middleware);
  }

  /** Runs a middleware around everything at and below a path, whole segments: `/a` covers `/a/b`, not `/ab`. */
  layerPath(prefix: string, middleware: Middleware<S>): this {
    if (typeof middleware !== "function") {
      throw new ChopinError("invalid_route", `The middleware for ${prefix} is no function.`);
    }
    const around = middleware as unknown as Around;
    return this.#add({ type: "layer", prefix: checkPrefix(prefix), around });
  }

  /**
   * Puts an application below a path. It stays closed: its middleware, `onError` and `notFound` hold at and below
   * the path, and nowhere else.
   */
  nest<T extends object>(prefix: string, app: Chopin<T>): this {
    return this.#add({ type: "nest", prefix: checkPrefix(prefix), definition: app.#definition });
  }

  /** Takes over routes and middleware of another application as if they had been declared here. */
  merge<T extends object>(app: Chopin<T>): this {
    return this.#add({ type: "merge", definition: app.#definition });
  }

  /** Lets a function answer for what handlers and middleware throw; when it returns undefined, the usual
   *  problem body is sent. Errors of the server are then no longer printed. */
  onError(handler: ErrorHandler<S>): this {
    this.#change();
    this.#definition.onError = handler as unknown as Definition["onError"];
    return this;
  }

  /** Answers where no route has the path; with 404 unless it says otherwise. */
  notFound(handler: (ctx: Context<Params, S>) => unknown): this {
    this.#change();
    this.#definition.notFound = handler as unknown as Step;
    return this;
  }

  /** Takes the routes that were declared with the module-level functions, and empties their registry. */
  mountAllRoutes(): this;
  /**
   * Imports all modules that match a pattern first, relative to the folder of the main module. Await it, or go on with
   * `.serve(…)`.
   *
   * @throws ChopinError `routes_folder`, also in a compiled executable, which has no folder to look into.
   */
  mountAllRoutes(pattern: string): Mounting<this>;
  mountAllRoutes(pattern?: string): this | Mounting<this> {
    if (pattern === undefined) return this.#mount();
    const mounted = importRoutes(pattern).then(() => this.#mount());
    this.#mounting = mounted;
    const serve: Mounting<this>["serve"] = async (address) => (await mounted).serve(address);
    return Object.assign(mounted, { serve });
  }

  /** Every route with its whole path, in the order of declaration. */
  routes(): RouteListing[] {
    return listRoutes(this.#definition, "");
  }

  /**
   * Answers a request without a socket, by the same routes and middleware. `ip` is what the context has as
   * the client's address.
   *
   * @example
   * const response = await app.fetch(new Request("http://localhost/users/7"));
   */
  async fetch(request: Request, options: { readonly ip?: string } = {}): Promise<Response> {
    return answerRequest(await this.#program(bodyLimitDefault), request, options.ip ?? "");
  }

  /**
   * Listens. Routes and middleware are fixed from here on.
   *
   * @param address "host:port", a port, or options; "0.0.0.0:8080" unless told.
   * @throws ChopinError for wrong options and routes, and what the bind failed with: in use, no permission, bad host.
   * @example
   * const server = await app.serve("127.0.0.1:0");
   * console.log(server.url);
   */
  async serve(address: string | number | ServeOptions = {}): Promise<Server> {
    if (this.#server !== undefined) {
      throw new ChopinError("already_serving", "This application serves already: stop() it first.");
    }
    const server = this.#start(serveOptionsOf(address));
    this.#server = server;
    try {
      return await server;
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** Stops listening, lets requests in flight finish, closes all connections. */
  async stop(options: StopOptions = {}): Promise<void> {
    await (await this.#server)?.stop(options);
  }

  async #start(given: ServeOptions): Promise<Server> {
    const options = serverOptions(given);
    if (workersWanted(given) !== 1) {
      console.warn("chopin: several workers are not supported yet, one process serves");
    }
    await this.#mounting;
    this.#compiled = undefined;
    const program = await this.#program(options.bodyLimitBytes);
    const native = await startServer(options, program.router, (server) =>
      createDispatcher(server, program),
    );
    let stopped: Promise<void> | undefined;
    const stop = async (stopOptions: StopOptions = {}): Promise<void> => {
      stopped ??= native.stop(stopOptions.timeoutMs ?? 10_000);
      await stopped;
      this.#server = undefined;
    };
    const { hostname = "", port = 0, unix } = native.address;
    if (unix !== undefined) return { hostname, port, unix, url: `unix:${unix}`, stop };
    return { hostname, port, url: `http://${urlHost(hostname)}:${port}/`, stop };
  }

  /** The compiled application, kept until something is declared. */
  #program(bodyLimit: number): Promise<Program> {
    this.#compiled ??= compileProgram(this.#definition, {
      bodyLimit,
      development: isDevelopment(),
    });
    return this.#compiled;
  }

  #mount(): this {
    for (const route of takeRoutes()) this.#add({ type: "route", route });
    return this;
  }

  #declaring(method: string): Declare<S, this> {
    return (path: string, ...list: [first: unknown, second?: unknown]) =>
      this.#declare(method, path, list);
  }

  #declare(method: string, path: string, list: readonly unknown[]): this {
    const route = declareRoute(method, path, list[0], list[1], list.length + 1);
    return this.#add({ type: "route", route });
  }

  #add(entry: Definition["entries"][number]): this {
    this.#change();
    this.#definition.entries.push(entry);
    return this;
  }

  #change(): void {
    if (this.#server !== undefined) {
      throw new ChopinError("already_serving", "Routes and middleware are fixed while serving.");
    }
    this.#compiled = undefined;
  }
}

function serveOptionsOf(address: string | number | ServeOptions): ServeOptions {
  if (typeof address === "string") return parseAddress(address);
  return typeof address === "number" ? { port: address } : address;
}

function checkPrefix(prefix: string): string {
  if (typeof prefix !== "string" || !prefix.startsWith("/")) {
    throw new ChopinError("invalid_route", `A prefix starts with a slash: ${String(prefix)}.`);
  }
  return prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
}

/** A server that listens everywhere is reached at the loopback address. */
function urlHost(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function listRoutes(definition: Definition, prefix: string): RouteListing[] {
  return definition.entries.flatMap((entry) => {
    if (entry.type === "layer") return [];
    if (entry.type === "merge") return listRoutes(entry.definition, prefix);
    if (entry.type === "nest") {
      return listRoutes(entry.definition, joinPaths(prefix, entry.prefix));
    }
    const { method, path, options, place } = entry.route;
    return [{ method, path: joinPaths(prefix, path), name: options.name, place }];
  });
}
