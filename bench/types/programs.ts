/**
 * Writes the same program of many typed routes for each framework, as its documentation has it for
 * typed clients: modules of fifty routes, one type of all of them, a use of the last one's types,
 * and two calls of the typed client.
 */

/** What is written into one folder: paths and texts. */
export type Program = Readonly<Record<string, string>>;

export type Framework = "chopin" | "elysia" | "hono";

const routesPerModule = 50;

interface Writer {
  readonly head: string;
  readonly route: (name: string, path: string, posts: boolean) => string;
  /** A module of what `route` wrote. */
  readonly module: (routes: readonly string[], name: string) => string;
  /** The type of everything, a use of the last route, which posts, and calls of the client. */
  readonly index: (modules: readonly string[], first: string, last: string) => string;
}

const fields = "name: t.String(), age: t.Integer(), tags: t.Array(t.String())";
const wrote = "id: t.Integer(), name: t.String(), tags: t.Array(t.String())";
const paged = "page: t.Integer(), search: t.Optional(t.String())";
const params = "params: t.Object({ id: t.Integer() })";
const created = "({ id: params.id, name: body.name, tags: body.tags })";
const found = "({ id: params.id, page: query.page, search: query.search ?? null })";
const posting = `${params}, body: t.Object({ ${fields} }), response: t.Object({ ${wrote} })`;
const getting = `${params}, query: t.Object({ ${paged} })`;
const onPost = `({ params, body }) => ${created}`;
const onGet = `({ params, query }) => ${found}`;

const call = (name: string, text: string) =>
  `export const ${name} = async (): Promise<string> => { ${text} };`;
const body = `{ name: "a", age: 1, tags: [] }`;

/** A path of a program as its parts, the captures left out. */
const partsOf = (path: string) => path.split("/").filter((part) => !/^$|:/.test(part));

const chopin: Writer = {
  head: `import { get, post, t } from "chopin";\n`,
  route: (name, path, posts) => {
    const [method, schemas, handler] = posts ? ["post", posting, onPost] : ["get", getting, onGet];
    return `export const ${name} = ${method}("${path}", { ${schemas} }, ${handler});`;
  },
  module: (routes) => routes.join("\n"),
  index: (modules, first, last) =>
    [
      `import type { RoutesOf } from "chopin";`,
      `import { createClient } from "chopin/client";`,
      ...modules.map((name) => `import type * as ${name} from "./${name}";`),
      `export type Api = ${modules.map((name) => `RoutesOf<typeof ${name}>`).join(" & ")};`,
      `export const sent: Api["POST ${last}"]["body"] = ${body};`,
      `export const got = (answers: Api["POST ${last}"]["answers"]): string => answers[200].name;`,
      `const api = createClient<Api>("http://localhost");`,
      call(
        "created",
        `const answer = await api.post("${last}", { params: { id: 1 }, body: ${body} });
         return answer.status === 200 ? answer.body.name : "";`,
      ),
      call(
        "found",
        `const answer = await api.get("${first}", { params: { id: 1 }, query: { page: 1 } });
         return answer.status === 200 ? (answer.body.search ?? "") : "";`,
      ),
    ].join("\n"),
};

const elysia: Writer = {
  head: `import { Elysia, t } from "elysia";\n`,
  route: (_, path, posts) => {
    const [method, schemas, handler] = posts ? ["post", posting, onPost] : ["get", getting, onGet];
    return `.${method}("${path}", ${handler}, { ${schemas} })`;
  },
  module: (routes, name) => `export const ${name} = new Elysia()\n${routes.join("\n")};`,
  index: (modules, first, last) => {
    const [part = "", item = ""] = partsOf(last);
    const route = `Api["${part}"]["${item}"][":id"]["post"]`;
    return [
      `import { treaty } from "@elysiajs/eden";`,
      `import { Elysia } from "elysia";`,
      ...modules.map((name) => `import { ${name} } from "./${name}";`),
      `const app = new Elysia()${modules.map((name) => `.use(${name})`).join("")};`,
      `export type Api = (typeof app)["~Routes"];`,
      `export const sent: ${route}["body"] = ${body};`,
      `export const got = (answers: ${route}["response"]): string => answers[200].name;`,
      `const api = treaty<typeof app>("http://localhost");`,
      call(
        "created",
        `const path = api.${partsOf(last).join(".")};
         const { data } = await path({ id: 1 }).post(${body});
         return data?.name ?? "";`,
      ),
      call(
        "found",
        `const path = api.${partsOf(first).join(".")};
         const { data } = await path({ id: 1 }).get({ query: { page: 1 } });
         return data?.search ?? "";`,
      ),
    ].join("\n");
  },
};

