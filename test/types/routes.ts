/** What the types of routes promise, and what they refuse. Checked by `tsc`, never run. */
import {
  type Answer,
  Chopin,
  type Context,
  get,
  type Middleware,
  type ParamsOf,
  post,
} from "../../src/index.ts";
import { type Equal, same } from "./_same.ts";

const params = <const Path extends string>(_: Path): ParamsOf<Path> => ({}) as ParamsOf<Path>;

const one = params("/users/:id");
same<Equal<typeof one, { readonly id: string }>>();
const optional = params("/users/:id/:tab?");
same<Equal<typeof optional, { readonly id: string; readonly tab: string | undefined }>>();
const constrained = params("/users/:id(\\d+)/:kind(a|b)?/x");
same<Equal<typeof constrained, { readonly id: string; readonly kind: string | undefined }>>();
const quantified = params("/:id(a?)");
same<Equal<typeof quantified, { readonly id: string }>>();
const rest = params("/files/:drive/*path");
same<Equal<typeof rest, { readonly drive: string; readonly path: string }>>();
const bare = params("/files/*");
same<Equal<typeof bare, { readonly "*": string }>>();
const unknownPath = params("/a" as string);
same<Equal<typeof unknownPath, Readonly<Record<string, string | undefined>>>>();

// Handlers see the captures of their own path.
get("/users/:id", ({ params: { id } }) => id.toUpperCase());
get("/users/:id/:tab?", ({ params: { tab } }) => tab?.toUpperCase());
// @ts-expect-error There is no capture of this name.
get("/users/:id", ({ params: { uid } }) => uid);
// @ts-expect-error An optional capture may be absent.
get("/users/:tab?", ({ params }) => params.tab.length);
get("/users/:id", (ctx) => ctx.param("id"));
// @ts-expect-error There is no capture of this name.
get("/users/:id", (ctx) => ctx.param("uid"));

// Options come before the handler.
post("/users/:id", { bodyLimit: 10, name: "create" }, ({ params: { id } }) => id);
// @ts-expect-error There is no such option.
post("/users", { bodylimit: 10 }, () => 1);
// @ts-expect-error A limit is a number of bytes.
post("/users", { bodyLimit: "1 MiB" }, () => 1);

// Constants of every kind, but no function with other parameters.
const app = new Chopin();
interface Shape {
  readonly side: number;
}
const shape: Shape = { side: 1 };
app.get("/1", "text").get("/2", { an: "object" }).get("/3", [1]).get("/4", shape).get("/5", null);
app.get("/6", new Response("x")).get("/7", new Uint8Array(1)).get("/8", 42);
// @ts-expect-error A handler takes a context.
app.get("/9", (id: number) => id);
app.on("PROPFIND", "/dav/*path", ({ params: { path } }) => path.length);

// Bodies in, answers out, by the number of arguments.
app.post("/body", (ctx) => {
  const text: string = ctx.text();
  const bytes: Uint8Array = ctx.bytes();
  const value: unknown = ctx.json();
  const typed = ctx.json<{ name: string }>().name.length;
  const answer: Answer = ctx.json({ text, bytes, value, typed }, 201);
  // @ts-expect-error Fields have text as their value.
  ctx.header("X", 1);
  const field: string | undefined = ctx.header("X");
  const chained: Answer = ctx
    .status(201)
    .header("X", field ?? "")
    .html("<p>");
  return [answer, chained];
});

// State has the type that the application gives it.
const typed = new Chopin<{ user: string }>();
typed.layer((ctx, next) => {
  ctx.state.user = "kim";
  // @ts-expect-error It is text.
  ctx.state.user = 1;
  return next();
});
typed.get("/", ({ state }) => state.user.length);
// @ts-expect-error There is no such member.
typed.get("/", ({ state }) => state.missing);
app.nest("/typed", typed).merge(typed);
const usesState: Middleware<{ user: string }> = (ctx, next) => ctx.state.user && next();
typed.get("/used", { use: usesState }, () => 1);

declare module "chopin" {
  interface State {
    declared: number;
  }
}
app.get("/state", ({ state }) => state.declared.toFixed() + String(state.anything));

// A context can be passed on.
const helper = (ctx: Context): string => ctx.path;
app.get("/helped/:id", (ctx) => helper(ctx));

// Both forms of mounting can be served.
void new Chopin().mountAllRoutes().serve("127.0.0.1:0");
void new Chopin().mountAllRoutes("./routes/*.ts").serve({ port: 0 });
void (async () => {
  const mounted: Chopin = await new Chopin().mountAllRoutes("./routes/*.ts");
  const { url } = await mounted.serve(0);
  const answer: string = url;
  return answer;
});
