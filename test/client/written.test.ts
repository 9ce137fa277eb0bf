/** Clients of the declarations that `chopin openapi --client` writes, without the source. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../src/client/index.ts";
import { clientTypes } from "../../src/client-types/declarations.ts";
import { Chopin, extract, route, t } from "../../src/index.ts";
import { compiled } from "../_pages.ts";
import { finish } from "../e2e/_process.ts";
import { type Absent, absent, present } from "./_absent.ts";

const root = join(import.meta.dir, "../..");
const folder = join(root, "node_modules/.cache/written-client");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const token = extract(
  { headers: t.Object({ "x-token": t.String() }) },
  ({ headers }) => headers["x-token"],
);
const page = extract(
  { query: t.Object({ page: t.Integer({ default: 1 }) }) },
  ({ query }) => query.page,
);
const User = t.Object({ id: t.Integer(), born: t.Date() }, { $id: "User" });
const app = new Chopin().mount({
  one: route.get(
    "/users/:id/:tab?",
    { params: t.Object({ id: t.Integer() }), extract: { token, page }, response: { 200: User } },
    ({ params }) => ({ id: params.id, born: new Date(0) }),
  ),
  put: route.put("/users", { body: User, response: { 200: User, 409: null } }, ({ body }) => body),
  any: route.all("/any/*rest", { response: { 200: t.String() } }, (ctx) => ctx.params.rest),
});

const program = `import { createClient } from "../../../src/client/index.ts";
import type { Api } from "./api";

const api = createClient<Api, "x-token">(process.argv[2]!, { headers: { "x-token": "t" } });
const user = await api.get("/users/:id/:tab?", { params: { id: 7 } }).orThrow();
const params = { id: 7, tab: "a" };
const again = await api.get("/users/:id/:tab?", { params, query: { page: 2 } });
const put = await api.put("/users", { body: user });
if (put.status === 409) put.body satisfies null;
const given = { params: { rest: "a/b" } };
const rest: string = await api.request("PURGE", "/any/*rest", given).orThrow();
if (put.status === 422) put.body.errors;
console.log(JSON.stringify([user.born.slice(0, 4), again.status, put.status, rest]));

export const unused = (): unknown[] => {
  const strict = createClient<Api>("/");
  return [
    // @ts-expect-error The token is missing.
    strict.get("/users/:id/:tab?", { params: { id: 7 } }),
    // @ts-expect-error A page is a number.
    api.get("/users/:id/:tab?", { params: { id: 7 }, query: { page: "2" } }),
    // @ts-expect-error No route has this path.
    api.get("/users"),
  ];
};
`;

/** What the compiler says of a program beside the declarations of these routes. */
async function saidOf(text: string, declarations: string): Promise<string> {
  writeFileSync(join(folder, "api.d.ts"), declarations);
  writeFileSync(join(folder, "program.ts"), text);
  return compiled(folder, "program.ts");
}

test("the written declarations are a map for the client", async () => {
  expect(await saidOf(program, clientTypes(app.routes()))).toBe("");
  const server = await app.serve("127.0.0.1:0");
  const command = [process.execPath, join(folder, "program.ts"), server.url];
  const { stdout, stderr } = await finish(command, { cwd: folder });
  await server.stop({ timeoutMs: 1000 });
  expect([stdout, stderr]).toEqual(['["1970",200,200,"a/b"]\n', ""]);
}, 60_000);

const comparison = `import type { Absent, Present } from "../../../test/client/_absent.ts";
import type { Api } from "./api";

type Equal<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
/** Keys whose answers differ. */
type Differing<Map> = {
  [Key in keyof Map]: Key extends keyof Api
    ? Map[Key] extends { readonly answers: infer Answers }
      ? Equal<Answers, Api[Key]["answers"]> extends true ? never : [Key, Answers]
      : Key
    : Key;
}[keyof Map];
const none = <_Differing extends never>(): void => {};
none<Differing<Absent>>();
none<Differing<Present>>();
`;

test("both forms of a map have 204 where a handler may give null or nothing", async () => {
  const routes = new Chopin().mount(absent).mount(present).routes();
  expect(await saidOf(comparison, clientTypes(routes))).toBe("");
}, 60_000);

test("that is what the server answers", async () => {
  const server = await new Chopin().mount(absent).serve("127.0.0.1:0");
  const api = createClient<Absent>(server.url);
  for (const { path } of Object.values(absent)) {
    const answer = await api.get(path);
    expect([path, answer.status]).toEqual([path, 204]);
    if (answer.status === 204) expect(answer.body satisfies null).toBeNull();
  }
  await server.stop({ timeoutMs: 1000 });
});
