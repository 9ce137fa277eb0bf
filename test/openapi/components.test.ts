/** What becomes of schemas that have names, contain themselves, or differ by side. */
import { describe, expect, test } from "bun:test";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { scope } from "arktype";
import * as v from "valibot";
import * as z from "zod";
import { Chopin, type Schema, t } from "../../src/index.ts";
import { type JsonSchema, openApiDocument } from "../../src/openapi/index.ts";
import { faultOf } from "./_valid.ts";

const never = () => null as never;

/** Schemas of bodies and answers, by path; and the components. */
async function told(routes: Record<string, { body?: Schema; response?: Schema }>) {
  const app = new Chopin();
  for (const [path, options] of Object.entries(routes)) app.post(path, options, never);
  const document = openApiDocument(app);
  expect(await faultOf(document)).toBeUndefined();
  const paths = Object.entries(document.paths).map(([path, { post }]) => [
    path,
    {
      body: post?.requestBody?.content["application/json"]?.schema,
      response: (post?.responses["200"] as { content?: Record<string, { schema: JsonSchema }> })
        ?.content?.["application/json"]?.schema,
    },
  ]);
  const { Problem: _, ValidationProblem: __, ...schemas } = document.components?.schemas ?? {};
  return { paths: Object.fromEntries(paths), schemas };
}

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

describe("a schema with an $id", () => {
  const Address = t.Object({ city: t.String() }, { $id: "Address" });
  const User = t.Object(
    { name: t.String(), home: Address, work: t.Optional(Address) },
    { $id: "User" },
  );

  test("is a component, once, wherever it stands", async () => {
    const { paths, schemas } = await told({
      "/one": { body: User, response: User },
      "/all": { response: t.Array(User) },
      "/part": { response: t.Partial(User) },
    });
    expect(paths["/one"]).toEqual({ body: reference("User"), response: reference("User") });
    expect(paths["/all"].response).toEqual({ type: "array", items: reference("User") });
    expect(paths["/part"].response.properties.home).toEqual(reference("Address"));
    expect(schemas).toEqual({
      Address: { type: "object", required: ["city"], properties: { city: { type: "string" } } },
      User: {
        type: "object",
        required: ["name", "home"],
        properties: {
          name: { type: "string" },
          home: reference("Address"),
          work: reference("Address"),
        },
      },
    });
  });

  test("of two schemas is an error that names both routes", () => {
    const Other = t.Object({ town: t.String() }, { $id: "Address" });
    const app = new Chopin()
      .get("/a", { response: Address }, never)
      .get("/b", { response: t.Array(Other) }, never);
    expect(() => openApiDocument(app)).toThrow(
      /^Two schemas have the name "Address": one of GET \/a \(.*\), another of GET \/b \(.*\)\./,
    );
  });

  test("that is written down twice in the same way is one", async () => {
    const make = (required: "a b" | "b a") =>
      t.Unsafe({
        $id: "Twice",
        type: "object",
        properties: { a: {}, b: {} },
        required: required.split(" "),
      });
    const { schemas } = await told({ "/a": { body: make("a b") }, "/b": { body: make("b a") } });
    expect(Object.keys(schemas)).toEqual(["Twice"]);
  });

  test("gets a name that components may have, and that nobody else has", async () => {
    const named = (id: string) => t.Object({ [`of ${id}`]: t.String() }, { $id: id });
    const { schemas } = await told({
      "/a": { body: named("https://example.org/a b.json") },
      "/b": { body: named("My User") },
      "/c": { body: named("My_User") },
      "/d": { body: named("日本") },
      "/e": { body: named("") },
      "/f": { body: named("__proto__"), response: named("constructor") },
      "/g": { body: named("Problem") },
    });
    expect(Object.keys(schemas).sort()).toEqual([
      "My_User",
      "My_User2",
      "Problem2",
      "_",
      "__proto__",
      "constructor",
      "https_example.org_a_b.json",
    ]);
  });
});

test("a name with a number behind it is one that a program has chosen", async () => {
  const page = z.object({ page: z.number() }).meta({ id: "page2" });
  const { schemas } = await told({
    "/a": { body: t.Object({ token: t.String() }, { $id: "oauth2" }) },
    "/b": { body: t.Object({ code: t.Integer() }, { $id: "404" }) },
    "/c": { response: z.object({ page }) },
  });
  expect(Object.keys(schemas)).toEqual(["404", "oauth2", "page2"]);
});

