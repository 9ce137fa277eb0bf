/** What the OpenAPI document is made from. */
import { expect, test } from "bun:test";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import * as z from "zod";
import { Chopin, extract, t } from "../../src/index.ts";
import { describeRoute, type RouteDescription } from "../../src/schema/describe.ts";
import type { JsonSchema } from "../../src/schema/json-schema.ts";

function only(app: Chopin): RouteDescription {
  const [listing, ...others] = app.routes();
  if (listing === undefined || others.length > 0) throw new Error("not one route");
  return describeRoute(listing);
}

const usual = { schema: undefined, hasBody: false, content: [], thrown: false, problem: false };
const objectOf = (name: string) => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  required: [name],
});
const bodyOf = (schema: JsonSchema) => ({
  schema,
  hasBody: true,
  content: [{ mediaType: "application/json", schema }],
});

const session = extract(
  {
    cookies: t.Object({ session: t.String() }),
    response: { 401: t.Object({ code: t.String() }), 404: null },
    security: [{ session: [] }],
  },
  ({ cookies }) => cookies.session,
);
const scoped = extract({ extract: { session }, security: [{ oauth: ["read"] }] }, () => 1);

test("a route is described with all that its extractors take and answer", () => {
  const Item = t.Object({ id: t.Integer(), at: t.Date({ minimumTimestamp: 0 }) }, { $id: "Item" });
  const app = new Chopin().nest(
    "/shops/:shop",
    new Chopin().put(
      "/items/:id",
      {
        summary: "Replaces an item",
        description: "All of it.",
        tags: ["items"],
        operationId: "replaceItem",
        deprecated: true,
        params: t.Object({ id: t.Integer() }),
        query: t.Object({ dry: t.Boolean({ default: false }), note: t.Optional(t.String()) }),
        headers: t.Object({ "if-match": t.String() }),
        body: Item,
        response: { 200: Item, 204: null, 404: t.Object({ reason: t.String() }) },
        extract: { scoped },
      },
      () => null,
    ),
  );
  const item = {
    $id: "Item",
    type: "object",
    properties: { id: { type: "integer" }, at: { type: "string", format: "date-time" } },
    required: ["id", "at"],
  };
  const text = { type: "string" };
  const [reasoned, coded] = [objectOf("reason"), objectOf("code")];
  expect(only(app)).toEqual({
    summary: "Replaces an item",
    description: "All of it.",
    tags: ["items"],
    operationId: "replaceItem",
    deprecated: true,
    security: [{ session: [], oauth: ["read"] }],
    method: "PUT",
    path: "/shops/:shop/items/:id",
    place: expect.stringContaining("describe.test.ts"),
    parameters: [
      { in: "path", name: "id", required: true, schema: { type: "integer" } },
      { in: "query", name: "dry", required: false, schema: { type: "boolean", default: false } },
      { in: "query", name: "note", required: false, schema: text },
      { in: "header", name: "if-match", required: true, schema: text },
      { in: "cookie", name: "session", required: true, schema: text },
      { in: "path", name: "shop", required: true, schema: text },
    ],
    body: { schema: item, required: true },
    answers: [
      { ...usual, status: 200, ...bodyOf(item) },
      { ...usual, status: 204 },
      // The extractor's error may be that, too.
      { ...usual, status: 404, ...bodyOf(reasoned), problem: true },
      {
        ...usual,
        status: 401,
        schema: coded,
        hasBody: true,
        content: [{ mediaType: "application/problem+json", schema: coded }],
        thrown: true,
      },
    ],
    validates: true,
  });
});

test("a route without schemas has its captures", () => {
  const described = only(new Chopin().get("/:a/*rest", { hidden: true }, () => 1));
  expect([described.hidden, described.validates, described.body]).toEqual([true, false, undefined]);
  expect(described.parameters.map(({ in: where, name }) => `${where} ${name}`)).toEqual([
    "path a",
    "path rest",
  ]);
});

test("other libraries tell their schema where they can", () => {
  const schemas = {
    zod: z.object({ name: z.string(), count: z.number().default(1) }),
    arktype: type({ name: "string", count: "number = 1" }),
    valibot: toStandardJsonSchema(v.object({ name: v.string(), count: v.optional(v.number(), 1) })),
  };
  for (const query of Object.values(schemas)) {
    const { parameters } = only(
      new Chopin().get("/", { query, response: query }, () => null as never),
    );
    expect(parameters.map(({ name, required }) => `${name} ${required}`).toSorted()).toEqual([
      "count false",
      "name true",
    ]);
  }
  const untold = only(
    new Chopin().post("/", { body: v.object({ at: v.date() }), response: v.string() }, () => "a"),
  );
  expect(untold.body).toEqual({ schema: {}, required: true });
  expect(untold.answers).toEqual([{ ...usual, status: 200, hasBody: true }]);
});
