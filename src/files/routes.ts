/** The routes that `app.files` declares for a folder, or for files of the executable. */
import type { Step } from "../compose.ts";
import { ChopinError, HTTPError, problem } from "../errors.ts";
import { embed, embeddedRoot, type RootOptions, rootOf } from "../native/files.ts";
import type { RequestContext } from "../request-context.ts";
import { redirect } from "../response.ts";
import { declareRoute, type RouteDeclaration } from "../route.ts";
import { answerBelow, isBelow } from "./answer.ts";
import { absolutePath, type FilesOptions, folderRootOptions } from "./options.ts";

/**
 * Files of a compiled executable: paths below the route, and what `import … with { type: "file" }`
 * gave for each.
 */
export type EmbeddedFiles = Readonly<Record<string, string>>;

/** Where Bun shows the files that are embedded in a compiled executable. */
const embeddedPrefix = "/$bunfs/";

/** The wildcard's name; `ctx.params.rest` in middleware of the route. */
const rest = "rest";

/** A handler of `app.files`. */
export interface FilesHandler {
  /** The root whose files it answers with, when native code can do the same by itself. */
  readonly root: number | undefined;
}

const handlers = new WeakMap<object, FilesHandler>();

/** What is known of a handler that `app.files` made; undefined for others. */
export function filesHandler(handler: object): FilesHandler | undefined {
  return handlers.get(handler);
}

/** A handler of files behind which another one answers for what is not there. */
export function withNotFound(handler: Step, notFound: Step): Step {
  return (ctx) => {
    try {
      return handler(ctx);
    } catch (error) {
      if (error instanceof HTTPError && error.code === "not_found") return notFound(ctx);
      throw error;
    }
  };
}

/**
 * A route for what is below `path`, and one for `path` itself, which leads to the folder's index.
 *
 * @throws ChopinError `files_folder`, `invalid_option`, `invalid_route`.
 */
export function fileRoutes(
  path: string,
  source: string | EmbeddedFiles,
  options: FilesOptions,
): RouteDeclaration[] {
  const rootOptions = folderRootOptions(options);
  const root =
    typeof source === "string"
      ? rootOf(absolutePath(source), rootOptions)
      : embeddedFiles(source, rootOptions);
  const { use, name } = options;
  // Files are no operations of an API.
  const hidden = { hidden: true };
  const routeOptions = { ...hidden, ...(use && { use }), ...(name !== undefined && { name }) };
  const prefix = path.endsWith("/") ? path.slice(0, -1) : path;
  const route = (pattern: string, handler: Step, native: boolean) => {
    handlers.set(handler, { root: native ? root : undefined });
    return declareRoute("GET", pattern, routeOptions, handler, 3);
  };
  const below = (ctx: RequestContext) => answerBelow(ctx, root, restOf(ctx));
  // The wildcard also takes nothing, so "/" is left to programs that have a page of their own.
  const routes = [route(`${prefix}/*${rest}`, below, true)];
  if (prefix === "") return routes;
  return [...routes, route(prefix, (ctx) => folderItself(ctx, root), false)];
}

/**
 * What the path has behind the route's own. A slash that was escaped is part of no name; in
 * `params` it looks like a percent sign with two letters behind it, in `ctx.path` it does not.
 */
function restOf(ctx: RequestContext): string {
  const text = ctx.params[rest] ?? "";
  if (!text.includes("%2F")) return text;
  const segments = ctx.path.split("/").slice(-text.split("/").length);
  if (segments.some((segment) => segment.includes("%2F"))) throw problem("not_found");
  return text;
}

/**
 * The folder without a slash at its end: relative links of its index would lead beside it. Where
 * the application ignores such slashes, the path may have one and is right then.
 */
function folderItself(ctx: RequestContext, root: number): unknown {
  const { path } = ctx;
  if (path.endsWith("/")) return answerBelow(ctx, root, "");
  if (!isBelow(root, "")) throw problem("not_found");
  return redirect(`./${encodeURIComponent(path.slice(path.lastIndexOf("/") + 1))}/`, 301);
}

function embeddedFiles(source: EmbeddedFiles, options: RootOptions): number {
  const root = embeddedRoot(options);
  // Loaded here alone: it takes milliseconds, and only executables have such files.
  const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
  for (const [name, path] of Object.entries(source)) {
    try {
      // What is in an executable has no date of its own.
      const dated = path.startsWith(embeddedPrefix) ? process.execPath : path;
      const modified = Math.max(0, Math.floor(statSync(dated).mtimeMs / 1000));
      embed(root, name.startsWith("/") ? name.slice(1) : name, readFileSync(path), modified);
    } catch (cause) {
      if (cause instanceof ChopinError) throw cause;
      throw new ChopinError("files_folder", `The file ${path} cannot be read.`, { cause });
    }
  }
  return root;
}
