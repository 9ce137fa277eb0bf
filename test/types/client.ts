/** What the types of the client promise, and what they refuse. Checked by `tsc`, never run. */
import * as z from "zod";
import {
  type Client,
  type ClientAnswer,
  createClient,
  type Problem,
  type ValidationIssue,
  type ValidationProblem,
  type Wire,
} from "../../src/client/index.ts";
import {
  type EventStream,
  type Issue,
  type RoutesOf,
  route,
  t,
  type ValidationError,
} from "../../src/index.ts";
import { type Equal, is, same } from "./_same.ts";

const User = t.Object({ name: t.String(), age: t.Optional(t.Integer()), born: t.Date() });
const paged = t.Object({ page: t.Integer(), tags: t.Optional(t.Array(t.String())) });
const Mine = t.Object({ mine: t.String() });
const Own = { 204: null, 400: Mine, 415: null, 422: Mine } as const;
const Found = { 200: User, 404: t.Object({ reason: t.String() }), 204: null } as const;

const routes = {
  health: route.get("/health", () => "fine" as string),
  list: route.get("/users", { query: paged }, () => [{ id: 1 }]),
  search: route.get("/search", { query: t.Object({ text: t.Optional(t.String()) }) }, () => 1),
  one: route.get(
    "/users/:id",
    { params: t.Object({ id: t.Integer() }), response: Found },
    () => null,
  ),
  create: route.post("/users", { body: User, response: User }, (ctx) => ctx.json(ctx.body, 201)),
  remove: route.delete("/users/:id", () => undefined),
  tab: route.get("/tabs/:name(\\w+)/:tab?", ({ params }) => params),
  tenant: route.get("/:tenant/:id", { params: t.Object({ id: t.Integer() }) }, () => 1),
  kind: route.get("/kinds/:kind", { params: t.Object({ kind: t.Literal("a") }) }, () => 1),
  files: route.get("/files/*path", () => new Uint8Array(1)),
  web: route.get("/web", () => new Response("")),
  page: route.get("/page", (ctx) => ctx.html("")),
  lines: route.get("/lines", async function* () {
    yield "";
  }),
  echo: route.post("/echo", (ctx) => ctx.text()),
  text: route.post("/text", { body: t.String() }, () => 1),
  any: route.all("/any", () => 1),
  loose: route.post("/loose", { body: t.Object({ a: t.Optional(t.String()) }) }, () => 1),
  inherited: route.get("/inherited/:constructor?", () => 1),
  inheritedQuery: route.get(
    "/inherited",
    { query: t.Object({ valueOf: t.Optional(t.String()) }) },
    () => 1,
  ),
  version: route.get("/version", { headers: t.Object({ "x-version": t.Integer() }) }, () => 1),
  session: route.get("/session", { cookies: t.Object({ session: t.String() }) }, () => 1),
  zod: route.post(
    "/zod",
    {
      query: z.object({ page: z.coerce.number<string>().default(1) }),
      body: z.object({ a: z.date() }),
    },
    () => 1,
  ),
  prices: route.get("/prices", (ctx) =>
    ctx.events(async function* ({ signal }) {
      if (signal.aborted) return;
      yield { event: "price", id: "1", data: { amount: 7, at: new Date() } };
      yield { comment: "no event", retry: 1000 };
      yield { event: "closed", data: "for today" };
      yield { data: [1, 2] };
      yield "text";
    }),
  ),
  chat: route.get("/chat", (ctx) =>
    ctx.events((stream: EventStream<{ event: "said"; data: { by: string } }>) => {
      void stream.send({ event: "said", data: { by: "Kim" } });
      // @ts-expect-error There is no such event.
      void stream.send({ event: "asked", data: { by: "Kim" } });
    }),
  ),
  sends: route.get("/sends", (ctx) => ctx.events((stream) => void stream.send("a"))),
  some: route.get("/some", (ctx) => (ctx.ip ? ctx.json({ a: 1 }, 202) : ctx.json({ b: 1 }, 409))),
  own: route.post("/own", { body: User, response: Own }, () => null),
  ownQuery: route.get("/own", { query: paged, response: Own }, () => null),
  ownWithout: route.get("/own/:id", { response: Own }, () => null),
  helper: (): number => 1,
};
/** As a generated declaration file has it. */
interface Written {
  readonly "PROPFIND /dav/*path": {
    readonly params: { readonly path: string };
    readonly query: undefined;
    readonly headers: undefined;
    readonly cookies: undefined;
    readonly body: undefined;
    readonly answers: { readonly 207: string };
  };
}
type Api = RoutesOf<typeof routes> & Written;
const api = createClient<Api>("https://api.example.org");
const refuse = async (..._calls: readonly PromiseLike<unknown>[]): Promise<void> => {};

