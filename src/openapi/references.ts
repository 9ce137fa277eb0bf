/**
 * What schemas refer to: every schema that has a name, or contains itself, becomes a `Definition`,
 * and each reference the definition itself. `components.ts` gives them their names in the end.
 */
import { ChopinError } from "../errors.ts";
import type { JsonSchema, Side } from "../schema/json-schema.ts";
import { isObject } from "../schema/node.ts";
import { mapSchema } from "../schema/wire-schema.ts";

/** A schema that others refer to. */
export class Definition {
  /** What the program called it; undefined: a number of its library, which nobody has chosen. */
  readonly id: string | undefined;
  /** The name for one that has none. */
  readonly wish: string;
  readonly side: Side;
  /** The route that it was first met in, for errors. */
  readonly route: string;
  /** It stands under `components` in any case. */
  kept = false;
  schema: JsonSchema = {};

  constructor(id: string | undefined, wish: string, side: Side, route: string) {
    this.id = id;
    this.wish = wish;
    this.side = side;
    this.route = route;
  }
}

/** Where a schema stands. */
export interface Origin {
  readonly side: Side;
  /** Method, path and place of its route. */
  readonly route: string;
  /** For definitions that have no name. */
  readonly wish: string;
  /** The library of the schema: `libraryOf`. */
  readonly library: string;
}

/** Names that libraries number by themselves. What looks like that of another one was chosen. */
const numbered: Readonly<Record<string, RegExp>> = {
  typebox: /^T\d+$/,
  zod: /^__schema\d+$/,
};
/** `0` of Valibot; `intersection219` of ArkType, also behind its own names. */
const usuallyNumbered = /^[a-z]*\d+$/;

/** The schema of a reference, where there is one. */
export function resolve(schema: JsonSchema): JsonSchema {
  let found = schema;
  // A definition that is nothing but a reference leads on, at most through each once.
  for (let steps = 0; found.$ref instanceof Definition && steps < 100; steps++) {
    found = found.$ref.schema;
  }
  return found;
}

/**
 * A schema of a route with definitions in the place of what it refers to.
 *
 * @throws ChopinError `invalid_route` for a reference to nothing.
 */
export function withDefinitions(schema: JsonSchema, origin: Origin): JsonSchema {
  return new Reading(schema, origin).whole();
}

/** Schemas around a place that may have `$defs`, the outermost first. */
type Around = readonly JsonSchema[];

class Reading {
  readonly #root: JsonSchema;
  readonly #origin: Origin;
  readonly #definitions = new Map<unknown, Definition>();
  readonly #ids = new Map<string, JsonSchema>();

  constructor(root: JsonSchema, origin: Origin) {
    this.#root = root;
    this.#origin = origin;
    this.#collectIds(root);
  }

  whole(): JsonSchema {
    const content = this.#schema([this.#root], this.#root);
    const own = this.#definitions.get(this.#root);
    return own === undefined ? content : { $ref: own };
  }

  /** A schema as others see it: one that has a name is referred to. */
  #schema(around: Around, node: JsonSchema): JsonSchema {
    const { $id } = node;
    return typeof $id === "string"
      ? { $ref: this.#define(around, node, $id) }
      : this.#content(around, node);
  }

  #content(around: Around, node: JsonSchema): JsonSchema {
    const { $id: _, $schema: __, $defs, definitions, $ref, ...rest } = node;
    const inside = ($defs ?? definitions) === undefined ? around : [...around, node];
    const inner = (one: unknown): unknown => (isObject(one) ? this.#schema(inside, one) : one);
    const content = mapSchema(rest, inner);
    if (typeof $ref !== "string" || /^[a-z][a-z\d+.-]*:/i.test($ref)) {
      return $ref === undefined ? content : { ...content, $ref };
    }
    return { ...content, $ref: this.#refer(inside, $ref) };
  }

  #refer(around: Around, reference: string): Definition {
    if (reference === "#") return this.#define([this.#root], this.#root, undefined);
    for (let at = around.length - 1; at >= 0; at--) {
      const found = targetIn(around[at]!, reference);
      if (found === undefined) continue;
      const id = typeof found.$id === "string" ? found.$id : nameIn(reference);
      return this.#define(around.slice(0, at + 1), found, id);
    }
    const known = this.#ids.get(reference);
    if (known !== undefined) return this.#define(around, known, reference);
    throw new ChopinError(
      "invalid_route",
      `${this.#origin.route}: a schema refers to ${reference}, which is not inside of it.`,
    );
  }

  #define(around: Around, node: JsonSchema, id: string | undefined): Definition {
    const known = this.#definitions.get(node);
    if (known !== undefined) return known;
    const { side, route, wish, library } = this.#origin;
    const isNumbered = (numbered[library] ?? usuallyNumbered).test(id ?? "");
    const chosen = id === "" || isNumbered ? undefined : id;
    const definition = new Definition(chosen, wish, side, route);
    this.#definitions.set(node, definition);
    definition.schema = this.#content(around, node);
    return definition;
  }

  #collectIds(node: unknown, seen = new Set<object>()): void {
    if (!isObject(node) || seen.has(node)) return;
    seen.add(node);
    if (typeof node.$id === "string" && !this.#ids.has(node.$id)) this.#ids.set(node.$id, node);
    mapSchema(node, (inner) => this.#collectIds(inner, seen));
  }
}

/** The name of a definition that a reference points to; undefined: it points elsewhere. */
function nameIn(reference: string): string | undefined {
  if (!reference.startsWith("#/")) return reference;
  const [keyword, name, ...more] = keysOf(reference);
  return keyword !== undefined && /^(?:\$defs|definitions)$/.test(keyword) && more.length === 0
    ? name
    : undefined;
}

/** Keys of a JSON Pointer in a fragment (RFC 6901 6). */
function keysOf(reference: string): string[] {
  const keys = reference.slice(2).split("/");
  return keys.map((key) => decoded(key).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What a reference names inside of one schema: a definition of it, or a place in it. */
function targetIn(schema: JsonSchema, reference: string): JsonSchema | undefined {
  if (!reference.startsWith("#/")) {
    const definitions = schema.$defs;
    const own = isObject(definitions) && Object.hasOwn(definitions, reference);
    return own ? (definitions[reference] as JsonSchema) : undefined;
  }
  let found: unknown = schema;
  for (const key of keysOf(reference)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return isObject(found) ? found : undefined;
}
