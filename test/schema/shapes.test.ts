/** Shapes of nested schemas, formats, and what is said of what does not fit. */
import { describe, expect, test } from "bun:test";
import { t } from "../../src/index.ts";
import { validatorOf } from "../../src/schema/compile.ts";
import { expectedOf } from "../../src/schema/expected.ts";
import { Refusal } from "../../src/schema/finding.ts";
import { formats } from "../../src/schema/formats.ts";
import type { SchemaNode } from "../../src/schema/node.ts";
import type { Origin } from "../../src/schema/shape.ts";
import type { Schema } from "../../src/schema/types.ts";

const take = (schema: Schema, value: unknown, origin: Origin = "json"): unknown =>
  validatorOf(schema, origin)(value);

function findings(schema: Schema, value: unknown): string[] {
  const refusal = take(schema, value);
  if (!(refusal instanceof Refusal)) throw new Error(`taken: ${JSON.stringify(refusal)}`);
  return refusal.findings.map(({ at, fault }) => `${at}${fault.pointer} ${fault.message}`);
}

const Point = t.Object({ x: t.Number(), y: t.Number({ default: 0 }) });

describe("nested values are shaped and named", () => {
  test("objects in arrays, tuples and records", () => {
    const schema = t.Object({
      list: t.Array(Point, { maxItems: 2 }),
      pair: t.Tuple([t.String(), Point]),
      map: t.Record(t.String({ pattern: "^[a-z_]+$" }), Point),
    });
    const extra = { x: 1, z: 1 };
    const whole = { x: 1, y: 0 };
    expect(take(schema, { list: [extra], pair: ["a", extra], map: { a: extra } })).toEqual({
      list: [whole],
      pair: ["a", whole],
      map: { a: whole },
    });
    expect(
      findings(schema, { list: [extra, {}], pair: ["a", { x: "1" }], map: { a: extra } }),
    ).toEqual(["/list/1/x is missing", "/pair/1/x must be a number"]);
    expect(findings(schema, { list: [extra, extra, extra], pair: ["a"], map: {} })).toEqual([
      "/list must be an array of at most 2 items",
      "/pair must be an array of exactly 2 items",
    ]);
    const hostile = take(
      schema,
      JSON.parse('{"list":[],"pair":["a",{"x":1}],"map":{"__proto__":{"x":1}}}'),
    );
    expect(Object.keys((hostile as { map: object }).map)).toEqual(["__proto__"]);
  });

  test("intersections are one object, unions the first variant that fits", () => {
    const both = t.Intersect([t.Object({ a: t.String() }), t.Object({ b: t.Integer() })]);
    expect(take(both, { a: "a", b: 1, c: 1 })).toEqual({ a: "a", b: 1 });
    expect(findings(both, { a: 1 })).toEqual(["/a must be a string", "/b is missing"]);
    const shape = t.Union([
      t.Object({ kind: t.Literal("circle"), radius: t.Number() }),
      t.Object({ kind: t.Literal("square"), side: t.Number() }),
    ]);
    expect(take(shape, { kind: "square", side: 2, radius: 1 })).toEqual({
      kind: "square",
      side: 2,
    });
    expect(findings(shape, { kind: "square", radius: 1 })).toEqual(["/side is missing"]);
    expect(findings(shape, { kind: "line" })).toEqual(['/kind must be "circle" or "square"']);
    expect(findings(shape, 1)).toEqual([" must be an object"]);
    const date = t.Union([t.Null(), t.Date()]);
    expect(take(date, null)).toBe(null);
    expect(take(date, "2026-01-02T00:00:00Z")).toEqual(new Date("2026-01-02T00:00:00Z"));
  });

  test("schemas that contain themselves, alone and in a module", () => {
    const tree = t.Recursive((This) =>
      t.Object({ name: t.String(), children: t.Optional(t.Array(This)) }),
    );
    expect(take(tree, { name: "a", children: [{ name: "b", x: 1 }], x: 1 })).toEqual({
      name: "a",
      children: [{ name: "b" }],
    });
    expect(findings(tree, { name: "a", children: [{ name: "b", children: [{}] }] })).toEqual([
      "/children/0/children/0/name is missing",
    ]);
    const module = t.Module({
      User: t.Object({ name: t.String(), friend: t.Optional(t.Ref("User")) }),
    });
    const user = module.Import("User");
    expect(take(user, { name: "a", friend: { name: "b", x: 1 } })).toEqual({
      name: "a",
      friend: { name: "b" },
    });
    expect(findings(user, { name: "a", friend: { name: 1 } })).toEqual([
      "/friend/name must be a string",
    ]);
  });

  test("keys that every object has by inheritance are only taken when they were sent", () => {
    const schema = t.Object({ constructor: t.Optional(t.String()), toString: t.Optional(t.Any()) });
    expect(Object.keys(take(schema, { toString: 1 }) as object)).toEqual(["toString"]);
  });

  test("a default of the whole, in its own copy", () => {
    const schema = t.Object({ list: t.Array(t.String()) }, { default: { list: [] } });
    const one = take(schema, undefined) as { list: string[] };
    one.list.push("a");
    expect(take(schema, undefined)).toEqual({ list: [] });
  });

  test("bodies are not coerced", () => {
    expect(findings(t.Object({ a: t.Integer(), b: t.Boolean() }), { a: "1", b: "true" })).toEqual([
      "/a must be an integer",
      "/b must be a boolean",
    ]);
  });
});