// Of a module, or an object of routes, the same is made without a map.
const direct = createClient<typeof routes>("https://api.example.org/v1");
export const named = async (): Promise<string> => {
  const { health } = { health: await direct.get("/health").orThrow() };
  return health;
};

// Answers are told apart by their status, and by `ok`.
export async function answers(): Promise<void> {
  const one = await api.get("/users/:id", { params: { id: 7 } });
  if (one.status === 200) {
    is<string>()(one.body.born);
    is<number | undefined>()(one.body.age);
    is<true>()(one.ok);
    // @ts-expect-error There is no such field.
    one.body.email;
  }
  if (one.status === 404) is<{ reason: string }>()(one.body);
  if (one.status === 204) is<null>()(one.body);
  if (one.status === 422) is<readonly ValidationIssue[]>()(one.body.errors);
  if (one.status === 503) is<unknown>()(one.body);
  // @ts-expect-error No server answers so.
  if (one.status === 299) is<unknown>()(one.body);
  // @ts-expect-error It may be a failure.
  one.body.name;
  if (!one.ok) is<Problem | undefined>()(one.problem);
  if (one.ok) is<Wire<{ name: string; age?: number; born: Date }> | null>()(one.body);

  const made = await api.post("/users", { body: { name: "Kim", born: new Date() } });
  if (made.status === 201) is<string>()(made.body.name);
  if (made.status === 422) is<ValidationProblem>()(made.body);
  if (made.status === 415 || made.status === 400) is<Problem>()(made.body);

  const list = await api.get("/users", { query: { page: 1 } }).orThrow();
  is<{ id: number }[]>()(list);
  is<string>()(await api.get("/health").orThrow());
  is<null>()(await api.delete("/users/:id", { params: { id: 7 } }).orThrow());
  is<Uint8Array<ArrayBuffer>>()(
    await api.get("/files/*path", { params: { path: "a/b" } }).orThrow(),
  );
  is<unknown>()(await api.get("/web").orThrow());
  is<unknown>()(await api.get("/page").orThrow());
  is<unknown>()(await api.get("/lines").orThrow());
  const some = await api.get("/some");
  if (some.status === 202) is<{ a: number }>()(some.body);
  if (some.status === 409) is<{ b: number }>()(some.body);
  // @ts-expect-error It is not declared.
  if (some.status === 200) is<unknown>()(some.body);
  is<ClientAnswer<207, string>>()(
    (await api.request("PROPFIND", "/dav/*path", { params: { path: "a" } })) as ClientAnswer<
      207,
      string
    >,
  );
}

// What a route declares of a refusal may come, and so may what the server says by itself.
export async function refusals(): Promise<void> {
  const own = await api.post("/own", { body: { name: "Kim", born: new Date() } });
  if (own.status === 422) {
    is<{ mine: string } | ValidationProblem>()(own.body);
    if ("errors" in own.body) is<readonly ValidationIssue[]>()(own.body.errors);
    else is<string>()(own.body.mine);
  }
  if (own.status === 400) is<{ mine: string } | Problem>()(own.body);
  if (own.status === 415) is<Problem | null>()(own.body);
  const query = await api.get("/own", { query: { page: 1 } });
  if (query.status === 422) is<{ mine: string } | ValidationProblem>()(query.body);
  if (query.status === 400) is<{ mine: string }>()(query.body);
  if (query.status === 415) is<null>()(query.body);
  const without = await api.get("/own/:id", { params: { id: 7 } });
  if (without.status === 422) is<{ mine: string }>()(without.body);
}

// Successes as they are asked for; failures are always read.
export async function readers(): Promise<void> {
  const stream = await api.get("/users/:id", { params: { id: 7 }, as: "stream" });
  if (stream.status === 200) is<ReadableStream<Uint8Array<ArrayBuffer>>>()(stream.body);
  if (stream.status === 404) is<{ reason: string }>()(stream.body);
  if (stream.status === 204) is<null>()(stream.body);
  is<string>()(await api.get("/health", { as: "text" }).orThrow());
  is<Blob>()(await api.get("/web", { as: "blob" }).orThrow());
  is<Uint8Array<ArrayBuffer>>()(await api.get("/web", { as: "bytes" }).orThrow());
  // @ts-expect-error There is no such reader.
  await api.get("/health", { as: "xml" });
  const head = await api.head("/users/:id", { params: { id: 7 } });
  is<null>()(head.body);
}

