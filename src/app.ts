/** The application: what a program declares on it, and the server that it becomes. */
import { collectorOf, describe, describing, type Form } from "./collector.ts";
import { compileProgram } from "./compile.ts";
import type { State } from "./context.ts";
import { importRoutes, type Mounting, takeRoutes } from "./discovery.ts";
import {
  bodyLimitDefault,
  isDevelopment,
  type ServeOptions,
  serverOptions,
  workersWanted,
} from "./environment.ts";
import { ChopinError } from "./errors.ts";
import { answerRequest } from "./fetch.ts";
import { Operations } from "./metrics/operations.ts";
import type { Program } from "./program.ts";
import { Reporting } from "./reporting.ts";
import { type Server, type StopOptions, serveOptionsOf, startServing } from "./serving.ts";
import { type ProxyTrust, trustOf } from "./trust-proxy.ts";
import { audiencesIn } from "./websocket/audiences.ts";
import { lifeOf } from "./workers/options.ts";
import { isWorker, takePost } from "./workers/place.ts";
import { processCount } from "./workers/role.ts";

/** Counts declarations on all applications: one may be part of another that was compiled before. */
let revision = 0;

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
export class Chopin<S extends object = State> extends Reporting<S> {
  #compiled: { readonly revision: number; readonly program: Promise<Program> } | undefined;
  #server: Promise<Server> | undefined;
  /** Nothing can be declared any more: the chains are composed. */
  #fixed = false;
  #mounting: Promise<unknown> | undefined;
  /** Of `fetch`; a server has its own. */
  #trust: { readonly proxies: ProxyTrust | undefined } | undefined;

  /**
   * Takes the routes that were declared with the module-level functions, and empties their
   * registry.
   */
  mountAllRoutes(): this;
  /**
   * Imports all modules that match a pattern first, relative to the folder of the main module.
   * Await it, or go on with `.serve(…)`.
   *
   * @throws ChopinError `routes_folder`, also in a compiled executable, which has no folder to look
   * into.
   */
  mountAllRoutes(pattern: string): Mounting<this>;
  mountAllRoutes(pattern?: string): this | Mounting<this> {
    if (pattern === undefined) return this.#mount();
    const mounted = importRoutes(pattern).then(() => this.#mount());
    this.#mounting = mounted;
    const serve: Mounting<this>["serve"] = async (address) => (await mounted).serve(address);
    return Object.assign(mounted, { serve });
  }

  /**
   * Answers a request without a socket, by the same routes and middleware. `ip` is what the context
   * has as the address of the other end.
   *
   * @example
   * const response = await app.fetch(new Request("http://localhost/users/7"));
   */
  async fetch(request: Request, options: { readonly ip?: string } = {}): Promise<Response> {
    collectorOf()?.fetched(this, request);
    const program = await this.#program(bodyLimitDefault);
    const { trustProxy } = this.definition.options;
    this.#trust ??= { proxies: trustOf(trustProxy, process.env.CHOPIN_TRUST_PROXY) };
    return answerRequest(program, request, options.ip ?? "", this.#trust.proxies);
  }

  /**
   * Listens. Routes and middleware are fixed from here on.
   *
   * With several workers, code before this runs in every process and code behind it in workers
   * only: in the first process, which supervises them, this never returns.
   *
   * @param address "host:port", a port, or options; "0.0.0.0:8080" unless told.
   * @throws ChopinError for wrong options and routes, and what the bind failed with: in use, no
   * permission, bad host.
   * @example
   * const server = await app.serve("127.0.0.1:0");
   * console.log(server.url);
   */
  async serve(address: string | number | ServeOptions = {}): Promise<Server> {
    if (this.#server !== undefined) {
      throw new ChopinError("already_serving", "This application serves already: stop() it first.");
    }
    const options = serveOptionsOf(address);
    const server = collectorOf()?.serve(this, options) ?? this.#start(options);
    this.#server = server;
    try {
      return await server;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** Stops listening, lets requests in flight finish, closes all connections. */
  async stop(options: StopOptions = {}): Promise<void> {
    await (await this.#server)?.stop(options);
  }

  /**
   * For `chopin openapi`: see `collector.ts`.
   *
   * @internal
   */
  async [describing](form: Form): Promise<string> {
    await this.#mounting;
    // What could not be served is refused as it would be then.
    await this.#program(bodyLimitDefault);
    return describe(this, form);
  }

  async #start(given: ServeOptions): Promise<Server> {
    const { trustProxy } = this.definition.options;
    const options = serverOptions(trustProxy === undefined ? given : { trustProxy, ...given });
    const life = lifeOf(given);
    const post = takePost();
    const count = isWorker() ? 1 : await processCount(workersWanted(given));
    await this.#mounting;
    this.#fixed = true;
    this.#compiled = undefined;
    const program = await this.#program(options.bodyLimitBytes);
    const { metrics, health } = this.definition;
    if (count > 1) {
      const { supervise } = await import("./workers/supervise.ts");
      const counted = metrics === undefined ? undefined : program.names.length;
      return supervise({ options, life, count, counted, stopDelayMs: health?.stopDelayMs ?? 0 });
    }
    const operations = new Operations(metrics, health, post?.place.metrics);
    const stopped = () => this.#release();
    const audiences = audiencesIn(this.definition);
    const transport = given.topicTransport;
    const parts = { options, life, program, operations, audiences, transport, post, stopped };
    return startServing(parts);
  }

  #release(): void {
    this.#server = undefined;
    this.#fixed = false;
  }

  /** The compiled application, kept until something is declared; while it serves, to the end. */
  #program(bodyLimit: number): Promise<Program> {
    const kept = this.#compiled;
    if (kept !== undefined && (kept.revision === revision || this.#fixed)) {
      return kept.program;
    }
    const development = isDevelopment();
    const program = compileProgram(this.definition, { bodyLimit, development });
    this.#compiled = { revision, program };
    return program;
  }

  #mount(): this {
    for (const route of takeRoutes()) this.add({ type: "route", route });
    return this;
  }

  protected override change(): void {
    if (this.#fixed) {
      throw new ChopinError("already_serving", "Routes and middleware are fixed while serving.");
    }
    revision++;
  }
}
