/** Routes of every kind of schema, as values: their types, and the declarations made from them. */
import * as z from "zod";
import { extract, HTTPError, route, t } from "../../src/index.ts";

const Address = t.Object(
  { street: t.String(), "zip-code": t.Optional(t.String()) },
  { $id: "address" },
);
const User = t.Object(
  {
    id: t.Integer(),
    name: t.String({ description: "As it is written */ in a passport." }),
    born: t.Date(),
    role: t.Union([t.Literal("admin"), t.Literal("user")]),
    address: t.Optional(Address),
  },
  { $id: "User", description: "Somebody who logs in." },
);
const Tree = t.Recursive((This) => t.Object({ label: t.String(), children: t.Array(This) }), {
  $id: "Tree",
});
const Contact = z
  .object({ email: z.email(), phone: z.string().nullable() })
  .meta({ id: "Contact" });

const session = extract(
  { cookies: t.Object({ session: t.String() }), response: { 401: null } },
  ({ cookies }) => cookies.session,
);
const page = extract(
  { query: t.Object({ page: t.Integer({ default: 1, deprecated: true }) }) },
  ({ query }) => query.page,
);

export const routes = {
  plain: route.get("/plain", () => "text"),
  captures: route.get("/files/:drive/:version?/*path", () => null),
  one: route.get(
    "/users/:id",
    {
      summary: "One user",
      description: "With the address.\n\nOf those who have one.",
      params: t.Object({ id: t.Integer() }),
      response: { 200: User, 204: null, 404: t.Object({ reason: t.String() }) },
    },
    () => null,
  ),
  create: route.post("/users", { body: User, response: User }, ({ body }) => body),
  search: route.get(
    "/search",
    {
      deprecated: true,
      query: t.Object({
        text: t.String(),
        tags: t.Optional(t.Array(t.String())),
        order: t.Optional(t.Union([t.Literal("asc"), t.Literal("desc"), t.Null()])),
        since: t.Optional(t.Date()),
        exact: t.Boolean(),
        "x-y": t.Optional(t.Number()),
      }),
      headers: t.Object({ "if-none-match": t.Optional(t.String()) }),
      cookies: t.Object({ theme: t.Optional(t.String()) }),
      response: t.Object({ found: t.Array(User), next: t.Union([t.Integer(), t.Null()]) }),
    },
    () => ({ found: [], next: null }),
  ),
  shapes: route.put(
    "/shapes",
    {
      body: t.Object({
        pair: t.Tuple([t.Number(), t.String()]),
        counts: t.Record(t.String(), t.Integer()),
        both: t.Intersect([t.Object({ a: t.String() }), t.Object({ b: t.Boolean() })]),
        either: t.Union([t.String(), t.Object({ deep: t.Array(t.Tuple([t.Literal(1)])) })]),
        anything: t.Unknown(),
        nothing: t.Optional(t.Null()),
        empty: t.Object({}),
        "with space": t.Optional(t.Literal('a"b')),
      }),
      response: { 200: Tree, 201: t.Array(t.Union([t.Number(), t.Null()])) },
    },
    () => ({ label: "", children: [] }),
  ),
  tree: route.post("/tree", { body: Tree, response: { 200: Tree } }, ({ body }) => body),
  contact: route.post("/contacts", { body: Contact, response: { 201: Contact } }, (ctx) =>
    ctx.json(ctx.body, 201),
  ),
  mine: route.get("/mine", { extract: { session, page }, response: t.String() }, () => {
    throw new HTTPError(404);
  }),
  any: route.all("/any", () => null),
  hidden: route.get("/hidden", { hidden: true }, () => null),
};
