/** From the pattern of a route to the URL of a request. Called by `request.ts`. */
import { ClientError } from "./error.ts";

/** Parts of a request by name, as a call gives them. */
export type Parts = Readonly<Record<string, unknown>>;

/**
 * Origin and path that all routes lie below, without a slash at the end.
 *
 * @throws ClientError `invalid_option`.
 */
export function baseOf(base: string | URL): string {
  const text = String(base);
  // Also where there is no document: in workers.
  const { location } = globalThis as { readonly location?: { readonly origin: string } };
  if (/^(https?:\/)?\//i.test(text) && URL.canParse(text, location?.origin)) {
    const { href, origin, pathname } = new URL(text, location?.origin);
    if (href === origin + pathname) return href.replace(/\/+$/, "");
  }
  throw new ClientError(
    "invalid_option",
    "chopin/client: the base is a URL, or in browsers a path, without user, query and fragment.",
  );
}

/**
 * What follows the base: the path of a route with its captures filled in, and the query.
 *
 * @throws TypeError for what is missing or cannot be said in a URL.
 */
export function targetOf(pattern: string, params: Parts = {}, query: Parts = {}): string {
  if (!/^\//.test(pattern)) throw invalid("the path has to begin with a slash");
  // Captures may have the names of what every object has.
  const own: Parts = { __proto__: null, ...params };
  const path = pattern
    .slice(1)
    .split("/")
    .map((segment) => segmentOf(segment, own))
    .join("");
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const text of textsOf(`query.${name}`, value)) fields.append(name, text);
  }
  const search = fields.toString();
  // As in `nest`, the root below a base is the base itself.
  return (path === "/" ? "" : path) + (search === "" ? "" : `?${search}`);
}

/** The texts of one value, or of a list; none of what is undefined. */
export function textsOf(place: string, value: unknown): string[] {
  return [value]
    .flat()
    .filter((one) => one !== undefined)
    .map((one) => textOf(place, one));
}

/** One segment with its slash; nothing for a capture that is left out. */
function segmentOf(segment: string, params: Parts): string {
  const [, name, optional] = /^:(\w+)(?:\(.*\))?(\?)?$/.exec(segment) ?? [];
  if (name !== undefined) {
    if (optional !== undefined && params[name] === undefined) return "";
    return `/${escaped(name, textOf(`params.${name}`, params[name]))}`;
  }
  if (!segment.startsWith("*")) {
    // What patterns have escaped stays so: "%2F" is a slash inside of a segment.
    return `/${encodeURIComponent(segment).replaceAll(/%25([0-9A-F]{2})/gi, "%$1")}`;
  }
  const rest = segment.slice(1) || "*";
  return textOf(`params.${rest}`, params[rest])
    .split("/")
    .map((part) => `/${part === "" ? "" : escaped(rest, part)}`)
    .join("");
}

function escaped(name: string, text: string): string {
  if (text === "") throw invalid(`params.${name} is empty, and would change the path`);
  // Those are resolved before anything is sent, escaped or not (URL standard, 4.4).
  if (/^\.\.?$/.test(text)) throw invalid(`params.${name} is ${text}, which no URL can hold`);
  try {
    return encodeURIComponent(text);
  } catch {
    throw invalid(`params.${name} is no well-formed text`);
  }
}

function textOf(place: string, value: unknown): string {
  if (value === undefined) throw invalid(`${place} is missing`);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (Number.isFinite(value) || ["string", "boolean", "bigint"].includes(typeof value)) {
    return String(value);
  }
  throw invalid(`${place} is ${value === null ? "null: leave it out" : "nothing to send as text"}`);
}

/** `request.ts` makes a `ClientError` of it, with the route. */
function invalid(text: string): TypeError {
  return new TypeError(`${text}.`);
}