// Events are told apart by their names.
export async function events(): Promise<void> {
  for await (const event of api.events("/prices")) {
    if (event.event === "price") is<{ readonly amount: 7; readonly at: string }>()(event.data);
    if (event.event === "closed") is<unknown>()(event.data);
    is<string>()(event.text);
    is<"price" | "closed" | "message">()(event.event);
  }
  for await (const event of api.events("/prices", { as: "text", lastEventId: "1" })) {
    is<string>()(event.data);
  }
  for await (const { event, data } of api.events("/chat")) {
    is<"said">()(event);
    is<string>()(data.by);
  }
  for await (const { event, data } of api.events("/sends")) {
    is<string>()(event);
    is<unknown>()(data);
  }
  for await (const { data } of api.events("/web")) is<unknown>()(data);
  const { body } = await api.get("/prices", { as: "events" });
  // @ts-expect-error It may be an answer of failure.
  body[Symbol.asyncIterator];
  for await (const event of await api.get("/chat", { as: "events" }).orThrow()) {
    is<string>()(event.data.by);
  }
  // @ts-expect-error A route for POST has no events that can be asked for again.
  api.events("/echo");
}

// What may be null or nothing has 204, unless the schema takes anything.
const NullOr = t.Union([t.Null(), t.Object({ id: t.Integer() })]);
const absent = {
  one: route.get("/one", { response: NullOr }, () => null),
  by: route.get("/by", { response: { 200: NullOr } }, () => null),
  other: route.get("/other", { response: NullOr }, (ctx) => (ctx.ip ? null : ctx.json(null, 201))),
  any: route.get("/any", { response: t.Any() }, () => null),
};
type AbsentKeys<Key extends keyof RoutesOf<typeof absent>> = keyof RoutesOf<
  typeof absent
>[Key]["answers"];
same<Equal<AbsentKeys<"GET /one">, 200 | 204>>();
same<Equal<AbsentKeys<"GET /by">, 200 | 204>>();
same<Equal<AbsentKeys<"GET /other">, 201 | 204>>();
same<Equal<AbsentKeys<"GET /any">, 200>>();
export async function absences(): Promise<void> {
  const one = await createClient<typeof absent>("/").get("/one");
  if (one.status === 204) is<null>()(one.body);
  if (one.status === 200) is<{ id: number } | null>()(one.body);
}

// What a route needs is demanded.
void refuse(
  // @ts-expect-error No route has this path.
  api.get("/nowhere"),
  // @ts-expect-error It is a route for another method.
  api.put("/users", { body: { name: "Kim", born: new Date() } }),
  // @ts-expect-error The capture is missing.
  api.get("/users/:id"),
  // @ts-expect-error The capture is missing.
  api.get("/users/:id", { params: {} }),
  // @ts-expect-error The schema takes numbers.
  api.get("/users/:id", { params: { id: "7" } }),
  // @ts-expect-error There is no such capture.
  api.get("/users/:id", { params: { id: 7, uid: 8 } }),
  // @ts-expect-error This path has none.
  api.get("/health", { params: { id: 7 } }),
  // @ts-expect-error There is no such option.
  api.get("/health", { timeout: 7 }),
  // @ts-expect-error The query is missing.
  api.get("/users"),
  // @ts-expect-error A page is a number.
  api.get("/users", { query: { page: "1" } }),
  // @ts-expect-error There is no such field.
  api.get("/users", { query: { page: 1, size: 1 } }),
  // @ts-expect-error The field is missing.
  api.get("/version"),
  // @ts-expect-error The body is missing.
  api.post("/users"),
  // @ts-expect-error Its name is missing.
  api.post("/users", { body: { born: new Date() } }),
  // @ts-expect-error The body is missing, although it may be empty.
  api.post("/loose"),
  // @ts-expect-error GET has no body.
  api.get("/health", { body: {} }),
  // @ts-expect-error Text is JSON only where that is said.
  api.post("/text", { body: "text" }),
  // @ts-expect-error No route takes the method.
  api.request("SEARCH", "/users"),
);

