/**
 * Names of operations that were given none: `GET /users/:id` is `getUsersById`. They follow from
 * method and path alone, so that a route keeps its name when others are added. Called by
 * `operations.ts`, `places.ts` and `document.ts`.
 */
import type { PathSegment } from "./paths.ts";

/** The name that method and path make. */
export function operationName(method: string, segments: readonly PathSegment[]): string {
  const words = segments.map((segment) =>
    typeof segment === "string"
      ? pascal(segment)
      : `By${pascal(segment.name === "*" ? "rest" : segment.name)}`,
  );
  const path = words.join("") || "Root";
  return camel(method.toLowerCase()) + path;
}

/** A name whose letters begin large. */
export function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * The names of operations that ask for the same one: it stays with the path that looks most like
 * it; all others get a number that is made from their method and path.
 *
 * @param named Method and path of each.
 */
export function apart(wish: string, named: readonly string[]): string[] {
  const [first] = [...named].sort((one, other) => {
    const difference = Number(!isPlain(one)) - Number(!isPlain(other));
    return difference === 0 ? (one < other ? -1 : 1) : difference;
  });
  return named.map((name) => (name === first ? wish : numbered(wish, name)));
}

/** A name with a number that method and path make. */
export function numbered(wish: string, named: string): string {
  return `${wish}_${Bun.hash.crc32(named).toString(36)}`;
}

/** Words of small letters between slashes: nothing of them is lost in a name. */
function isPlain(named: string): boolean {
  return /^\w+ (?:\/(?:[a-z][a-z\d]*|\{\w+\}))+$/.test(named) && !named.includes("/by/");
}

function pascal(text: string): string {
  return wordsOf(text).map(capitalised).join("");
}

function camel(text: string): string {
  const [first = "", ...others] = wordsOf(text);
  return first + others.map(capitalised).join("");
}

function wordsOf(text: string): string[] {
  return text.replaceAll(/%[\da-f]{2}/gi, " ").match(/[A-Za-z\d]+/g) ?? [];
}
