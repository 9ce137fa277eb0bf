/**
 * Which route has which place in a document: OpenAPI has one operation for each method of a path,
 * and takes paths for the same that differ in the names or patterns of their captures alone. Called
 * by `document.ts`.
 */
import type { RouteListing } from "../definition.ts";
import { capitalised, operationName } from "./operation-id.ts";
import { type DescribedRoute, describe } from "./operations.ts";
import {
  byPriority,
  matchTheSame,
  type PathSegment,
  pathVariants,
  shapeOf,
  templateOf,
} from "./paths.ts";

/** One method of one path of a route. */
export interface Candidate {
  readonly route: DescribedRoute;
  /** Never "*". */
  readonly method: string;
  readonly segments: readonly PathSegment[];
  /** Method and path, with its own names. */
  readonly named: string;
  /** The operationId that it asks for, and whether the program gave it. */
  readonly id: string;
  readonly given: boolean;
}

/** A candidate and where it stands. */
export interface Place {
  readonly candidate: Candidate;
  readonly path: string;
  /** Of the captures in the path, in order. */
  readonly names: readonly string[];
  /** What the description has to say of routes that have no place. */
  readonly notes: readonly string[];
}

/** What stands for a route of all methods. HEAD and OPTIONS are answered by themselves. */
const methodsOfAll: readonly string[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** All that routes ask for, but for those that are hidden. */
export function candidatesOf(listings: readonly RouteListing[]): Candidate[] {
  return listings
    .filter(({ options }) => options.hidden !== true)
    .flatMap((listing) => candidatesOfRoute(listing));
}

function candidatesOfRoute(listing: RouteListing): Candidate[] {
  const variants = pathVariants(listing.path);
  const all = listing.method === "*";
  const route = describe(listing, variants[0]!);
  const { operationId } = listing.options;
  return variants.flatMap(({ segments, without }) =>
    (all ? methodsOfAll : [listing.method]).map((method): Candidate => {
      const left = without.length === 0 ? "" : `Without${without.map(capitalised).join("And")}`;
      const ending = left + (all ? capitalised(method.toLowerCase()) : "");
      return {
        route,
        method,
        segments,
        named: `${method} ${templateOf(segments, namesOf(segments))}`,
        id: operationId === undefined ? operationName(method, segments) : operationId + ending,
        given: operationId !== undefined,
      };
    }),
  );
}

/** A place for each path and method, to the route that the router tries first. */
export function placesOf(candidates: readonly Candidate[]): Place[] {
  const shapes = Map.groupBy(candidates, ({ segments }) => shapeOf(segments));
  return [...shapes.values()].flatMap((sharing) => {
    const names = namesOf(sharing[0]!.segments);
    const path = templateOf(sharing[0]!.segments, names);
    const methods = Map.groupBy(sharing, ({ method }) => method);
    return [...methods.values()].map((asking): Place => {
      const [candidate, ...others] = asking.toSorted(byRouter) as [Candidate, ...Candidate[]];
      const elsewhere = others.filter(
        ({ route, segments }) =>
          route !== candidate.route && !matchTheSame(candidate.segments, segments),
      );
      return { candidate, path, names, notes: elsewhere.map(noteOf) };
    });
  });
}

/** The router's order: by the path, then a method before all methods. */
function byRouter(one: Candidate, other: Candidate): number {
  const difference = byPriority(one.segments, other.segments);
  if (difference !== 0) return difference;
  return Number(isOfAll(one)) - Number(isOfAll(other));
}

function isOfAll({ route }: Candidate): boolean {
  return route.listing.method === "*";
}

function noteOf({ route }: Candidate): string {
  const { method, path } = route.listing;
  return (
    `What the path does not match here is answered by \`${method} ${path}\`, ` +
    "for which OpenAPI has no place beside this operation."
  );
}

/** Names of captures; a wildcard that has none gets one. */
function namesOf(segments: readonly PathSegment[]): string[] {
  const captures = segments.filter((segment) => typeof segment !== "string");
  const taken = captures.map(({ name }) => name);
  const free = ["rest", "wildcard", "restOfPath"].find((name) => !taken.includes(name))!;
  return taken.map((name) => (name === "*" ? free : name));
}
