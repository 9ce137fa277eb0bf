/** Which application of a program is the one that was asked for. Driven by `collect.ts`. */
import { type Collector, type Describable, describing } from "../../collector.ts";
import { isObject } from "../../schema/node.ts";
import type { ServeOptions } from "../../serve-options.ts";
import type { Server } from "../../serving.ts";
import { type Order, tell } from "./handover.ts";
import { placeholderServer, pretendToServe } from "./placeholder.ts";

/** Nobody's address (RFC 6761 6.4): a request for it asks which application answers. */
const probeUrl = "http://collector.invalid/";

type Fetching = { fetch(request: Request, ...more: unknown[]): unknown };

export class Collecting implements Collector {
  readonly #order: Order;
  readonly #served = new Set<Describable>();
  /** What the program gave `Bun.serve`, also by Bun itself for a default export. */
  readonly #given: unknown[] = [];
  /** Applications that answered a request of ours. */
  readonly #answering = new Set<Describable>();
  #exports: Readonly<Record<string, unknown>> | undefined;
  #decided = false;

  constructor(order: Order) {
    this.#order = order;
  }

  /** A program that is to go on to its exports gets a server that does not listen. */
  serve(app: Describable, options: ServeOptions): Promise<Server> {
    if (this.#order.export !== undefined) return Promise.resolve(placeholderServer(options));
    this.#served.add(app);
    // Those that are served in one go are all known by then.
    if (this.#served.size === 1) setImmediate(() => this.#decide([...this.#served], "serves"));
    return new Promise(() => {});
  }

  fetched(app: Describable, request: Request): void {
    if (request.url === probeUrl) this.#answering.add(app);
  }

  /** Programs may also serve by Bun alone, and Bun does so with what they export. */
  replaceBunServe(): void {
    pretendToServe((options) => this.#given.push(options));
  }

  /** The main module ran to its end. */
  async loaded(exports: Readonly<Record<string, unknown>>): Promise<void> {
    tell({ say: "loaded" });
    this.#exports = exports;
    if (this.#served.size > 0) return;
    try {
      await this.#lookInto(exports);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The program has nothing left to do. */
  idle(): void {
    if (this.#decided || this.#exports === undefined || this.#served.size > 0) return;
    this.#refuse(
      `${this.#order.entry} neither served an application nor exported one: ` +
        "call `app.serve(…)`, or `export` the application",
    );
  }

  async #lookInto(exports: Readonly<Record<string, unknown>>): Promise<void> {
    const { entry, export: wanted } = this.#order;
    if (wanted !== undefined) {
      if (!(wanted in exports)) {
        const names = Object.keys(exports).join(", ") || "nothing";
        return this.#refuse(`${entry} has no export ${wanted}: it exports ${names}`);
      }
      const value = await exports[wanted];
      const found = isApp(value) ? [value] : await this.#behind([value]);
      if (found.length > 0) return this.#decide(found, "exports");
      return this.#refuse(`the export ${wanted} of ${entry} is no application`);
    }
    const values = Object.values(exports);
    // Of promises only those of `mountAllRoutes("…")` are known to give an application.
    let found = await applicationsIn(
      values.filter((value) => !isPromise(value) || "serve" in value),
    );
    if (found.length === 0) found = await applicationsIn(values);
    if (found.length === 0) found = await this.#behind([...values, ...this.#given]);
    if (found.length > 0 && this.#served.size === 0) this.#decide(found, "exports");
  }

  /** Applications that answer for objects with a `fetch`. */
  async #behind(values: readonly unknown[]): Promise<Describable[]> {
    for (const value of values.filter(isFetching)) {
      try {
        await value.fetch(new Request(probeUrl), placeholderServer({}));
      } catch {
        // Whatever it is, it is no application that answers.
      }
    }
    return [...this.#answering];
  }

  /** One application is described, and the process ends. */
  #decide(found: readonly Describable[], verb: "serves" | "exports"): void {
    if (this.#decided) return;
    const [app] = found;
    if (app === undefined || found.length > 1) {
      this.#refuse(
        `${this.#order.entry} ${verb} ${found.length} applications: ` +
          `choose one by its export, \`--export ${this.#namesOf(found)}\``,
      );
      return;
    }
    this.#decided = true;
    app[describing](this.#order.form).then(
      (text) => {
        tell({ say: "described", text });
        process.exit(0);
      },
      (error) => this.#fail(error),
    );
  }

  /** Of exports that are these applications. */
  #namesOf(found: readonly Describable[]): string {
    const names = Object.entries(this.#exports ?? {}).filter(([, value]) =>
      (found as readonly unknown[]).includes(value),
    );
    return names.map(([name]) => name).join("` or `--export ") || "name";
  }

  #fail(error: unknown): void {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#refuse(message, name === "ChopinError" ? undefined : stack);
  }

  #refuse(message: string, stack?: string): void {
    this.#decided = true;
    tell({ say: "failed", message, ...(stack !== undefined && { stack }) });
    process.exit(1);
  }
}

/** Applications among values, and those that promises of them give, each once. */
async function applicationsIn(values: readonly unknown[]): Promise<Describable[]> {
  const settled = await Promise.all(values.filter((value) => isPromise(value) || isApp(value)));
  return [...new Set(settled.filter(isApp))];
}

/** Promises of the language: a query builder that has `then` would be run by waiting for it. */
function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

function isApp(value: unknown): value is Describable {
  return isObject(value) && has(Object.getPrototypeOf(value), describing);
}

function isFetching(value: unknown): value is Fetching {
  return isObject(value) && has(value, "fetch") && typeof value.fetch === "function";
}

/**
 * Whether an object has a member, by itself or by inheritance. A proxy that makes up members, such
 * as a client of another service, is not asked.
 */
function has(value: unknown, name: PropertyKey): boolean {
  if (!isObject(value)) return false;
  return Object.hasOwn(value, name) || has(Object.getPrototypeOf(value), name);
}