test("what was expected is said in words", () => {
  const said = (schema: unknown) => expectedOf(schema as SchemaNode);
  expect(said(t.Number({ exclusiveMinimum: 0, multipleOf: 5 }))).toBe(
    "number above 0 that is a multiple of 5",
  );
  expect(said(t.Union([t.Literal("asc"), t.Literal(1), t.Null()]))).toBe('"asc" or 1 or null');
  expect(said(t.Array(t.String(), { minItems: 1, uniqueItems: true }))).toBe(
    "array of at least 1 item without repetition",
  );
  expect(said(t.Not(t.String()))).toBe("anything but string");
  expect(findings(t.Not(t.String()), "a")).toEqual([" must be anything but string"]);
  expect(findings(t.String({ pattern: "^a$" }), "b")).toEqual([" must be a string matching ^a$"]);
});

const examples: Readonly<Record<string, { good: readonly string[]; bad: readonly string[] }>> = {
  email: {
    good: ["a@b", "first.last+tag@sub.example.org", "a'b@example.org"],
    bad: ["", "a", "@b", "a@", "a b@c", "a@b..c", "a@-b", `${"a".repeat(250)}@b.cd`],
  },
  uuid: {
    good: ["0190e1c0-5b1e-7c6a-8f0e-1234567890aB", "00000000-0000-0000-0000-000000000000"],
    bad: ["", "0190e1c05b1e7c6a8f0e1234567890ab", "0190e1c0-5b1e-7c6a-8f0e-1234567890ag"],
  },
  date: {
    good: ["2026-02-28", "2024-02-29", "0001-01-01"],
    bad: ["2026-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-04-31", "2026-01-00"],
  },
  time: {
    good: ["00:00:00Z", "23:59:60Z", "10:00:00.123+02:00"],
    bad: ["24:00:00Z", "10:00Z", "10:00:00", "10:00:00+24:00"],
  },
  "date-time": {
    good: ["2026-02-28T10:00:00Z", "2026-02-28t10:00:00.5z", "2026-02-28 10:00:00-08:00"],
    bad: ["2026-02-30T10:00:00Z", "2026-02-28", "2026-02-28T10:00:00", "2026-02-28_10:00:00Z"],
  },
  uri: {
    good: ["https://example.org/a?b=c#d", "urn:isbn:1", "mailto:a@b", "http://[::1]:80/%20"],
    bad: [
      "",
      "example.org",
      "//a",
      "http://a b",
      "http://",
      "http://ä.org",
      "https://a/%2",
      "1a:b",
    ],
  },
  hostname: {
    good: ["example.org", "a", "xn--bcher-kva.example", "1.2"],
    bad: ["", "-a", "a-", "a..b", "a_b", "a.".repeat(130), "a".repeat(64)],
  },
  ipv4: { good: ["0.0.0.0", "255.255.255.255"], bad: ["256.0.0.0", "1.2.3", "01.2.3.4", "::1"] },
  ipv6: {
    good: ["::1", "2001:db8::ff00:42:8329"],
    bad: ["1.2.3.4", ":::", "fe80::1%eth0", "[::1]"],
  },
};

for (const [name, check] of Object.entries(formats)) {
  test(`format ${name}`, () => {
    const { good, bad } = examples[name]!;
    expect(good.filter((text) => !check(text))).toEqual([]);
    expect(bad.filter((text) => check(text))).toEqual([]);
    expect(take(t.String({ format: name }), good[0])).toBe(good[0]!);
    expect(findings(t.String({ format: name }), bad[0])).toEqual([
      ` must be a string in the format ${name}`,
    ]);
    // No text makes a format think for long.
    const start = performance.now();
    for (const part of ["a", "1", "a.", "-", ":", "%20", "@", "0-"]) check(part.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(1000);
  });
}