const zodFields = "name: z.string(), age: z.coerce.number(), tags: z.array(z.string())";
const zodPaged = "page: z.coerce.number(), search: z.string().optional()";
const zodParams = `zValidator("param", z.object({ id: z.coerce.number() }))`;
const valid = (name: string, part: string) => `const ${name} = c.req.valid("${part}");`;

const hono: Writer = {
  head: [
    `import { zValidator } from "@hono/zod-validator";`,
    `import { Hono } from "hono";`,
    `import { z } from "zod";\n`,
  ].join("\n"),
  route: (_, path, posts) => {
    const head = `${posts ? ".post" : ".get"}("${path}", ${zodParams}`;
    const own = posts ? valid("body", "json") : valid("query", "query");
    const part = posts
      ? `"json", z.object({ ${zodFields} })`
      : `"query", z.object({ ${zodPaged} })`;
    const answer = `return c.json(${posts ? created : found});`;
    const handler = `(c) => { ${valid("params", "param")} ${own} ${answer} }`;
    return `${head}, zValidator(${part}), ${handler})`;
  },
  module: (routes, name) => `export const ${name} = new Hono()\n${routes.join("\n")};`,
  index: (modules, first, last) => {
    const [part = "", item = ""] = partsOf(last);
    const route = `(typeof client)["${part}"]["${item}"][":id"]["$post"]`;
    return [
      `import { Hono } from "hono";`,
      `import { hc, type InferRequestType, type InferResponseType } from "hono/client";`,
      ...modules.map((name) => `import { ${name} } from "./${name}";`),
      `const app = new Hono()${modules.map((name) => `.route("/", ${name})`).join("")};`,
      `const client = hc<typeof app>("/");`,
      `export const sent: InferRequestType<${route}>["json"] = ${body};`,
      `export const got = (answer: InferResponseType<${route}, 200>): string => answer.name;`,
      call(
        "created",
        `const path = client.${partsOf(last).join(".")}[":id"];
         const answer = await path.$post({ param: { id: "1" }, json: ${body} });
         return answer.ok ? (await answer.json()).name : "";`,
      ),
      call(
        "found",
        `const path = client.${partsOf(first).join(".")}[":id"];
         const answer = await path.$get({ param: { id: "1" }, query: { page: "1" } });
         return answer.ok ? ((await answer.json()).search ?? "") : "";`,
      ),
    ].join("\n");
  },
};

const writers: Readonly<Record<Framework, Writer>> = { chopin, elysia, hono };

/** One route of every program. */
export interface GeneratedRoute {
  readonly module: string;
  readonly path: string;
  /** It is for POST, with a body; the others are for GET, with a query. */
  readonly posts: boolean;
}

/** The routes of all programs with so many, in order. */
export function generatedRoutes(count: number): GeneratedRoute[] {
  return Array.from({ length: count }, (_, at) => {
    const module = `m${Math.floor(at / routesPerModule)}`;
    const index = at % routesPerModule;
    return { module, path: `/${module}/items${index}/:id`, posts: index % 2 === 1 };
  });
}

/** The files of a program with so many routes, two or more, half of them with bodies. */
export function programOf(framework: Framework, count: number): Program {
  const writer = writers[framework];
  const routes = generatedRoutes(count);
  const modules = Map.groupBy(routes, ({ module }) => module);
  const files: Record<string, string> = {};
  for (const [name, own] of modules) {
    const written = own.map(({ path, posts }, at) => writer.route(`r${at}`, path, posts));
    files[`${name}.ts`] = `${writer.head}\n${writer.module(written, name)}\n`;
  }
  const first = routes.find(({ posts }) => !posts)?.path ?? "";
  const last = routes.findLast(({ posts }) => posts)?.path ?? "";
  files["index.ts"] = `${writer.index([...modules.keys()], first, last)}\n`;
  return files;
}
