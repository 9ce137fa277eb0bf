/**
 * Says what is wrong with a value that a schema refused, field by field. A client that sends wrong
 * values must not cost more than one that sends right ones, so that what does not depend on the
 * value is prepared: a plan for each node of the schema, made when a value first gets there.
 */
import { expectedOf, mustBe } from "./expected.ts";
import { type Finding, issuesMax, pointerTo } from "./issue.ts";
import { isObject, isOptional, kindOfNode, mergedObject, type SchemaNode } from "./node.ts";
import type { CheckOf } from "./shape.ts";

/** One node of a schema, with what can be said of it beforehand. */
interface Plan {
  readonly check: (value: unknown) => boolean;
  readonly expected: string;
  readonly message: string;
  readonly properties: readonly Property[] | undefined;
  /** Names of the properties, where others are refused. */
  readonly known: ReadonlySet<string> | undefined;
  /** Of every item, or of each by its index. */
  readonly items: SchemaNode | readonly SchemaNode[] | undefined;
  readonly variants: Variants | undefined;
}

interface Property {
  readonly name: string;
  readonly segment: string;
  readonly node: SchemaNode;
  /** It may be absent. */
  readonly optional: boolean;
}

/** Variants of a union that differ in the literal of one property. */
interface Variants {
  readonly tag: string;
  readonly nodes: readonly SchemaNode[];
  readonly tags: readonly unknown[];
  readonly expected: string;
}

export class Explainer {
  readonly #schema: SchemaNode;
  readonly #checkOf: CheckOf;
  readonly #definitions: ReadonlyMap<string, SchemaNode>;
  readonly #plans = new Map<SchemaNode, Plan>();

  /** `definitions` are the schemas that references lead to, by `$id`. */
  constructor(schema: SchemaNode, checkOf: CheckOf, definitions: ReadonlyMap<string, SchemaNode>) {
    this.#schema = schema;
    this.#checkOf = checkOf;
    this.#definitions = definitions;
  }

  /** At most `issuesMax` findings, and at least one. */
  explain(value: unknown): readonly Finding[] {
    const found: Finding[] = [];
    this.#visit(this.#schema, value, "", found);
    return found;
  }

  #visit(node: SchemaNode, value: unknown, pointer: string, found: Finding[]): void {
    const plan = this.#planOf(node);
    const before = found.length;
    if (typeof value === "object" && value !== null) {
      if (Array.isArray(value)) this.#visitItems(plan, value, pointer, found);
      else this.#visitKeys(plan, value as Record<string, unknown>, pointer, found);
    }
    // Nothing below is wrong: then it is the value itself, if anything.
    if (found.length === before && !plan.check(value)) {
      found.push({ pointer, message: plan.message, expected: plan.expected });
    }
  }

  #visitItems(plan: Plan, values: readonly unknown[], pointer: string, found: Finding[]): void {
    const { items } = plan;
    if (items === undefined) return;
    for (let at = 0; at < values.length && found.length < issuesMax; at++) {
      const node = Array.isArray(items) ? (items as readonly SchemaNode[])[at] : items;
      if (node !== undefined)
        this.#visit(node as SchemaNode, values[at], `${pointer}/${at}`, found);
    }
  }

  #visitKeys(
    plan: Plan,
    value: Readonly<Record<string, unknown>>,
    pointer: string,
    found: Finding[],
  ): void {
    if (plan.variants !== undefined) this.#visitVariants(plan.variants, value, pointer, found);
    if (plan.properties === undefined) return;
    for (const { name, segment, node, optional } of plan.properties) {
      if (found.length >= issuesMax) return;
      if (Object.hasOwn(value, name)) this.#visit(node, value[name], pointer + segment, found);
      else if (!optional) {
        const { expected } = this.#planOf(node);
        found.push({ pointer: pointer + segment, message: "is missing", expected });
      }
    }
    if (plan.known === undefined) return;
    for (const name of Object.keys(value)) {
      if (plan.known.has(name)) continue;
      if (found.length >= issuesMax) return;
      found.push({ pointer: pointer + pointerTo(name), message: "is not known" });
    }
  }

  /** Only the variant that the value says it is. */
  #visitVariants(
    { tag, nodes, tags, expected }: Variants,
    value: Readonly<Record<string, unknown>>,
    pointer: string,
    found: Finding[],
  ): void {
    const at = tags.indexOf(value[tag]);
    if (at >= 0) this.#visit(nodes[at]!, value, pointer, found);
    else found.push({ pointer: pointer + pointerTo(tag), message: mustBe(expected), expected });
  }

  #planOf(node: SchemaNode): Plan {
    let plan = this.#plans.get(node);
    if (plan === undefined) {
      plan = this.#plan(node);
      this.#plans.set(node, plan);
    }
    return plan;
  }

  #plan(node: SchemaNode): Plan {
    const { properties, additionalProperties, items, ...target } = this.#resolve(node);
    const expected = expectedOf(this.#resolve(node));
    return {
      check: this.#checkOf(node),
      expected,
      message: mustBe(expected),
      properties: properties === undefined ? undefined : this.#propertiesOf(properties),
      known: additionalProperties === false ? new Set(Object.keys(properties ?? {})) : undefined,
      items,
      variants: target.anyOf === undefined ? undefined : this.#variantsOf(target.anyOf),
    };
  }

  #propertiesOf(properties: Readonly<Record<string, SchemaNode>>): Property[] {
    return Object.entries(properties).map(([name, node]) => ({
      name,
      segment: pointerTo(name),
      node,
      optional: isOptional(node) || this.#checkOf(node)(undefined),
    }));
  }

  #variantsOf(nodes: readonly SchemaNode[]): Variants | undefined {
    const variants = nodes.map((node) => this.#resolve(node));
    const literalsOf = (name: string) => variants.map((variant) => variant.properties?.[name]);
    const isLiteral = (node: SchemaNode | undefined) =>
      isObject(node) && kindOfNode(node) === "Literal";
    const names = Object.keys(variants[0]?.properties ?? {});
    const tag = names.find((name) => literalsOf(name).every(isLiteral));
    if (tag === undefined) return undefined;
    const literals = literalsOf(tag) as readonly SchemaNode[];
    const expected = literals.map(expectedOf).join(" or ");
    return { tag, nodes, tags: literals.map((literal) => literal.const), expected };
  }

  /** What a reference leads to, and an intersection as one object. */
  #resolve(node: SchemaNode): SchemaNode {
    const kind = kindOfNode(node);
    if (kind === "Intersect") return mergedObject(node) ?? node;
    if (kind !== "This" && kind !== "Ref" && kind !== "Import") return node;
    return this.#definitions.get(node.$ref ?? "") ?? node;
  }
}