describe("the two sides of a schema", () => {
  test("are one component where they are the same", async () => {
    const Same = z.object({ name: z.string() }).meta({ id: "Same" });
    const { paths, schemas } = await told({ "/": { body: Same, response: Same } });
    expect(paths["/"]).toEqual({ body: reference("Same"), response: reference("Same") });
    expect(Object.keys(schemas)).toEqual(["Same"]);
  });

  test("are two where defaults make them differ, and so is what refers to them", async () => {
    const Inner = t.Object({ level: t.Integer({ default: 1 }) }, { $id: "Inner" });
    const Outer = t.Object({ inner: t.Array(Inner) }, { $id: "Outer" });
    const { paths, schemas } = await told({ "/": { body: Outer, response: Outer } });
    expect(paths["/"]).toEqual({ body: reference("OuterInput"), response: reference("Outer") });
    const items = (name: string) => ({ inner: { type: "array", items: reference(name) } });
    expect(schemas.Outer?.properties).toEqual(items("Inner"));
    expect(schemas.OuterInput?.properties).toEqual(items("InnerInput"));
    expect([schemas.Inner?.required, schemas.InnerInput?.required]).toEqual([["level"], undefined]);
  });

  test("keep the plain name where only one is used", async () => {
    const New = t.Object({ level: t.Integer({ default: 1 }) }, { $id: "New" });
    const { paths } = await told({ "/": { body: New } });
    expect(paths["/"].body).toEqual(reference("New"));
  });

  test("leave names alone that a program has chosen", async () => {
    const Item = t.Object({ a: t.Integer({ default: 1 }) }, { $id: "Item" });
    const ItemInput = t.Object({ b: t.String() }, { $id: "ItemInput" });
    const { paths, schemas } = await told({
      "/a": { body: Item, response: Item },
      "/b": { body: ItemInput },
    });
    expect(paths["/b"].body).toEqual(reference("ItemInput"));
    expect(paths["/a"].body).toEqual(reference("ItemInput2"));
    expect(schemas.ItemInput?.required).toEqual(["b"]);
  });

  test("differ by what Zod reads and writes", async () => {
    const Thing = z.object({ at: z.coerce.date(), length: z.string().transform(Number) });
    const { paths } = await told({ "/": { body: Thing, response: Thing } });
    const date = { type: "string", format: "date-time" };
    expect(paths["/"].body.properties).toEqual({ at: date, length: { type: "string" } });
    expect(paths["/"].response.properties).toEqual({ at: date, length: {} });
  });
});

describe("schemas that contain themselves", () => {
  test("of TypeBox, with and without a name", async () => {
    const tree = (options = {}) =>
      t.Recursive((This) => t.Object({ inside: t.Array(This) }), options);
    const { paths, schemas } = await told({
      "/named": { response: tree({ $id: "Tree" }) },
      "/first": { response: tree() },
      "/second": { response: t.Object({ tree: tree() }) },
    });
    expect(paths["/named"].response).toEqual(reference("Tree"));
    expect(paths["/first"].response).toEqual(reference("PostFirstAnswer"));
    // The same schema, whatever number the library gave it.
    expect(paths["/second"].response.properties.tree).toEqual(reference("PostFirstAnswer"));
    expect(Object.keys(schemas)).toEqual(["PostFirstAnswer", "Tree"]);
    expect(schemas.Tree?.properties).toEqual({
      inside: { type: "array", items: reference("Tree") },
    });
  });

  test("of TypeBox's modules", async () => {
    const one = t.Module({
      Node: t.Object({ next: t.Optional(t.Ref("Node")), leaf: t.Ref("Leaf") }),
      Leaf: t.Object({ a: t.Date() }),
    });
    const { paths, schemas } = await told({
      "/a": { body: one.Import("Node") },
      "/b": { response: t.Array(one.Import("Leaf")) },
    });
    expect(paths["/a"].body).toEqual(reference("Node"));
    expect(paths["/b"].response.items).toEqual(reference("Leaf"));
    expect(schemas.Node?.properties).toEqual({ next: reference("Node"), leaf: reference("Leaf") });
  });

  test("of Zod, Valibot and ArkType", async () => {
    const Zod = z.object({
      get inside() {
        return z.array(Zod);
      },
    });
    const Named = z
      .object({
        get inside() {
          return z.array(Named);
        },
      })
      .meta({ id: "Named" });
    type Inside = { inside: Inside[] };
    const Valibot: v.GenericSchema<Inside> = v.object({ inside: v.array(v.lazy(() => Valibot)) });
    const { ark } = scope({ ark: { "inside?": "ark[]" } }).export();
    const { paths, schemas } = await told({
      "/zod": { body: Zod },
      "/named": { body: z.object({ one: Named }), response: Named },
      "/valibot": { body: toStandardJsonSchema(Valibot) },
      "/ark": { body: ark },
    });
    expect(paths["/zod"].body).toEqual(reference("PostZodRequest"));
    expect(paths["/named"].body.properties.one).toEqual(reference("Named"));
    expect(paths["/named"].response).toEqual(reference("Named"));
    expect(paths["/ark"].body).toEqual(reference("PostArkRequest"));
    const inside = (name: string) => ({ inside: { type: "array", items: reference(name) } });
    expect(schemas.PostArkRequest?.properties).toEqual(inside("PostArkRequest"));
    // Zod's and Valibot's are the same.
    expect(paths["/valibot"].body.properties).toEqual(inside("PostZodRequest"));
  });
});

