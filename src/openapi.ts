/**
 * `app.openapi()`: the document of an application, and a page of it, as routes. What it takes is
 * loaded with the first request. Called by `reporting.ts`.
 */
import type { State } from "./context.ts";
import type { RouteListing } from "./definition.ts";
import { ChopinError } from "./errors.ts";
import { checkPath } from "./metrics/place.ts";
import { checkDocumentOptions, type OpenApiOptions } from "./openapi/options.ts";
import type { RequestContext } from "./request-context.ts";
import { callerPlace, type Middleware, type RouteDeclaration } from "./route.ts";

/** Options of `app.openapi`: those of the document, and where it is. */
export interface OpenApiRoutesOptions<S extends object = State> extends OpenApiOptions {
  /** "/openapi.json" unless told; false: no such route. */
  readonly json?: string | false;
  /** "/openapi.yaml" unless told; false: no such route. */
  readonly yaml?: string | false;
  /** Where the page is, which needs `json`: "/docs" unless told; false: no page. */
  readonly docs?: string | false;
  /** Middleware of all of these routes, such as `basicAuth`. */
  readonly use?: Middleware<S> | readonly Middleware<S>[];
  /** Whether the routes are there in production too; false unless told. */
  readonly production?: boolean;
}

/** Names of the options that are not of the document. */
const ownOptions: readonly (keyof OpenApiRoutesOptions)[] = [
  "json",
  "yaml",
  "docs",
  "use",
  "production",
];

/** What stands below the path of the page. */
const pageFiles = [
  "swagger-ui.js",
  "swagger-ui.css",
  "start.js",
  "page.css",
  "licences.txt",
] as const;

/** The name of a file of the page. */
export type PageFile = (typeof pageFiles)[number];

/** Where everything is, below the application. */
export interface OpenApiPaths {
  readonly json: string | undefined;
  readonly yaml: string | undefined;
  readonly docs: string | undefined;
}

/** What the routes answer with; see `openapi/serving.ts`. */
type Served = import("./openapi/serving.ts").ServedDocument;

export class OpenApiRoutes {
  /** Whether the routes are there in production. */
  readonly production: boolean;
  /** What the document is made with. */
  readonly document: OpenApiOptions;
  readonly #paths: OpenApiPaths;
  readonly #use: readonly Middleware<never>[];
  readonly #place = callerPlace();

  /** @throws ChopinError `invalid_option`. */
  constructor(options: OpenApiRoutesOptions<never>) {
    checkDocumentOptions("openapi", options, ownOptions);
    const { json, yaml, docs, use = [], production = false, ...document } = options;
    this.#paths = {
      json: pathOf("json", json, "/openapi.json"),
      yaml: pathOf("yaml", yaml, "/openapi.yaml"),
      docs: pathOf("docs", json === false && docs === undefined ? false : docs, "/docs"),
    };
    if (this.#paths.docs !== undefined && this.#paths.json === undefined) {
      throw fault("docs shows what json gives: leave out json: false");
    }
    if (typeof production !== "boolean") throw fault("production is true or false");
    this.production = production;
    this.#use = typeof use === "function" ? [use] : use;
    this.document = document;
  }

  /** The routes; `list` gives those that the document is of. */
  declarations(list: () => readonly RouteListing[]): RouteDeclaration[] {
    let served: Promise<Served> | undefined;
    const load = async (): Promise<Served> => {
      const { ServedDocument } = await import("./openapi/serving.ts");
      return new ServedDocument(list(), this.document, this.#paths);
    };
    const answer = (give: (served: Served, ctx: RequestContext) => unknown) => {
      return async (ctx: RequestContext): Promise<unknown> => {
        // A document that cannot be made is tried again: its error has to be told each time.
        served ??= load().catch((error: unknown) => {
          served = undefined;
          throw error;
        });
        return give(await served, ctx);
      };
    };
    const { json, yaml, docs } = this.#paths;
    const files = pageFiles.map((name) =>
      this.#route(
        docs === undefined ? undefined : below(docs, name),
        answer((from, ctx) => from.file(name, ctx)),
      ),
    );
    return [
      this.#route(
        json,
        answer((from, ctx) => from.json(ctx)),
      ),
      this.#route(
        yaml,
        answer((from, ctx) => from.yaml(ctx)),
      ),
      this.#route(
        docs,
        answer((from, ctx) => from.page(ctx)),
      ),
      ...files,
    ].flat();
  }

  #route(path: string | undefined, answer: (ctx: RequestContext) => unknown): RouteDeclaration[] {
    if (path === undefined) return [];
    const options = { hidden: true, use: this.#use };
    return [{ method: "GET", path, options, answer, place: this.#place }];
  }
}

/** The path of a file of the page at `docs`. */
function below(docs: string, name: PageFile): string {
  return `${docs.endsWith("/") ? docs : `${docs}/`}${name}`;
}

function pathOf(name: string, told: string | false | undefined, usual: string): string | undefined {
  return told === false ? undefined : checkPath(`openapi: ${name}`, told ?? usual);
}

function fault(text: string): ChopinError {
  return new ChopinError("invalid_option", `openapi: ${text}.`);
}
