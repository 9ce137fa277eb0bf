/** What is found wrong, against a naive explanation; and that it takes no longer than it has to. */
import { expect, test } from "bun:test";
import { FormatRegistry, type TSchema } from "@sinclair/typebox";
import { Check } from "@sinclair/typebox/value";
import { Chopin, t } from "../../src/index.ts";
import { compileTypeBox } from "../../src/schema/compile.ts";
import { expectedOf, mustBe } from "../../src/schema/expected.ts";
import { pointerTo } from "../../src/schema/finding.ts";
import { isObject, isOptional, type SchemaNode } from "../../src/schema/node.ts";
import { bothWays } from "../_setup.ts";
import { issuesOf, sendJson } from "./_send.ts";

/** mulberry32, in four lines: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const Expression = t.Recursive(
  (Inner) =>
    t.Union([
      t.Object({ is: t.Literal("number"), value: t.Number() }),
      t.Object({ is: t.Literal("sum"), of: t.Array(Inner, { minItems: 1 }) }),
    ]),
  { $id: "Expression" },
);
const Node = t.Recursive(
  (Self) => t.Object({ label: t.String(), next: t.Optional(Self), others: t.Array(Self) }),
  { $id: "Node" },
);
const schemas: Readonly<Record<string, TSchema>> = {
  flat: t.Object({ a: t.Integer({ minimum: 0 }), b: t.Optional(t.String()), 'c"/~': t.Boolean() }),
  strict: t.Object({ a: t.Object({ b: t.Integer() }, { additionalProperties: false }) }),
  lists: t.Object({ l: t.Array(t.Object({ a: t.Integer() }), { maxItems: 2 }) }),
  tuple: t.Object({ p: t.Tuple([t.Object({ a: t.Integer() }), t.String()]) }),
  both: t.Intersect([t.Object({ a: t.Integer() }), t.Object({ b: t.Object({ c: t.Null() }) })]),
  expression: t.Object({ e: Expression }),
  node: Node,
};

const names = 'a b c"/~ c l p e is value of label next others'.split(" ");
const leaves = [0, 1, -1, 1.5, "", "x", "number", "sum", true, null];

function randomValue(random: () => number, depth: number): unknown {
  const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(random() * list.length)]!;
  const kind = depth === 0 ? 0 : random();
  if (kind < 0.3) return pick(leaves);
  const below = () => randomValue(random, depth - 1);
  if (kind < 0.5) return Array.from({ length: Math.floor(random() * 3) }, below);
  return Object.fromEntries(names.filter(() => random() < 0.5).map((name) => [name, below()]));
}

/** A value that fits but for a few places. */
function nearly(node: SchemaNode, random: () => number, depth: number): unknown {
  if (depth === 0 || random() < 0.1) return randomValue(random, 1);
  const { type, properties, items, anyOf, allOf } = targetOf(node);
  const below = (one: SchemaNode) => nearly(one, random, depth - 1);
  if (anyOf !== undefined) return below(anyOf[Math.floor(random() * anyOf.length)]!);
  if (allOf !== undefined) return Object.assign({}, ...allOf.map(below));
  if (Array.isArray(items)) return items.map(below);
  if (items !== undefined) return [items, items].map((item) => below(item as SchemaNode));
  if (properties !== undefined) {
    const entries = Object.entries(properties).map(([name, one]) => [name, below(one)]);
    return Object.fromEntries(random() < 0.1 ? [...entries, ["more", 1]] : entries);
  }
  if (node.const !== undefined) return node.const;
  const some: Readonly<Record<string, unknown>> = { string: "x", boolean: true, null: null };
  return some[type ?? ""] ?? 1;
}

/** The same without plans: every value is looked at with all that lies below it. */
function naive(node: SchemaNode, value: unknown, pointer = ""): string[] {
  if (fits(node, value)) return [];
  const target = targetOf(node);
  let found: string[] = [];
  if (Array.isArray(value)) found = naiveItems(target, value, pointer);
  else if (isObject(value)) found = naiveKeys(target, value, pointer);
  const expected = target.allOf === undefined ? expectedOf(target) : "object";
  return found.length > 0 ? found : [`${pointer} ${mustBe(expected)}`];
}

