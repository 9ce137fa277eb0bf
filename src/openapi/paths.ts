/**
 * Paths of routes as OpenAPI writes them: `/users/:id(\d+)?` is `/users/{id}` and `/users`. Called
 * by `places.ts`, and read by `parameters.ts` and `operation-id.ts`.
 */

/** A capture in a path. */
export interface PathCapture {
  /** As the route calls it; "*" for a bare wildcard. */
  readonly name: string;
  /** The expression that the route has for it. */
  readonly constraint: string | undefined;
  /** The same of the whole segment, where JSON Schema can say it. */
  readonly pattern: string | undefined;
  readonly wildcard: boolean;
}

/** A segment of a path: text as in a URL, or a capture. */
export type PathSegment = string | PathCapture;

/** One of the paths of a route: optional captures make several. */
export interface PathVariant {
  readonly segments: readonly PathSegment[];
  /** Names of the captures that it leaves out. */
  readonly without: readonly string[];
}

/**
 * The paths of a route, in the order of the router: first the one that has everything, then those
 * without captures at the end.
 */
export function pathVariants(path: string): PathVariant[] {
  let variants: PathVariant[] = [{ segments: [], without: [] }];
  for (const text of path.slice(1).split("/")) {
    const segment = segmentOf(text);
    variants = variants.flatMap(({ segments, without }) => {
      const kept = { segments: [...segments, segment], without };
      const optional = typeof segment !== "string" && text.endsWith("?");
      return optional ? [kept, { segments, without: [...without, segment.name] }] : [kept];
    });
  }
  return variants.map((variant) => (variant.segments.length > 0 ? variant : emptyOf(variant)));
}

/** A path of which nothing is left is that of the root. */
function emptyOf({ without }: PathVariant): PathVariant {
  return { segments: [""], without };
}

/** The path with captures by these names, in order. */
export function templateOf(segments: readonly PathSegment[], names: readonly string[]): string {
  let at = 0;
  const parts = segments.map((segment) =>
    typeof segment === "string" ? segment : `{${names[at++]}}`,
  );
  return `/${parts.join("/")}`;
}

/** Text that is the same for paths which OpenAPI takes for one: names count for nothing there. */
export function shapeOf(segments: readonly PathSegment[]): string {
  return `/${segments.map((one) => (typeof one === "string" ? one : "{}")).join("/")}`;
}

/**
 * Which of two paths of one shape the router tries first: at each place a capture with a pattern
 * before one without, and that before a wildcard. Negative: the first.
 */
export function byPriority(one: readonly PathSegment[], other: readonly PathSegment[]): number {
  for (const [at, segment] of one.entries()) {
    const difference = rankOf(segment) - rankOf(other[at]!);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether two paths of one shape match the same requests. */
export function matchTheSame(one: readonly PathSegment[], other: readonly PathSegment[]): boolean {
  const constraintOf = (segment: PathSegment) =>
    typeof segment === "string" ? undefined : segment.constraint;
  return (
    byPriority(one, other) === 0 &&
    one.every((segment, at) => constraintOf(segment) === constraintOf(other[at]!))
  );
}

function rankOf(segment: PathSegment): number {
  if (typeof segment === "string") return 0;
  if (segment.wildcard) return 3;
  return segment.constraint === undefined ? 2 : 1;
}

function segmentOf(text: string): PathSegment {
  if (text.startsWith("*")) {
    const name = text.slice(1) || "*";
    return { name, constraint: undefined, pattern: undefined, wildcard: true };
  }
  const [, name, constraint] = /^:(\w+)(?:\((.*)\))?\??$/.exec(text) ?? [];
  if (name === undefined) return encoded(text);
  const pattern = constraint === undefined ? undefined : patternOf(constraint);
  return { name, constraint, pattern, wildcard: false };
}

/** Text of a path as a URL has it (RFC 3986 3.3), so that no brace of it looks like a capture. */
function encoded(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/%[\da-f]{2}|[\w.~!$&'()*+,;=:@-]+|./giu, (part) =>
      /^[\w.~!$&'()*+,;=:@-]/.test(part) || part.length === 3 ? part : encodeURIComponent(part),
    );
}

/**
 * A constraint as JSON Schema writes expressions: of the whole text, and with the escapes of
 * Unicode mode, which knows those of syntax alone.
 */
function patternOf(constraint: string): string | undefined {
  let inClass = false;
  const text = constraint.replaceAll(/\\(.)|[[\]]/gu, (part, escaped?: string) => {
    if (escaped === undefined) inClass = part === "[";
    else if (!/[\w^$\\.*+?()[\]{}|/]/.test(escaped) && !(inClass && escaped === "-")) {
      return escaped;
    }
    return part;
  });
  const pattern = `^(?:${text})$`;
  try {
    new RegExp(pattern, "u");
    return pattern;
  } catch {
    return undefined;
  }
}
