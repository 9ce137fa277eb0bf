/** What differs between two descriptions of an application: for each operation or type, a line. */
import { isObject } from "../../schema/node.ts";
import { Failure } from "./failure.ts";

export interface Change {
  readonly kind: "added" | "removed" | "changed";
  /** `POST /users`, `schemas/User`, `info`. */
  readonly what: string;
  /** Members that differ. */
  readonly details?: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/** The members of a path that are operations (OpenAPI 3.1, 4.8.9.1). */
const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/**
 * A document of a file, JSON or YAML by its name.
 *
 * @throws Failure
 */
export function asDocument(text: string, file: string): Members {
  const isYaml = !/\.json$/i.test(file);
  try {
    const document: unknown = isYaml ? Bun.YAML.parse(text) : JSON.parse(text);
    if (isObject(document)) return document;
  } catch (error) {
    const reason = (error as Error).message;
    throw new Failure(`${file} is no ${isYaml ? "YAML" : "JSON"}: ${reason}`);
  }
  throw new Failure(`${file} is no OpenAPI document`);
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

/** By entries of the map, and by types. */
export function compareDeclarations(before: string, after: string): Change[] {
  const old = before.replaceAll("\r\n", "\n");
  if (old === after) return [];
  const changes = compare(declarationsOf(old), declarationsOf(after));
  return changes.length > 0 ? changes : [{ kind: "changed", what: "layout or comments" }];
}

function compare(before: Members, after: Members): Change[] {
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

/** The text of each entry of `Api`, and of each other type, in the layout of `client-types/`. */
function declarationsOf(text: string): Members {
  const declarations = text.split("\n\n").map((one) => {
    return [/^export (?:interface|type) (\w+)/m.exec(one)?.[1] ?? "", one] as const;
  });
  const api = declarations.find(([name]) => name === "Api")?.[1] ?? "";
  const entries = [...api.matchAll(/^ {2}readonly "((?:\\.|[^"\\])+)": \{\n.*?^ {2}\};$/gms)];
  return Object.fromEntries([
    ...entries.map(([entry, name = ""]) => [name.replaceAll(/\\(.)/g, "$1"), entry]),
    ...declarations.filter(([name]) => name !== "" && name !== "Api"),
  ]);
}
