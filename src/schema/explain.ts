/**
 * Says what is wrong with a value that a schema refused, field by field. Runs only then, so it walks
 * through the schema; the text of each node is made once.
 */
import { expectedOf, mustBe } from "./expected.ts";
import { type Finding, issuesMax, pointerTo } from "./issue.ts";
import { isObject, isOptional, kindOfNode, mergedObject, type SchemaNode } from "./node.ts";
import type { CheckOf } from "./shape.ts";

export class Explainer {
  readonly #schema: SchemaNode;
  readonly #checkOf: CheckOf;
  readonly #definitions: ReadonlyMap<string, SchemaNode>;
  readonly #expected = new Map<SchemaNode, string>();

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
    if (found.length >= issuesMax) return;
    const target = this.#resolve(node);
    const before = found.length;
    if (target.properties !== undefined && isObject(value)) {
      this.#visitObject(target, value, pointer, found);
    } else if (target.anyOf !== undefined && isObject(value)) {
      this.#visitVariants(target.anyOf, value, pointer, found);
    } else if (Array.isArray(value) && target.items !== undefined) {
      for (let at = 0; at < value.length && found.length < issuesMax; at++) {
        const items = target.items as SchemaNode | readonly SchemaNode[];
        const item = Array.isArray(items) ? items[at] : items;
        if (item !== undefined) this.#visit(item, value[at], pointer + pointerTo(at), found);
      }
    }
    // Nothing below is wrong: then it is the value itself, if anything.
    if (found.length === before && !this.#checkOf(node)(value)) {
      const expected = this.#expectedOf(target);
      found.push({ pointer, message: mustBe(expected), expected });
    }
  }

  #visitObject(
    node: SchemaNode,
    value: Readonly<Record<string, unknown>>,
    pointer: string,
    found: Finding[],
  ): void {
    const { properties = {}, additionalProperties } = node;
    for (const [name, child] of Object.entries(properties)) {
      const at = pointer + pointerTo(name);
      if (Object.hasOwn(value, name)) this.#visit(child, value[name], at, found);
      else if (!isOptional(child) && !this.#checkOf(child)(undefined)) {
        const expected = this.#expectedOf(this.#resolve(child));
        found.push({ pointer: at, message: "is missing", expected });
      }
      if (found.length >= issuesMax) return;
    }
    if (additionalProperties !== false) return;
    for (const name of Object.keys(value)) {
      if (Object.hasOwn(properties, name)) continue;
      found.push({ pointer: pointer + pointerTo(name), message: "is not known" });
      if (found.length >= issuesMax) return;
    }
  }

  /** Of variants that differ in a literal, only the one that the value says it is. */
  #visitVariants(
    nodes: readonly SchemaNode[],
    value: Readonly<Record<string, unknown>>,
    pointer: string,
    found: Finding[],
  ): void {
    const variants = nodes.map((node) => this.#resolve(node));
    const names = Object.keys(variants[0]?.properties ?? {});
    const literals = (name: string) => variants.map((variant) => variant.properties?.[name]);
    const tag = names.find((name) =>
      literals(name).every((node) => node !== undefined && kindOfNode(node) === "Literal"),
    );
    if (tag === undefined) return;
    const tags = literals(tag) as SchemaNode[];
    const at = tags.findIndex((node) => node.const === value[tag]);
    if (at >= 0) {
      this.#visit(nodes[at]!, value, pointer, found);
      return;
    }
    const expected = tags.map((node) => this.#expectedOf(node)).join(" or ");
    found.push({ pointer: pointer + pointerTo(tag), message: mustBe(expected), expected });
  }

  /** What a reference leads to, and an intersection as one object. */
  #resolve(node: SchemaNode): SchemaNode {
    const kind = kindOfNode(node);
    if (kind === "Intersect") return mergedObject(node) ?? node;
    if (kind !== "This" && kind !== "Ref" && kind !== "Import") return node;
    return this.#definitions.get(node.$ref ?? "") ?? node;
  }

  #expectedOf(node: SchemaNode): string {
    let expected = this.#expected.get(node);
    if (expected === undefined) {
      expected = expectedOf(node);
      this.#expected.set(node, expected);
    }
    return expected;
  }
}
