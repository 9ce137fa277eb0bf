/**
 * Writes, for a schema of TypeBox, the function that brings a value into its shape: text is turned
 * into what the schema asks for, defaults are filled in, and keys that it does not name are left
 * out. It never fails: what cannot be turned stays, and is found by the check that follows. One
 * function of straight code for each object, since a loop over a schema costs ten times as much.
 */
import { ChopinError } from "../errors.ts";
import { toBigInt, toBoolean, toDate, toInteger, toNumber } from "./coerce.ts";
import { isObject, isTransform, kindOfNode, mergedObject, type SchemaNode } from "./node.ts";
import { checkSendable } from "./sendable.ts";
import { copyRest, Source } from "./source.ts";

/**
 * Where values come from: `text` is what has only strings (path, query, fields), `json` a parsed
 * body, `answer` what a handler returned.
 */
export type Origin = "text" | "json" | "answer";

export type Shape = (value: unknown) => unknown;

/** Whether a value is what a schema says; compiled by `compile.ts`. */
export type CheckOf = (node: SchemaNode) => (value: unknown) => boolean;

/**
 * The shaping function of a schema; undefined when values have to stay as they are.
 *
 * @param known Keys of the outermost object that are somebody else's, and never refused.
 * @throws ChopinError `invalid_route` for what cannot be shaped.
 */
export function shapeOf(
  schema: SchemaNode,
  origin: Origin,
  checkOf: CheckOf,
  known: readonly string[] = [],
): Shape | undefined {
  if (origin !== "text") checkSendable(schema, origin === "answer");
  const writer = new ShapeWriter(origin, checkOf, known);
  const name = writer.write(schema);
  return name === undefined ? undefined : writer.compile(name);
}

/** Text of the coercion of each kind of leaf, where the wire has only text. */
const textCoercions: Readonly<Record<string, Shape>> = {
  Integer: toInteger,
  Number: toNumber,
  Boolean: toBoolean,
  BigInt: toBigInt,
  Date: toDate,
};

class ShapeWriter {
  readonly #origin: Origin;
  readonly #checkOf: CheckOf;
  /** Taken by the first object that is written, which is the outermost. */
  #known: readonly string[];
  readonly #source = new Source();
  /** Functions by `$id`, for schemas that contain themselves. */
  readonly #named = new Map<string, string>();
  #definitions: Readonly<Record<string, SchemaNode>> = {};

  constructor(origin: Origin, checkOf: CheckOf, known: readonly string[]) {
    this.#origin = origin;
    this.#checkOf = checkOf;
    this.#known = known;
  }

  compile(name: string): Shape {
    return this.#source.compile(name);
  }

  /** The name of the function that shapes values of a schema; undefined: they stay. */
  write(node: SchemaNode): string | undefined {
    if (isTransform(node)) {
      throw new ChopinError(
        "invalid_route",
        "Transforms of TypeBox are not run: take t.Date(), or a Standard Schema that transforms",
      );
    }
    if (node.$id === undefined) return this.#writeKind(node);
    const known = this.#named.get(node.$id);
    if (known !== undefined) return known;
    const name = this.#source.name();
    this.#named.set(node.$id, name);
    const inner = this.#writeKind(node);
    this.#source.add([`return ${inner === undefined ? "v" : `${inner}(v)`};`], name);
    return inner === undefined ? undefined : name;
  }

