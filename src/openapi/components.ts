/**
 * The last step of a document: definitions that it refers to get names and stand under
 * `components/schemas`, all others take the place of their reference. Called by `document.ts`.
 */
import { ChopinError } from "../errors.ts";
import type { JsonSchema, Side } from "../schema/json-schema.ts";
import { isObject } from "../schema/node.ts";
import { Definition } from "./references.ts";

/** A document with references as text, and the schemas that they name. */
export interface Written {
  readonly document: JsonSchema;
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/** Definitions of one name. */
interface Group {
  readonly input: Definition[];
  readonly output: Definition[];
}

/**
 * Writes a document out.
 *
 * @throws ChopinError `invalid_route` for two schemas of one name.
 */
export function writeDocument(document: JsonSchema): Written {
  const { definitions, recursive } = reachable(document);
  const groups = groupsOf(definitions);
  for (const [id, group] of groups) checkGroup(id, group);
  const names = new Names();
  nameGroups(groups, names);
  nameOthers(
    definitions.filter((one) => one.id === undefined && (one.kept || recursive.has(one))),
    names,
  );
  const schemas = [...names.written()].map(
    ([name, definition]) => [name, written(definition.schema, names)] as const,
  );
  schemas.sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    document: written(document, names) as JsonSchema,
    schemas: Object.fromEntries(schemas) as Written["schemas"],
  };
}

/** All definitions in the order in which they are met, and those that lead to themselves. */
function reachable(document: unknown): {
  readonly definitions: readonly Definition[];
  readonly recursive: ReadonlySet<Definition>;
} {
  const met = new Set<Definition>();
  const recursive = new Set<Definition>();
  const around = new Set<Definition>();
  const look = (value: unknown): void => {
    if (value instanceof Definition) {
      if (around.has(value)) recursive.add(value);
      if (met.has(value)) return;
      met.add(value);
      around.add(value);
      look(value.schema);
      around.delete(value);
    } else if (typeof value === "object" && value !== null) {
      for (const member of Object.values(value)) look(member);
    }
  };
  look(document);
  return { definitions: [...met], recursive };
}

function groupsOf(definitions: readonly Definition[]): Map<string, Group> {
  const named = definitions.filter((one) => one.id !== undefined);
  const ids = [...new Set(named.map((one) => one.id!))].sort();
  const of = (id: string, side: Side) => named.filter((one) => one.id === id && one.side === side);
  return new Map(ids.map((id) => [id, { input: of(id, "input"), output: of(id, "output") }]));
}

function checkGroup(id: string, group: Group): void {
  for (const [first, ...others] of [group.input, group.output]) {
    const text = first === undefined ? "" : textOf(first);
    const other = others.find((one) => textOf(one) !== text);
    if (first === undefined || other === undefined) continue;
    throw new ChopinError(
      "invalid_route",
      `Two schemas have the name ${JSON.stringify(id)}: one of ${first.route}, ` +
        `another of ${other.route}. Give one of them another $id.`,
    );
  }
}

/** Names of definitions. */
class Names {
  readonly #of = new Map<Definition, string>();
  readonly #written = new Map<string, Definition>();

