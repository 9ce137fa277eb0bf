/** An application with everything that a document may have to tell, in four libraries. */
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { scope, type } from "arktype";
import * as v from "valibot";
import * as z from "zod";
import { Chopin, extract, HTTPError, t } from "../../src/index.ts";
import type { OpenApiOptions } from "../../src/openapi/index.ts";

const Money = t.Object(
  { amount: t.Integer(), currency: t.String({ default: "EUR" }) },
  { $id: "Money" },
);
const Item = t.Object(
  {
    id: t.Integer({ minimum: 1 }),
    price: Money,
    added: t.Date(),
    size: t.Optional(t.Tuple([t.Integer(), t.Integer()])),
    kind: t.Union([t.Literal("book"), t.Literal("toy")], { examples: ["toy"] }),
    labels: t.Record(t.String(), t.String()),
  },
  { $id: "Item", description: "Something that is sold." },
);
const Tree = t.Recursive((This) => t.Object({ name: t.String(), children: t.Array(This) }), {
  $id: "Tree",
});
const shop = t.Module({
  Owner: t.Object({ name: t.String(), friends: t.Array(t.Ref("Owner")) }),
  Shop: t.Object({ owner: t.Ref("Owner"), since: t.Date() }),
});

const Pet = z.object({ name: z.string(), age: z.number().default(1) }).meta({ id: "Pet" });
const Owner = z
  .object({ pets: z.array(Pet), born: z.coerce.date().optional() })
  .meta({ id: "PetOwner" });
const Category = z.object({
  name: z.string(),
  get inside() {
    return z.array(Category);
  },
});
const { folder } = scope({ folder: { name: "string", "folders?": "folder[]" } }).export();

const item = {
  id: 7,
  price: { amount: 100, currency: "EUR" },
  added: new Date(0),
  kind: "toy" as const,
  labels: { colour: "red" },
};

const session = extract(
  {
    cookies: t.Object({ sid: t.Optional(t.String()) }),
    response: { 401: null },
    security: [{ session: [] }, { token: [] }],
  },
  ({ cookies }) => {
    if (cookies.sid === undefined) throw new HTTPError(401, "no_session");
    return cookies.sid;
  },
);
const role = extract(
  {
    extract: { session },
    security: [{ oauth: ["admin"] }],
    response: { 403: t.Object({ code: t.String() }) },
  },
  () => "admin",
);

function items(): Chopin {
  return new Chopin()
    .get(
      "/items",
      {
        summary: "All items",
        tags: ["items"],
        query: t.Object({
          page: t.Integer({ minimum: 1, default: 1, description: "From 1 on." }),
          tag: t.Optional(t.Array(t.String())),
        }),
        headers: t.Object({ "x-list": t.Optional(t.Array(t.Integer())) }),
        response: t.Array(Item),
      },
      () => [item],
    )
    .get(
      "/items/:id(\\d+)",
      {
        tags: ["items"],
        params: t.Object({ id: t.Integer() }),
        response: { 200: Item, 404: t.Object({ reason: t.String() }) },
      },
      (ctx) => (ctx.params.id === 7 ? item : ctx.json({ reason: "none" }, 404)),
    )
    .get("/items/:name", { tags: ["items"], response: t.String() }, ({ params }) => params.name)
    .post(
      "/items",
      {
        tags: ["items"],
        operationId: "addItem",
        body: Item,
        response: { 201: Item },
        extract: { role },
      },
      (ctx) => ctx.json(ctx.body, 201),
    )
    .delete("/items/:id", { deprecated: true, security: [], response: { 204: null } }, () => null);
}

/** The application; each call makes a new one. */
export function wideApp(): Chopin {
  return new Chopin()
    .nest("/shops/:shop", items())
    .get("/tree", { response: Tree }, () => ({
      name: "root",
      children: [{ name: "leaf", children: [] }],
    }))
    .post("/shop", { body: shop.Import("Shop"), response: shop.Import("Shop") }, ({ body }) => body)
    .post("/owners", { body: Owner, response: { 200: Owner } }, ({ body }) => body)
    .get("/categories", { response: z.array(Category) }, () => [{ name: "a", inside: [] }])
    .get("/folders", { response: folder }, () => ({ name: "a", folders: [{ name: "b" }] }))
    .post(
      "/valibot",
      {
        body: toStandardJsonSchema(v.object({ email: v.pipe(v.string(), v.email()) })),
        response: { 202: null },
      },
      (ctx) => {
        ctx.status(202);
        return null;
      },
    )
    .get(
      "/arktype",
      { query: type({ q: "string", "page?": "string.integer.parse" }), response: type("string") },
      ({ query }) => query.q,
    )
    .get("/either", { response: t.Union([t.String(), Money, t.Null()]) }, () => ({
      amount: 1,
      currency: "EUR",
    }))
    .get("/bytes", { response: t.Uint8Array() }, () => new Uint8Array([1]))
    .get("/constant", "the same for all")
    .get("/reports/:year(\\d{4})?/:month?", () => 1)
    .get("/files/*path", ({ params }) => params.path)
    .all("/proxy/*", () => 1)
    .on("PROPFIND", "/dav", () => 1)
    .post("/upload", { streamBody: true }, async (ctx) => (await ctx.text()).length)
    .get("/secret", { hidden: true }, () => 1)
    .metrics()
    .health();
}

export const wideOptions: OpenApiOptions = {
  info: {
    title: "Shop",
    version: "1.2.0",
    summary: "All of it",
    description: "A *shop*.",
    contact: { name: "Kim", email: "kim@example.org" },
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [
    {
      url: "https://{region}.example.org/v1",
      variables: { region: { default: "eu", enum: ["eu", "us"] } },
    },
  ],
  tags: [
    { name: "items", description: "What is sold.", externalDocs: { url: "https://example.org" } },
  ],
  externalDocs: { url: "https://example.org/docs" },
  security: [{ token: [] }],
  securitySchemes: {
    session: { type: "apiKey", in: "cookie", name: "sid" },
    token: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
    oauth: {
      type: "oauth2",
      flows: {
        clientCredentials: {
          tokenUrl: "https://example.org/token",
          scopes: { admin: "Everything" },
        },
      },
    },
    tls: { type: "mutualTLS" },
    connect: { type: "openIdConnect", openIdConnectUrl: "https://example.org/.well-known/openid" },
  },
};