  #writeKind(node: SchemaNode): string | undefined {
    const kind = kindOfNode(node);
    switch (kind) {
      case "Object":
        return this.#object(node, this.#takeKnown());
      case "Array":
        return this.#array(node.items as SchemaNode);
      case "Tuple":
        return this.#tuple((node.items ?? []) as readonly SchemaNode[]);
      case "Record":
        return this.#record(node);
      case "Union":
        return this.#union(node.anyOf ?? []);
      case "Intersect": {
        const merged = mergedObject(node);
        return merged === undefined ? undefined : this.write(merged);
      }
      case "Import":
        this.#definitions = { ...this.#definitions, ...node.$defs };
        return this.#reference(node.$ref ?? "");
      case "This":
      case "Ref":
        return this.#reference(node.$ref ?? "");
      default:
        return this.#leaf(kind, node);
    }
  }

  #takeKnown(): readonly string[] {
    const known = this.#known;
    this.#known = [];
    return known;
  }

  #reference(id: string): string | undefined {
    const known = this.#named.get(id);
    if (known !== undefined) return known;
    const definition = this.#definitions[id];
    return definition === undefined ? undefined : this.write({ ...definition, $id: id });
  }

  #leaf(kind: string, node: SchemaNode): string | undefined {
    if (this.#origin === "answer") return undefined;
    if (this.#origin === "json") return kind === "Date" ? this.#source.constant(toDate) : undefined;
    if (kind !== "Literal") {
      const coercion = textCoercions[kind];
      return coercion === undefined ? undefined : this.#source.constant(coercion);
    }
    if (typeof node.const === "string") return undefined;
    const text = JSON.stringify(String(node.const));
    return this.#source.add([`return v === ${text} ? ${JSON.stringify(node.const)} : v;`]);
  }

  #object(node: SchemaNode, known: readonly string[]): string | undefined {
    const { properties = {}, additionalProperties: more } = node;
    const names = Object.keys(properties);
    if (names.includes("__proto__")) {
      throw new ChopinError("invalid_route", "A schema cannot name the key __proto__");
    }
    const inner = names.map(
      (name) => [name, properties[name]!, this.write(properties[name]!)] as const,
    );
    const lines = inner.map(([name, child, shape]) => this.#property(name, child, shape));
    const rest = isObject(more) ? this.write(more as SchemaNode) : undefined;
    const stays = inner.every(
      ([, child, shape]) => shape === undefined && !this.#hasDefault(child),
    );
    // In development the check has refused such an answer before; its reader is not to see more.
    const stripped = more === undefined || (more === false && this.#origin === "answer");
    if (!stripped && stays && rest === undefined && known.length === 0) return undefined;
    if (!stripped) {
      const taken = this.#source.constant(new Set([...names, ...known]));
      const shape = rest ?? "undefined";
      lines.push(`${this.#source.constant(copyRest)}(o, v, ${taken}, ${shape});`);
    }
    const json =
      this.#origin === "answer" ? 'if (typeof v.toJSON === "function") v = v.toJSON();' : "";
    return this.#source.add([
      `if (typeof v !== "object" || v === null || Array.isArray(v)) return v;`,
      json,
      // What an object has by inheritance must not pass for what was sent.
      `const o = ${names.some((name) => name in Object.prototype) ? "Object.create(null)" : "{}"};`,
      "let x;",
      ...lines,
      "return o;",
    ]);
  }

  #property(name: string, node: SchemaNode, shape: string | undefined): string {
    const key = JSON.stringify(name);
    const own =
      name in Object.prototype ? `Object.hasOwn(v, ${key}) ? v[${key}] : undefined` : `v[${key}]`;
    const value = shape === undefined ? "x" : `${shape}(x)`;
    const otherwise = this.#hasDefault(node) ? ` else o[${key}] = ${this.#defaultOf(node)};` : "";
    return `x = ${own}; if (x !== undefined) o[${key}] = ${value};${otherwise}`;
  }

  #hasDefault(node: SchemaNode): boolean {
    return this.#origin !== "answer" && node.default !== undefined;
  }

  #defaultOf(node: SchemaNode): string {
    const { default: value } = node;
    if (typeof value === "function") return `${this.#source.constant(value)}()`;
    const constant = this.#source.constant(value);
    return typeof value === "object" ? `structuredClone(${constant})` : constant;
  }

  #array(items: SchemaNode): string | undefined {
    const shape = this.write(items);
    const single = this.#origin === "text" ? "v = [v]" : "return v";
    if (shape === undefined) {
      return this.#origin === "text"
        ? this.#source.add(["return Array.isArray(v) ? v : [v];"])
        : undefined;
    }
    return this.#source.add([
      `if (!Array.isArray(v)) ${single};`,
      "const length = v.length, o = new Array(length);",
      `for (let at = 0; at < length; at++) o[at] = ${shape}(v[at]);`,
      "return o;",
    ]);
  }

  #tuple(items: readonly SchemaNode[]): string | undefined {
    const shapes = items.map((item) => this.write(item));
    if (shapes.every((shape) => shape === undefined)) return undefined;
    const values = shapes.map((shape, at) =>
      shape === undefined ? `v[${at}]` : `${shape}(v[${at}])`,
    );
    return this.#source.add([
      `if (!Array.isArray(v) || v.length !== ${items.length}) return v;`,
      `return [${values.join(", ")}];`,
    ]);
  }

  #record(node: SchemaNode): string | undefined {
    const [values] = Object.values(node.patternProperties ?? {});
    const shape = values === undefined ? undefined : this.write(values);
    if (shape === undefined) return undefined;
    return this.#source.add([
      `if (typeof v !== "object" || v === null || Array.isArray(v)) return v;`,
      "const o = {};",
      `${this.#source.constant(copyRest)}(o, v, ${this.#source.constant(new Set())}, ${shape});`,
      "return o;",
    ]);
  }

  /** The first variant that a value fits decides; where none shapes anything there is no choice. */
  #union(variants: readonly SchemaNode[]): string | undefined {
    const shapes = variants.map((variant) => this.write(variant));
    if (shapes.every((shape) => shape === undefined)) return undefined;
    const tries = variants.map((variant, at) => {
      const shape = shapes[at];
      const value = shape === undefined ? "v" : `${shape}(v)`;
      return `x = ${value}; if (${this.#source.constant(this.#checkOf(variant))}(x)) return x;`;
    });
    return this.#source.add(["let x;", ...tries, "return v;"]);
  }
}
