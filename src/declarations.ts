/** What a program can declare on an application; `app.ts` makes it a server. */
import type { Around, Step } from "./compose.ts";
import type { Context, Params, State } from "./context.ts";
import {
  type AppOptions,
  checkPrefix,
  type Definition,
  listRoutes,
  type RouteListing,
} from "./definition.ts";
import { claimRoutes } from "./discovery.ts";
import { ChopinError } from "./errors.ts";
import type { Extractors } from "./extract.ts";
import { type EmbeddedFiles, type FilesOptions, fileRoutes } from "./files.ts";
import {
  type Constant,
  declareRoute,
  type ErrorHandler,
  type Handler,
  type InvalidHandler,
  type Middleware,
} from "./route.ts";
import type { Declare, RouteOptions, TypedHandler } from "./route-options.ts";
import { Route } from "./routes.ts";
import type { Part, Responses } from "./schema/types.ts";
import { Audience } from "./websocket/audience.ts";
import { declareWebSocket, WebSocketRoute } from "./websocket/declare.ts";
import type { AnyWebSocketOptions, DeclareWebSocket, Message } from "./websocket/types.ts";

/** Routes, middleware and hooks. `S` is the type of `ctx.state`; see `State`. */
export abstract class Declarations<S extends object = State> {
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

  /**
   * Declares a WebSocket: a route for GET whose clients ask for an upgrade. See
   * `docs/websockets.md`.
   *
   * @throws ChopinError `invalid_route`, `invalid_option`.
   * @example
   * app.websocket("/echo", { message: (ws, message) => void ws.send(message) });
   */
  readonly websocket: DeclareWebSocket<S, this> = (path: string, options: unknown) =>
    this.add({
      type: "route",
      route: declareWebSocket(path, options as AnyWebSocketOptions),
    });

  protected readonly definition: Definition;

  constructor(options: AppOptions = {}) {
    this.definition = {
      options,
      entries: [],
      onError: undefined,
      onInvalid: undefined,
      notFound: undefined,
      metrics: undefined,
      health: undefined,
      audience: new Audience(),
    };
  }

  /** Called before anything is declared; throws when nothing can be any more. */
  protected abstract change(): void;

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
  on<
    const Path extends string,
    P extends Part = undefined,
    Q extends Part = undefined,
    H extends Part = undefined,
    C extends Part = undefined,
    B extends Part = undefined,
    R extends Responses = undefined,
    X extends Extractors = Readonly<Record<never, never>>,
  >(
    method: string,
    path: Path,
    options: RouteOptions<S, P, Q, H, C, B, R, X>,
    answer: TypedHandler<Path, S, P, Q, H, C, B, R, X> | Constant,
  ): this;
  on(method: string, path: string, ...list: [first: unknown, second?: unknown]): this {
    return this.#declare(method, path, list);
  }

  /**
   * Serves the files of a folder below a path, for GET and HEAD; or files that are embedded in a
   * compiled executable, by their paths below the route. A relative folder is relative to the one
   * in which the process runs. Nothing outside of the folder is ever sent: a symbolic link that
   * leaves it, or is absolute, leads nowhere. Folders are answered with their index, and redirected
   * to a slash at their end; what is not there is 404, or left to `notFound`.
   *
   * @throws ChopinError `files_folder` when there is no such folder or file, `invalid_option`.
   * @example
   * app.files("/assets", "public", { cacheControl: { maxAgeSeconds: 3600 } });
   * app.files("/", { "index.html": indexPath }); // import indexPath from "./index.html" with …
   */
  files(path: string, source: string | EmbeddedFiles, options: FilesOptions = {}): this {
    for (const route of fileRoutes(path, source, options)) this.add({ type: "route", route });
    return this;
  }

  /**
   * Runs a middleware around everything: every route, 404, 405 and the automatic OPTIONS. Those
   * that were added first are outermost.
   */
  layer(middleware: Middleware<S>): this {
    return this.layerPath("/", middleware);
  }

  /**
   * Runs a middleware around everything at and below a path, whole segments: `/a` covers `/a/b`,
   * not `/ab`.
   */
  layerPath(prefix: string, middleware: Middleware<S>): this {
    if (typeof middleware !== "function") {
      throw new ChopinError("invalid_route", `The middleware for ${prefix} is no function.`);
    }
    const around = middleware as unknown as Around;
    return this.add({ type: "layer", prefix: checkPrefix(prefix), around });
  }

  /**
   * Puts an application below a path. It stays closed: its middleware, `onError` and `notFound`
   * hold at and below the path, and nowhere else.
   */
  nest<T extends object>(prefix: string, app: Declarations<T>): this {
    return this.add({ type: "nest", prefix: checkPrefix(prefix), definition: app.definition });
  }

  /** Takes over routes and middleware of another application as if they had been declared here. */
  merge<T extends object>(app: Declarations<T>): this {
    return this.add({ type: "merge", definition: app.definition });
  }

  /**
   * Lets a function answer for what handlers and middleware throw; when it returns undefined, the
   * usual problem body is sent. Errors of the server are then no longer printed.
   */
  onError(handler: ErrorHandler<S>): this {
    this.change();
    this.definition.onError = handler as unknown as Definition["onError"];
    return this;
  }

  /**
   * Lets a function answer requests that do not fit the schemas of their route; when it returns
   * undefined, the usual problem body is sent. The status is 422 unless the answer says otherwise.
   *
   * @example
   * app.onInvalid((issues) => ({ ok: false, fields: issues.map(({ pointer }) => pointer) }));
   */
  onInvalid(handler: InvalidHandler<S>): this {
    this.change();
    this.definition.onInvalid = handler as unknown as Definition["onInvalid"];
    return this;
  }

  /** Answers where no route has the path; with 404 unless it says otherwise. */
  notFound(handler: (ctx: Context<Params, S>) => unknown): this {
    this.change();
    this.definition.notFound = handler as unknown as Step;
    return this;
  }

  /**
   * Takes over routes that are values: those of an object or of an imported module, whose other
   * members are left alone.
   *
   * @example
   * import * as users from "./routes/users.ts";
   * app.mount(users).mount({ health: route.get("/health", "ok") });
   */
  mount(routes: object): this {
    const found = Object.values(routes).filter(
      (value) => value instanceof Route || value instanceof WebSocketRoute,
    );
    const declared = found.map(({ declaration }) => declaration);
    claimRoutes(declared);
    for (const route of declared) this.add({ type: "route", route });
    return this;
  }

  /** Every route with its whole path, in the order of declaration. */
  routes(): RouteListing[] {
    return listRoutes(this.definition, "");
  }

  /**
   * Sends a message to all who have subscribed to a topic, on the servers that this application is
   * part of, and in the other workers of a service.
   *
   * @returns How many of this process took it.
   * @throws ChopinError `invalid_message` for what is neither text nor bytes.
   */
  publish(topic: string, message: Message): number {
    return this.definition.audience.publish(topic, message);
  }

  protected add(entry: Definition["entries"][number]): this {
    this.change();
    this.definition.entries.push(entry);
    return this;
  }

  #declaring(method: string): Declare<S, this> {
    return (path: string, ...list: [first: unknown, second?: unknown]) =>
      this.#declare(method, path, list);
  }

  #declare(method: string, path: string, list: readonly unknown[]): this {
    const route = declareRoute(method, path, list[0], list[1], list.length + 1);
    return this.add({ type: "route", route });
  }
}