// What may be left out, and the forms that are taken.
void refuse(
  api.post("/users", { body: { name: "Kim", born: "2001-02-03T00:00:00Z" } }),
  // @ts-expect-error A number is no date.
  api.post("/users", { body: { name: "Kim", born: 7 } }),
  api.get("/search"),
  api.get("/search", { query: {} }),
  api.get("/search", { query: { text: undefined } }),
  api.get("/health", { query: { any: 1, list: ["a", 2], at: new Date() } }),
  api.get("/tabs/:name(\\w+)/:tab?", { params: { name: 7 } }),
  api.get("/tabs/:name(\\w+)/:tab?", { params: { name: "a", tab: undefined } }),
  api.get("/:tenant/:id", { params: { tenant: "a", id: 7 } }),
  api.get("/kinds/:kind", { params: { kind: "a" } }),
  // @ts-expect-error It is another kind.
  api.get("/kinds/:kind", { params: { kind: "b" } }),
  api.get("/version", { headers: { "x-version": 2, "x-other": "a" } }),
  api.get("/session"),
  api.get("/session", { cookies: { session: "s" } }),
  // @ts-expect-error A session is text.
  api.get("/session", { cookies: { session: 7 } }),
  api.post("/text", { body: "text", json: true }),
  api.post("/zod", { body: { a: new Date() } }),
  api.post("/zod", { query: { page: "1" }, body: { a: new Date() } }),
  api.post("/echo"),
  api.post("/echo", { body: "text" }),
  api.post("/echo", { body: { any: "object" } }),
  api.post("/echo", { body: new FormData() }),
  api.get("/any"),
  api.request("DELETE", "/any"),
  api.head("/any"),
  api.post("/loose", { body: {} }),
  api.get("/inherited/:constructor?"),
  api.get("/inherited/:constructor?", { params: { constructor: "a" } }),
  api.get("/inherited"),
  api.get("/inherited", { query: { valueOf: "a" } }),
);

// What the client sends by itself is not demanded.
const signed = createClient<Api, "x-version" | "x-token">("/api", { headers: { "x-version": 1 } });
void refuse(
  signed.get("/version"),
  signed.get("/version", { headers: { "x-version": 2 } }),
  // @ts-expect-error It is a number.
  signed.get("/version", { headers: { "x-version": "2" } }),
);

// Paths that are one of several, clients that are passed on, handlers of many kinds.
class Model {
  readonly id = 1;
  save(): void {}
  toJSON() {
    return { id: this.id, at: new Date() };
  }
}
const Tree = t.Recursive((This) => t.Object({ at: t.Date(), children: t.Array(This) }));
const others = {
  a: route.get("/a", () => 1),
  b: route.get("/b", () => "b" as string),
  model: route.get("/model", () => [new Model()]),
  tree: route.get("/tree", { response: Tree }, () => ({ at: new Date(), children: [] })),
  perhaps: route.get("/perhaps", (ctx) => (ctx.ip ? { a: 1 } : undefined)),
  thrown: route.get("/thrown", () => {
    throw new Error();
  }),
  some: route.get("/some", (ctx) => ctx.json({ a: 1 }, Number(ctx.ip))),
  unknown: route.get("/unknown", (ctx) => ctx.json<unknown>()),
};
const passed = <App extends object>(client: Client<App>): Client<App> => client;
export async function kinds(path: "/a" | "/b"): Promise<void> {
  const client = passed(createClient<typeof others>("/"));
  is<string | number>()(await client.get(path).orThrow());
  const [model] = await client.get("/model").orThrow();
  is<string | undefined>()(model?.at);
  // @ts-expect-error JSON has no methods.
  model?.save;
  const tree = await client.get("/tree").orThrow();
  is<string | undefined>()(tree.children[0]?.children[0]?.at);
  is<{ a: number } | null>()(await client.get("/perhaps").orThrow());
  is<unknown>()(await client.get("/thrown").orThrow());
  is<unknown>()(await client.get("/unknown").orThrow());
  const some = await client.get("/some");
  is<number>()(some.status);
  is<{ a: number }>()(some.body);
}

// What JSON makes of values.
type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
same<Equal<Wire<{ any: Json }>["any"] extends Json ? 1 : 2, 1>>();
same<Equal<Wire<readonly Date[]>, readonly string[]>>();
same<Equal<Wire<Date>, string>>();
same<
  Equal<Wire<{ at: Date; list: (Date | undefined)[] }>, { at: string; list: (string | null)[] }>
>();
same<Equal<Wire<readonly [a: Date, b: number]>, readonly [a: string, b: number]>>();
same<Equal<Wire<{ id?: number; run(): void }>, { id?: number; run: undefined }>>();
same<Equal<Wire<bigint>, never>>();
same<Equal<Wire<unknown>, unknown>>();
same<Equal<Wire<"a" | 1 | null>, "a" | 1 | null>>();
same<Equal<ValidationIssue, Issue>>();
same<Equal<ValidationProblem["errors"], ValidationError["issues"]>>();
