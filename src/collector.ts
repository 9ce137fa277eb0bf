/**
 * How `chopin openapi` gets hold of the application of a program. It runs the program with a
 * collector on `globalThis`; what serves or answers then hands itself over. Program and command may
 * have the package from different places, so that both sides meet at symbols of the whole process,
 * and all that passes is text. Asked by `app.ts`, kept by `cli/collect.ts`.
 */
import { ChopinError } from "./errors.ts";
import type { OpenApiSource } from "./openapi/document.ts";
import type { ServeOptions } from "./serve-options.ts";
import type { Server } from "./serving.ts";

const collecting = Symbol.for("chopin.collector");

/** The member by which an application of any copy of the package is known. */
export const describing = Symbol.for("chopin.describing");

/** What is wanted of an application: its OpenAPI document as JSON, or declarations for clients. */
export type Form = "openapi" | "client";

/** An application, as a collector sees it. */
export interface Describable {
  /** @throws ChopinError for routes that could not be served. */
  [describing](form: Form): Promise<string>;
}

export interface Collector {
  /** In place of serving. Settles never, where that is the application that was wanted. */
  serve(app: Describable, options: ServeOptions): Promise<Server>;
  /** A request that an application is handed; it may be one of the collector's own. */
  fetched(app: Describable, request: Request): void;
}

/** Undefined in every process but the one that the command starts. */
export function collectorOf(scope: object = globalThis): Collector | undefined {
  return (scope as { readonly [collecting]?: Collector })[collecting];
}

/** Waits in this process for its application. */
export function installCollector(collector: Collector): void {
  Object.defineProperty(globalThis, collecting, { value: collector });
}

const forms: Readonly<Record<Form, (app: OpenApiSource) => Promise<string>>> = {
  openapi: async (app) => {
    const { openApiDocument } = await import("./openapi/document.ts");
    return JSON.stringify(openApiDocument(app));
  },
  client: async (app) => {
    const { clientTypes } = await import("./client-types/declarations.ts");
    return clientTypes(app.routes());
  },
};

/**
 * What was asked for, of an application whose routes could be served.
 *
 * @throws ChopinError `invalid_option` for what a later command asks for.
 */
export function describe(app: OpenApiSource, form: Form): Promise<string> {
  if (Object.hasOwn(forms, form)) return forms[form](app);
  throw new ChopinError(
    "invalid_option",
    `The program's version of chopin cannot give ${form}: install that of the command.`,
  );
}