test("a reference to nothing is an error that names the route", () => {
  const app = new Chopin().get("/a", { response: t.Object({ b: t.Ref("Nowhere") }) }, never);
  expect(() => openApiDocument(app)).toThrow(
    /^GET \/a \(.*\): a schema refers to Nowhere, which is not inside of it\.$/,
  );
});

test("references of JSON Schema are followed", async () => {
  const schema = t.Unsafe({
    type: "object",
    properties: {
      a: { $ref: "#/$defs/Some~1Name" },
      b: { $ref: "#/properties/a", description: "the same" },
      c: { $ref: "#" },
      d: { $ref: "https://example.org/schema.json" },
    },
    $defs: { "Some/Name": { type: "string" } },
  });
  const { paths, schemas } = await toldOnly(schema);
  expect(paths["/"].body).toEqual(reference("PostRootRequest"));
  expect(schemas.PostRootRequest?.properties).toEqual({
    a: reference("Some_Name"),
    b: { ...reference("Some_Name"), description: "the same" },
    c: reference("PostRootRequest"),
    d: { $ref: "https://example.org/schema.json" },
  });
});

/** Without the validator, which would fetch what is elsewhere. */
async function toldOnly(body: Schema) {
  const document = openApiDocument(new Chopin().post("/", { body }, never));
  const schema = document.paths["/"]?.post?.requestBody?.content["application/json"]?.schema;
  return { paths: { "/": { body: schema } }, schemas: document.components?.schemas ?? {} };
}

describe("TypeBox's own kinds", () => {
  test("are what JSON has for them, on each side", async () => {
    const All = t.Object({
      date: t.Date({ default: new Date(0), minimumTimestamp: 0 }),
      big: t.BigInt({ minimum: 5n, maximum: 10n ** 30n, examples: [7n] }),
      tuple: t.Tuple([t.String(), t.Date()]),
      empty: t.Tuple([]),
      record: t.Record(t.String(), t.Date()),
      numbers: t.Record(t.Integer(), t.String()),
      expression: t.RegExp(/^a$/u),
      flagged: t.RegExp(/a/i),
      maybe: t.Union([t.String(), t.Undefined()]),
      nothing: t.Undefined(),
      call: t.Function([], t.String()),
      made: t.String({ default: () => "x" }),
      unknown: t.Unknown({ description: "Whatever." }),
      values: t.Unsafe({ const: { $id: "data", at: new Date(0), n: Number.NaN } }),
    });
    const { paths } = await told({ "/": { body: All, response: All } });
    const { body, response } = paths["/"];
    const date = { type: "string", format: "date-time" };
    expect(response.properties).toEqual({
      date: { ...date, default: "1970-01-01T00:00:00.000Z" },
      big: { type: "integer", format: "int64", minimum: 5, examples: [7] },
      tuple: {
        type: "array",
        prefixItems: [{ type: "string" }, date],
        items: false,
        minItems: 2,
        maxItems: 2,
      },
      empty: { type: "array", minItems: 0, maxItems: 0 },
      record: { type: "object", additionalProperties: date },
      numbers: { type: "object", patternProperties: { "^(0|[1-9][0-9]*)$": { type: "string" } } },
      expression: { type: "string", pattern: "^a$" },
      flagged: { type: "string" },
      maybe: { anyOf: [{ type: "string" }] },
      nothing: { not: {} },
      call: { not: {} },
      made: { type: "string" },
      unknown: { description: "Whatever." },
      values: { const: { $id: "data", at: "1970-01-01T00:00:00.000Z" } },
    });
    const sides = [response.required, body.required] as string[][];
    expect(sides[0]).not.toContain("maybe");
    expect(sides[1]).toContain("maybe");
    expect(sides[0]).toContain("made");
    for (const name of ["made", "date"]) expect(sides[1]).not.toContain(name);
  });
});
