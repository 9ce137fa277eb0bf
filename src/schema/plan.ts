/**
 * What can be said of each place of a schema beforehand: `explain.ts` walks through it. Made place
 * by place, when a value that does not fit first gets there.
 */
import { expectedOf, mustBe } from "./expected.ts";
import { type Fault, faultOf, pointerTo } from "./finding.ts";
import {
  isObject,
  isOptional,
  kindOfNode,
  mergedObject,
  type SchemaNode,
  withoutChildren,
} from "./node.ts";
import type { CheckOf } from "./shape.ts";

/** One node of a schema in one place. */
export interface Plan {
  /** Reached by a reference: values may be as deep as they are long. */
  readonly isRecursive: boolean;
  /** Of the value with all that lies below it, or of itself alone where that is recursive. */
  readonly check: (value: unknown) => boolean;
  readonly fault: Fault;
  readonly properties: readonly Property[] | undefined;
  /** Names of the properties, where others are refused. */
  readonly known: ReadonlySet<string> | undefined;
  /** Of every item; its pointer begins behind the index. */
  readonly item: Place | undefined;
  /** Of each item of a tuple. */
  readonly members: readonly Place[] | undefined;
  readonly variants: Variants | undefined;
}

/** A node and its pointer, as far as it is known beforehand. */
export interface Place {
  readonly node: SchemaNode;
  readonly pointer: string;
  /** Its plan is the same in all places, with pointers that begin anew. */
  readonly isReference: boolean;
  readonly isRecursive: boolean;
  plan: Plan | undefined;
}

export interface Property {
  readonly name: string;
  readonly place: Place;
  /** Undefined: it may be absent. */
  readonly missing: Fault | undefined;
}

/** Variants of a union that differ in the literal of one property. */
export interface Variants {
  readonly tag: string;
  readonly tags: readonly unknown[];
  readonly places: readonly Place[];
  readonly fault: Fault;
}

const references: readonly string[] = ["This", "Ref", "Import"];

/** The plans of one schema. */
export class Plans {
  readonly root: Place;
  readonly #checkOf: CheckOf;
  readonly #definitions: ReadonlyMap<string, SchemaNode>;
  readonly #ofReferences = new Map<SchemaNode, Plan>();

  /** `definitions` are the schemas that references lead to, by `$id`. */
  constructor(schema: SchemaNode, checkOf: CheckOf, definitions: ReadonlyMap<string, SchemaNode>) {
    this.root = placeOf(schema, "", false);
    this.#checkOf = checkOf;
    this.#definitions = definitions;
  }

  at(place: Place): Plan {
    place.plan ??= place.isReference ? this.#ofReference(place.node) : this.#make(place);
    return place.plan;
  }

  #ofReference(node: SchemaNode): Plan {
    const plan = this.#ofReferences.get(node) ?? this.#make(placeOf(node, "", true));
    this.#ofReferences.set(node, plan);
    return plan;
  }

  #make(place: Place): Plan {
    const { node, pointer, isRecursive } = place;
    const resolved = this.#resolve(node);
    const { properties, additionalProperties, items, anyOf } = resolved;
    const expected = expectedOf(resolved);
    const variants = anyOf === undefined ? undefined : this.#variantsOf(anyOf, place);
    return {
      isRecursive,
      check: isRecursive ? this.#checkOfItself(node, variants) : this.#checkOf(node),
      fault: faultOf(pointer, mustBe(expected), expected),
      properties: properties === undefined ? undefined : this.#propertiesOf(properties, place),
      known: additionalProperties === false ? new Set(Object.keys(properties ?? {})) : undefined,
      item: items === undefined || isList(items) ? undefined : placeOf(items, "", isRecursive),
      members: isList(items)
        ? items.map((item, at) => placeOf(item, `${pointer}/${at}`, isRecursive))
        : undefined,
      variants,
    };
  }

  #checkOfItself(node: SchemaNode, variants: Variants | undefined): Plan["check"] {
    return variants === undefined ? this.#checkOf(withoutChildren(this.#target(node))) : isObject;
  }

  #propertiesOf(properties: Readonly<Record<string, SchemaNode>>, of: Place): Property[] {
    return Object.entries(properties).map(([name, node]) => {
      const place = placeOf(node, of.pointer + pointerTo(name), of.isRecursive);
      const optional = isOptional(node) || this.#checkOf(node)(undefined);
      const expected = expectedOf(this.#resolve(node));
      const missing = optional ? undefined : faultOf(place.pointer, "is missing", expected);
      return { name, place, missing };
    });
  }

  #variantsOf(nodes: readonly SchemaNode[], of: Place): Variants | undefined {
    const variants = nodes.map((node) => this.#resolve(node));
    const literalsOf = (name: string) => variants.map((variant) => variant.properties?.[name]);
    const isLiteral = (node: SchemaNode | undefined) =>
      isObject(node) && kindOfNode(node) === "Literal";
    const names = Object.keys(variants[0]?.properties ?? {});
    const tag = names.find((name) => literalsOf(name).every(isLiteral));
    if (tag === undefined) return undefined;
    const literals = literalsOf(tag) as readonly SchemaNode[];
    const expected = literals.map(expectedOf).join(" or ");
    return {
      tag,
      places: nodes.map((node) => placeOf(node, of.pointer, of.isRecursive)),
      tags: literals.map((literal) => literal.const),
      fault: faultOf(of.pointer + pointerTo(tag), mustBe(expected), expected),
    };
  }

  /** What a reference leads to, and an intersection as one object. */
  #resolve(node: SchemaNode): SchemaNode {
    const target = this.#target(node);
    return mergedObject(target) ?? target;
  }

  #target(node: SchemaNode): SchemaNode {
    if (!references.includes(kindOfNode(node))) return node;
    return this.#definitions.get(node.$ref ?? "") ?? node;
  }
}

function isList(
  items: SchemaNode | readonly SchemaNode[] | undefined,
): items is readonly SchemaNode[] {
  return Array.isArray(items);
}

function placeOf(node: SchemaNode, pointer: string, isRecursive: boolean): Place {
  const isReference = references.includes(kindOfNode(node));
  return { node, pointer, isReference, isRecursive, plan: undefined };
}