function naiveItems({ items }: SchemaNode, values: readonly unknown[], pointer: string): string[] {
  return values.flatMap((value, at) => {
    const node = Array.isArray(items) ? items[at] : items;
    return node === undefined ? [] : naive(node, value, `${pointer}/${at}`);
  });
}

function naiveKeys(node: SchemaNode, value: Record<string, unknown>, pointer: string): string[] {
  const { anyOf, allOf, properties, additionalProperties } = node;
  if (anyOf !== undefined) {
    const variant = anyOf.find((one) => one.properties?.is?.const === value.is);
    if (variant === undefined) return [`${pointer}/is must be "number" or "sum"`];
    return naive(variant, value, pointer);
  }
  const merged = allOf?.map((member) => member.properties) ?? [properties];
  const fields: Record<string, SchemaNode> = Object.assign({}, ...merged);
  const found = Object.entries(fields).flatMap(([name, one]) => {
    const at = pointer + pointerTo(name);
    if (Object.hasOwn(value, name)) return naive(one, value[name], at);
    return isOptional(one) ? [] : [`${at} is missing`];
  });
  if (additionalProperties !== false) return found;
  const more = Object.keys(value).filter((name) => !Object.hasOwn(fields, name));
  return [...found, ...more.map((name) => `${pointer}${pointerTo(name)} is not known`)];
}

const recursive = [Node, Expression] as const;
const fits = (node: SchemaNode, value: unknown) =>
  Check(node as unknown as TSchema, [...recursive], value);

function targetOf(node: SchemaNode): SchemaNode {
  const target = recursive.find(({ $id }) => $id === node.$ref);
  return target === undefined ? node : (target as unknown as SchemaNode);
}

for (const [name, schema] of Object.entries(schemas)) {
  const seed = Math.floor(Math.random() * 2 ** 32);
  test(`${name}: what is found is what there is, seed ${seed}`, () => {
    const random = randomFrom(seed);
    const node = schema as unknown as SchemaNode;
    // Answers are as they are, so that both look at the same value.
    const { check, explainer } = compileTypeBox(node, "answer");
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const value = random() < 0.2 ? randomValue(random, 3) : nearly(node, random, 6);
      if (check(value)) continue;
      refused++;
      const found = explainer.explain(value);
      const texts = found.map(({ at, fault }) => `${at}${fault.pointer} ${fault.message}`);
      expect({ value, texts }).toEqual({ value, texts: naive(node, value).slice(0, 32) });
    }
    expect(refused).toBeGreaterThan(100);
  });
}

test("a value is looked at a few times, however deep it is", () => {
  let looks = 0;
  FormatRegistry.Set("counted", (text) => {
    looks++;
    return text !== "wrong";
  });
  const Counted = t.Recursive(
    (Self) => t.Object({ label: t.String({ format: "counted" }), next: t.Optional(Self) }),
    { $id: "Counted" },
  );
  const { explainer } = compileTypeBox(Counted as unknown as SchemaNode, "json");
  const depth = 200;
  const chain = (innermost: string) => {
    let value: object = { label: innermost };
    for (let at = 1; at < depth; at++) value = { label: "right", next: value };
    return value;
  };
  const atTheEnd = explainer.explain(chain("wrong"));
  expect(atTheEnd.map(({ at, fault }) => at + fault.pointer)).toEqual([
    `${"/next".repeat(depth - 1)}/label`,
  ]);
  const before = explainer.explain({ label: "wrong", next: chain("right") });
  expect(before.map(({ at, fault }) => at + fault.pointer)).toEqual(["/label"]);
  expect(looks).toBeLessThan(depth * 8);
});

bothWays(
  "a body that is deeper than the stack is refused",
  () => new Chopin().post("/", { body: Node, bodyLimit: 4_000_000 }, () => "taken"),
  async (send) => {
    const depth = 100_000;
    const body = `${'{"label":"x","others":[],"next":'.repeat(depth)}1${"}".repeat(depth)}`;
    expect(issuesOf(await sendJson(send, "POST", "/", body))).toEqual([
      "body  is nested too deeply",
    ]);
  },
);