  /** Gives a name to definitions that are the same. */
  give(wish: string, [first, ...others]: readonly Definition[]): void {
    if (first === undefined) return;
    const legal = wish.replaceAll(/[^a-zA-Z0-9._-]+/g, "_");
    let name = legal;
    for (let count = 2; this.#written.has(name); count++) name = `${legal}${count}`;
    this.#written.set(name, first);
    for (const definition of [first, ...others]) this.#of.set(definition, name);
  }

  of(definition: Definition): string | undefined {
    return this.#of.get(definition);
  }

  written(): ReadonlyMap<string, Definition> {
    return this.#written;
  }
}

/** What comes out has the name; what goes in, where it differs, the name and "Input". */
function nameGroups(groups: ReadonlyMap<string, Group>, names: Names): void {
  const split = splitGroups(groups);
  for (const [id, { input, output }] of groups) {
    if (!split.has(id)) names.give(id, [...input, ...output]);
    else names.give(id, output);
  }
  // Behind all names that were chosen, which stay as they are.
  for (const id of split) names.give(`${id}Input`, groups.get(id)!.input);
}

/** Names whose two sides differ, by themselves or in what they refer to. */
function splitGroups(groups: ReadonlyMap<string, Group>): ReadonlySet<string> {
  const both = [...groups].filter(([, { input, output }]) => input.length * output.length > 0);
  const split = new Set<string>();
  for (const [id, { input, output }] of both) {
    const sent = textOf(input[0]!);
    // Some libraries say that they leave out what they do not know: no reason for two names.
    if (textOf(output[0]!) !== sent && textOf(output[0]!, true) !== sent) split.add(id);
  }
  for (let before = -1; before !== split.size; ) {
    before = split.size;
    for (const [id, { input, output }] of both) {
      const inner = [...namesIn(input[0]!), ...namesIn(output[0]!)];
      if (inner.some((name) => split.has(name))) split.add(id);
    }
  }
  return split;
}

/** Names that a definition refers to, itself or through what has none. */
function namesIn(definition: Definition): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<Definition>();
  const look = (value: unknown): void => {
    if (value instanceof Definition) {
      if (value.id !== undefined) found.add(value.id);
      else if (!seen.has(value)) look(seen.add(value) && value.schema);
    } else if (typeof value === "object" && value !== null) {
      for (const member of Object.values(value)) look(member);
    }
  };
  look(definition.schema);
  return found;
}

/** Those without a name of their own: what is the same shares one. */
function nameOthers(definitions: readonly Definition[], names: Names): void {
  const byText = new Map<string, Definition[]>();
  for (const definition of definitions) {
    const text = textOf(definition, false, names);
    byText.set(text, [...(byText.get(text) ?? []), definition]);
  }
  for (const same of byText.values()) names.give(same[0]!.wish, same);
}

/**
 * A definition as text that is the same for what means the same. `open`: as if nothing were said of
 * keys that are not named.
 */
function textOf(definition: Definition, open = false, names?: Names): string {
  const around: Definition[] = [];
  const text = (value: unknown): unknown => {
    if (value instanceof Definition) {
      const name = names?.of(value) ?? value.id;
      if (name !== undefined) return name;
      const at = around.indexOf(value);
      return at >= 0 ? `up ${around.length - at}` : inside(value);
    }
    if (Array.isArray(value)) return value.map(text);
    if (!isObject(value)) return value;
    const members = Object.entries(value)
      .filter(([key, member]) => !(open && key === "additionalProperties" && member === false))
      .sort(([one], [other]) => (one < other ? -1 : 1));
    // The order of required keys means nothing.
    const told = (key: string, member: unknown) =>
      text(key === "required" && Array.isArray(member) ? member.toSorted() : member);
    return { members: members.map(([key, member]) => [key, told(key, member)]) };
  };
  const inside = (value: Definition): unknown => {
    around.push(value);
    const told = text(value.schema);
    around.pop();
    return told;
  };
  return JSON.stringify(inside(definition));
}

/** A copy in which references are text. */
function written(value: unknown, names: Names): unknown {
  if (Array.isArray(value)) return value.map((member) => written(member, names));
  if (!isObject(value)) return value;
  const { $ref, ...rest } = value;
  const members = Object.entries(rest).map(([key, member]) => [key, written(member, names)]);
  const others = Object.fromEntries(members) as Record<string, unknown>;
  if (!($ref instanceof Definition)) return $ref === undefined ? others : { $ref, ...others };
  const name = names.of($ref);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}`, ...others };
  const inlined = written($ref.schema, names) as Record<string, unknown>;
  const beside = Object.keys(others).some((key) => key in inlined && !isAnnotation(key));
  return beside ? { ...others, allOf: [inlined] } : { ...inlined, ...others };
}

function isAnnotation(keyword: string): boolean {
  return ["title", "description", "default", "examples", "deprecated"].includes(keyword);
}
