/**
 * What differs between two documents of an application: for each operation, a line. Called by the
 * command line and by `chopin/testing`.
 */
import { isObject } from "../schema/node.ts";

export interface Change {
  readonly kind: "added" | "removed" | "changed";
  /** `POST /users`, `schemas/User`, `info`. */
  readonly what: string;
  /** Members that differ. */
  readonly details?: readonly string[];
}

export type Members = Readonly<Record<string, unknown>>;

const marks = { added: "+", removed: "-", changed: "~" } as const;

/** The members of a path that are operations (OpenAPI 3.1, 4.8.9.1). */
const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/**
 * A document of a file, JSON or YAML by its name.
 *
 * @throws Error for what is none.
 */
export function documentIn(text: string, file: string): Members {
  const isYaml = !/\.json$/i.test(file);
  try {
    const document: unknown = isYaml ? Bun.YAML.parse(text) : JSON.parse(text);
    if (isObject(document)) return document;
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`${file} is no ${isYaml ? "YAML" : "JSON"}: ${reason}`);
  }
  throw new Error(`${file} is no OpenAPI document`);
}

/** Operations first, then components, then the rest; the order of members counts for nothing. */
export function compareDocuments(before: Members, after: Members): Change[] {
  const { paths: pathsBefore, components: componentsBefore, ...restBefore } = before;
  const { paths: pathsAfter, components: componentsAfter, ...restAfter } = after;
  return [
    ...compare(operationsOf(pathsBefore), operationsOf(pathsAfter)),
    ...compare(componentsOf(componentsBefore), componentsOf(componentsAfter)),
    ...compare(restBefore, restAfter),
  ];
}

/** A line: `~ GET /users/{id}: response 404`. */
export function lineOf({ kind, what, details = [] }: Change): string {
  const more = details.length === 0 ? "" : `: ${details.join(", ")}`;
  return `${marks[kind]} ${what}${more}`;
}

/** What was added, removed or changed among members. */
export function compare(before: Members, after: Members): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((what): Change[] => {
    if (!Object.hasOwn(before, what)) return [{ kind: "added", what }];
    if (!Object.hasOwn(after, what)) return [{ kind: "removed", what }];
    const [one, other] = [before[what], after[what]];
    if (Bun.deepEquals(one, other)) return [];
    return [{ kind: "changed", what, details: detailsOf(one, other) }];
  });
}

/** Names of members that differ; of answers, their statuses. */
function detailsOf(before: unknown, after: unknown): string[] {
  if (!isObject(before) || !isObject(after)) return [];
  return compare(before, after).flatMap(({ what, kind }) => {
    const [one, other] = [before[what], after[what]];
    if (what !== "responses" || kind !== "changed" || !isObject(one) || !isObject(other))
      return what;
    return compare(one, other).map((status) => `response ${status.what}`);
  });
}

/** `GET /users/{id}`, and what a path has for all of its operations. */
function operationsOf(paths: unknown): Members {
  const all = isObject(paths) ? Object.entries(paths) : [];
  const pairs = all.flatMap(([path, item]) =>
    Object.entries(isObject(item) ? item : {}).map(([name, value]) => {
      const what = methods.includes(name) ? `${name.toUpperCase()} ${path}` : `${path} ${name}`;
      return [what, value] as const;
    }),
  );
  return Object.fromEntries(pairs);
}

function componentsOf(components: unknown): Members {
  const kinds = isObject(components) ? Object.entries(components) : [];
  const pairs = kinds.flatMap(([kind, named]) =>
    Object.entries(isObject(named) ? named : {}).map(
      ([name, value]) => [`${kind}/${name}`, value] as const,
    ),
  );
  return Object.fromEntries(pairs);
}
