/** What the types of schemas, extractors and route values promise. Checked by `tsc`, never run. */
import { type } from "arktype";
import * as v from "valibot";
import * as z from "zod";
import {
  type AnyContext,
  type BodyStream,
  Chopin,
  extract,
  get,
  HTTPError,
  json,
  post,
  type RoutesOf,
  route,
  t,
} from "../../src/index.ts";
import { type Equal, is, same } from "./_same.ts";

const User = t.Object({ name: t.String(), age: t.Optional(t.Integer()) });
interface UserValue {
  name: string;
  age?: number;
}

// Parts with a schema are its value, the others what they are without.
post(
  "/users/:id",
  {
    params: t.Object({ id: t.Integer() }),
    query: t.Object({ tags: t.Array(t.String()), since: t.Date() }),
    headers: t.Object({ "x-version": t.Integer() }),
    cookies: t.Object({ session: t.String() }),
    body: User,
  },
  ({ params, query, headers, cookies, body, state }) => {
    is<{ id: number }>()(params);
    is<{ tags: string[]; since: Date }>()(query);
    is<{ "x-version": number }>()(headers);
    is<{ session: string }>()(cookies);
    const user: UserValue = body;
    // @ts-expect-error It may be absent.
    body.age.toFixed();
    // @ts-expect-error The schema does not name it.
    body.email;
    return [user, state.anything];
  },
);
get("/users/:id", { summary: "One user" }, ({ params, query, body, headers }) => {
  is<{ readonly id: string }>()(params);
  is<Readonly<Record<string, string | undefined>>>()(query);
  is<BodyStream>()(body);
  return headers.get("accept");
});
// @ts-expect-error There is no capture of this name in the schema.
get("/:id", { params: t.Object({ id: t.Integer() }) }, (ctx) => ctx.param("uid"));
get("/:id", { params: t.Object({ id: t.Integer() }) }, (ctx) => ctx.param("id").toFixed());
// @ts-expect-error A schema is none of these.
get("/x", { query: { page: "integer" } }, () => 1);
// @ts-expect-error There is no such option.
get("/x", { quary: t.Object({}) }, () => 1);

// Standard Schemas of any library.
post(
  "/zod",
  { body: z.object({ at: z.coerce.date(), list: z.array(z.number()).default([]) }) },
  ({ body }) => is<{ at: Date; list: number[] }>()(body),
);
post("/valibot", { body: v.object({ count: v.pipe(v.string(), v.transform(Number)) }) }, (ctx) =>
  is<{ count: number }>()(ctx.body),
);
post("/arktype", { body: type({ name: "string", "age?": "number" }) }, ({ body }) =>
  is<{ name: string; age?: number }>()(body),
);

// Answers have to fit the schema of their status.
const Answers = { 200: User, 404: t.Object({ reason: t.String() }), 204: null } as const;
get("/a", { response: User }, () => ({ name: "kim", age: 7 }));
get("/a", { response: User }, async () => ({ name: "kim" }));
// @ts-expect-error Its name is missing.
get("/a", { response: User }, () => ({ age: 7 }));
// @ts-expect-error A name is text.
get("/a", { response: User }, async () => ({ name: 7 }));
get("/a", { response: Answers }, (ctx) => {
  if (ctx.path === "/") return ctx.json({ reason: "none" }, 404);
  if (ctx.path === "/x") return null;
  if (ctx.path === "/y") return ctx.redirect("/z");
  return ctx.path === "/b" ? ctx.json({ name: "kim" }) : { name: "kim" };
});
// @ts-expect-error That is no body of a 404.
get("/a", { response: Answers }, (ctx) => ctx.json({ name: "kim" }, 404));
// @ts-expect-error There is no such status.
get("/a", { response: Answers }, (ctx) => ctx.json({ name: "kim" }, 201));
// @ts-expect-error Null is that of 204 alone.
get("/a", { response: { 200: User } }, () => null);
get("/a", { response: { 200: t.Object({ kind: t.Literal("a") }) } }, () => ({ kind: "a" }));

// The same on an application, whose routes accumulate nothing.
const app = new Chopin<{ user: string }>();
app
  .get("/a", { response: User, query: User }, ({ query, state }) => ({
    name: query.name + state.user,
  }))
  .on("PROPFIND", "/:id", { params: t.Object({ id: t.Integer() }) }, ({ params }) =>
    params.id.toFixed(),
  );
// @ts-expect-error A name is text.
app.get("/a", { response: User }, () => ({ name: 7 }));
// @ts-expect-error There is no such part.
app.get("/a", { query: User }, ({ query }) => query.size);
app.onInvalid((issues, ctx) => ({ fields: issues.map(({ pointer }) => pointer), path: ctx.path }));

