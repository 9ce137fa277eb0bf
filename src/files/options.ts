/** Options of files: their types, what they mean when they are not given, and their checks. */

import type { FieldsInit } from "../answer-fields.ts";
import { fieldsFrom } from "../answer-fields.ts";
import { ChopinError } from "../errors.ts";
import { type CacheControlOptions, directives } from "../middleware/cache-control.ts";
import type { RootOptions } from "../native/files.ts";
import type { RouteSettings } from "../route-options.ts";

/** What `ctx.file` and `app.files` have in common. */
interface CommonOptions {
  /**
   * The kind of ETag: "strong" unless told, made of size and date of change to the nanosecond. It
   * lets interrupted downloads go on. "weak" where files change without their date.
   */
  readonly etag?: "strong" | "weak" | false;
  /** Cache-Control, as text or as options of the middleware `cacheControl`. */
  readonly cacheControl?: string | CacheControlOptions | undefined;
  /**
   * Whether siblings that were compressed beforehand, `name.br`, `name.zst` and `name.gz`, are sent
   * to clients that accept them; true unless told. One that is older than its file is not used.
   */
  readonly precompressed?: boolean;
  /**
   * Milliseconds after which an open file is looked at again before it is sent: 1,000 unless told,
   * 0 for every request, as in development.
   */
  readonly checkMs?: number;
}

/** Options of `ctx.file` and `file`. */
export interface FileOptions extends CommonOptions {
  /** Offers the content for saving: under this name, or with true under that of the file. */
  readonly download?: boolean | string;
  /** Content-Type in place of the one that follows from the name. */
  readonly type?: string;
  /** A status other than 200, for pages that say what went wrong; there are no ranges then. */
  readonly status?: number;
  readonly headers?: FieldsInit;
}

/** Options of `app.files`. */
export interface FilesOptions extends CommonOptions, Pick<RouteSettings<never>, "use" | "name"> {
  /** Names of what is sent for a folder: "index.html" unless told, false for none. */
  readonly index?: string | readonly string[] | false;
  /**
   * Whether names that begin with a dot exist for clients: "ignore" unless told. `/.well-known`
   * always does (RFC 8615).
   */
  readonly dotfiles?: "ignore" | "allow";
  /**
   * A file that is sent, with status 200, for paths where nothing is and whose last segment has no
   * dot: for applications whose pages are made in the browser.
   */
  readonly fallback?: string;
}

const common = ["etag", "cacheControl", "precompressed", "checkMs"];
const ofFile = [...common, "download", "type", "status", "headers"];
const ofFiles = [...common, "use", "name", "index", "dotfiles", "fallback"];

const checkMsDefault = 1000;
const checkMsMost = 24 * 60 * 60 * 1000;

/**
 * Options of one file as native code takes them. Cache-Control is not among them: a program may
 * make it up for each request, while a root stays for ever.
 *
 * @throws ChopinError `invalid_option`.
 */
export function fileRootOptions(options: FileOptions): RootOptions {
  checkNames("file", options, ofFile);
  const given = { ...options, cacheControl: undefined };
  return { ...commonOptions("file", given), dotfiles: true, fallback: "", indexes: [] };
}

/**
 * Options of a folder as native code takes them.
 *
 * @throws ChopinError `invalid_option`.
 */
export function folderRootOptions(options: FilesOptions): RootOptions {
  checkNames("files", options, ofFiles);
  const { index = "index.html", dotfiles = "ignore", fallback = "" } = options;
  if (dotfiles !== "ignore" && dotfiles !== "allow") {
    throw wrong("files", `dotfiles is "ignore" or "allow", not ${String(dotfiles)}`);
  }
  const indexes = index === false ? [] : typeof index === "string" ? [index] : index;
  for (const name of indexes) {
    if (typeof name !== "string" || !/^[^/\0\n]+$/.test(name)) {
      throw wrong("files", `an index is the name of a file, not ${JSON.stringify(name)}`);
    }
  }
  if (typeof fallback !== "string" || /[\0\n]/.test(fallback) || fallback.startsWith("/")) {
    throw wrong("files", "fallback is the path of a file below the folder");
  }
  const allowed = dotfiles === "allow";
  return { ...commonOptions("files", options), dotfiles: allowed, fallback, indexes };
}

/**
 * The whole path of what a program names. Without `node:path`, whose loading takes as long as
 * everything else at start; the kernel knows what `..` means.
 *
 * @throws ChopinError `files_folder` for what is no path.
 */
export function absolutePath(path: string): string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new ChopinError("files_folder", `${JSON.stringify(path)} is no path.`);
  }
  return path.startsWith("/") ? path : `${process.cwd()}/${path}`;
}

function commonOptions(
  of: string,
  options: CommonOptions,
): Pick<RootOptions, "etag" | "precompressed" | "cacheControl" | "checkMs"> {
  const { etag = "strong", precompressed = true, checkMs = checkMsDefault } = options;
  if (etag !== "strong" && etag !== "weak" && etag !== false) {
    throw wrong(of, `etag is "strong", "weak" or false, not ${String(etag)}`);
  }
  if (typeof precompressed !== "boolean") throw wrong(of, "precompressed is true or false");
  if (!Number.isInteger(checkMs) || checkMs < 0 || checkMs > checkMsMost) {
    throw wrong(of, `checkMs is a number of milliseconds up to a day, not ${checkMs}`);
  }
  return { etag, precompressed, cacheControl: cacheControlText(options.cacheControl), checkMs };
}

/**
 * The value of Cache-Control; "" for none.
 *
 * @throws ChopinError `invalid_option`, `invalid_header`.
 */
export function cacheControlText(value: CommonOptions["cacheControl"]): string {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : directives(value);
  return fieldsFrom({ "Cache-Control": text })?.[0]?.value ?? "";
}

function checkNames(of: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw wrong(of, `${JSON.stringify(name)} is no option; there are ${known.join(", ")}`);
  }
}

function wrong(of: string, text: string): ChopinError {
  return new ChopinError("invalid_option", `${of}: ${text}.`);
}