// Extractors give the handler its second argument.
const session = extract(
  { cookies: t.Object({ session: t.String() }) },
  async ({ cookies, query }) => {
    is<undefined>()(query);
    if (cookies.session === "") throw new HTTPError(401);
    return { user: cookies.session };
  },
);
const page = extract(
  { query: t.Object({ page: t.Integer({ default: 1 }) }), extract: { session } },
  ({ query, extracted }, ctx) => ({
    offset: query.page * 10,
    user: extracted.session.user,
    ip: ctx.ip,
  }),
);
app.get("/list", { extract: { session, page }, query: User }, ({ query }, extracted) => {
  is<{ user: string }>()(extracted.session);
  // @ts-expect-error Nothing of this name is extracted.
  extracted.other;
  return { ...extracted.page, name: query.name };
});
// @ts-expect-error That is no extractor.
app.get("/list", { extract: { session: () => 1 } }, () => 1);

// Routes are values that carry their types.
const routes = {
  list: route.get("/users", { query: t.Object({ page: t.Integer() }) }, () => [{ id: 1 }]),
  one: route.get(
    "/users/:id",
    { params: t.Object({ id: t.Integer() }), response: Answers },
    () => null,
  ),
  create: route.post("/users", { body: z.object({ at: z.coerce.date<string>() }) }, (ctx) =>
    ctx.json({ id: "7" }, 201),
  ),
  plain: route.get("/plain/:name", async ({ params }) => params.name),
  constant: route.get("/constant", "text"),
  nothing: route.delete("/users/:id", () => undefined),
  helper: (): number => 1,
};
app.mount(routes);
type Map = RoutesOf<typeof routes, "/api">;
same<
  Equal<
    keyof Map,
    | "GET /api/users"
    | "GET /api/users/:id"
    | "POST /api/users"
    | "GET /api/plain/:name"
    | "GET /api/constant"
    | "DELETE /api/users/:id"
  >
>();
same<Equal<Map["GET /api/users"]["query"], { page: number }>>();
same<Equal<Map["GET /api/users"]["answers"], { readonly 200: { id: number }[] }>>();
same<Equal<Map["GET /api/users/:id"]["params"], { id: number }>>();
same<Equal<Map["GET /api/users/:id"]["answers"][404], { reason: string }>>();
same<Equal<Map["GET /api/users/:id"]["answers"][204], null>>();
same<Equal<Map["POST /api/users"]["body"], { at: string }>>();
same<Equal<Map["POST /api/users"]["answers"], { readonly 201: { id: string } }>>();
same<Equal<Map["GET /api/plain/:name"]["params"], { readonly name: string }>>();
same<Equal<Map["GET /api/plain/:name"]["answers"], { readonly 200: string }>>();
same<Equal<Map["GET /api/constant"]["answers"], { readonly 200: "text" }>>();
same<Equal<keyof Map["DELETE /api/users/:id"]["answers"], 204>>();
const atRoot = { home: route.get("/", () => 1), other: route.get("/other", () => 1) };
same<Equal<keyof RoutesOf<typeof atRoot, "/api">, "GET /api" | "GET /api/other">>();
same<Equal<keyof RoutesOf<typeof atRoot, "/api/">, "GET /api" | "GET /api/other">>();
same<Equal<keyof RoutesOf<typeof atRoot, "/">, "GET /" | "GET /other">>();
same<Equal<keyof RoutesOf<typeof atRoot>, "GET /" | "GET /other">>();

// A schema of every success has the statuses of its handler.
const successes = {
  made: route.post("/", { response: User }, (ctx) => ctx.json({ name: "kim" }, 201)),
  either: route.get("/", { response: User }, (ctx) =>
    ctx.ip ? ctx.json({ name: "kim" }, 202) : { name: "kim" },
  ),
  elsewhere: route.get("/elsewhere", { response: User }, (ctx) => ctx.redirect("/")),
  web: route.get("/web", () => new Response("")),
};
type Successes = RoutesOf<typeof successes>;
same<Equal<keyof Successes["POST /"]["answers"], 201>>();
same<Equal<keyof Successes["GET /"]["answers"], 200 | 202>>();
same<Equal<keyof Successes["GET /elsewhere"]["answers"], 200>>();
same<Equal<keyof Successes["GET /web"]["answers"], never>>();

// Contexts of all routes can be passed on, and answers made without one.
const pathOf = (ctx: AnyContext): string => ctx.path;
get("/:id", { params: t.Object({ id: t.Integer() }) }, (ctx) => pathOf(ctx));
get("/a", { response: Answers }, () => json({ reason: "none" }, 404));
