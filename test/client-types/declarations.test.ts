/** The declarations of `chopin openapi --client`: what they say, that they compile, and mean. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { clientTypes } from "../../src/client-types/declarations.ts";
import { Chopin, type Schema, t } from "../../src/index.ts";
import { compiled } from "../_pages.ts";
import { routes } from "./_program.ts";

const root = join(import.meta.dir, "../..");
// Inside of the repository, where `chopin` is its source.
const folder = join(root, "node_modules/.cache/client-types");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const declarations = clientTypes(new Chopin().mount(routes).routes());

function run(...command: string[]): string {
  const bin = join(root, "node_modules", command[0]!);
  const { stdout, stderr } = Bun.spawnSync([process.execPath, bin, ...command.slice(1)], {
    cwd: root,
    stdin: Buffer.from(declarations),
  });
  return stdout.toString() + stderr.toString();
}

/** The declarations of one route with this schema of its answer or its body. */
function declared(schemas: { readonly body?: Schema; readonly response?: Schema }): string {
  return clientTypes(new Chopin().post("/", schemas, () => null as never).routes());
}

/** The type of an answer, in one line. */
function answerOf(response: Schema): string {
  const text = declared({ response: t.Tuple([response as TSchema]) }).replaceAll(/\s+/g, " ");
  const [, type = ""] = /readonly 200: \[(.*)\];? \}/.exec(text) ?? [];
  return type.trim().replace(/,$/, "").replaceAll("; }", " }");
}

/** A schema that TypeBox does not build. */
function raw(schema: Readonly<Record<string, unknown>>): Schema {
  return t.Unsafe(schema);
}

describe("declarations", () => {
  test("are laid out as formatters want them", () => {
    const biome = ["@biomejs/biome/bin/biome", "format", "--line-width=80"];
    expect(run(...biome, "--stdin-file-path=api.d.ts")).toBe(declarations);
  });

  test("are the same for the same routes, need nothing and never give in", () => {
    expect(clientTypes(new Chopin().mount(routes).routes())).toBe(declarations);
    expect(declarations).not.toMatch(/\bany\b(?!")|^import|import\(/m);
    expect(declarations).not.toContain("hidden");
  });

  test("say what routes and schemas say of themselves", () => {
    const lines = ["/**", " * One user", " *", " * With the address.", " *"];
    const comment = [...lines, " * Of those who have one.", " */", 'readonly "GET /users/:id": {'];
    expect(declarations).toContain(comment.map((line) => `  ${line}\n`).join(""));
    expect(declarations).toContain('  /** @deprecated */\n  readonly "GET /search": {\n');
    expect(declarations).toContain("/** Somebody who logs in. */\nexport interface User {\n");
    expect(declarations).toContain(
      "      /**\n       * @default 1\n       * @deprecated\n       */\n      page?: number;\n",
    );
    expect(declarations).toContain("  /** As it is written *\\/ in a passport. */\n");
  });

  test("compile by themselves, strictly, with nothing but the language", () => {
    writeFileSync(join(folder, "api.d.ts"), declarations);
    writeFileSync(join(folder, "alone.ts"), alone);
    const flags = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--ignoreConfig"];
    const modules = ["--module", "preserve", "--lib", "esnext", "--types", ""];
    expect(run("typescript/bin/tsc", ...flags, ...modules, join(folder, "alone.ts"))).toBe("");
  }, 60_000);

  test("mean what the types of the source mean", async () => {
    writeFileSync(join(folder, "api.d.ts"), declarations);
    writeFileSync(join(folder, "shared.ts"), shared);
    expect(await compiled(folder, "shared.ts")).toBe("");
  }, 60_000);
});

const equal = `type Equal<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const same = <_ extends true>(): void => {};
`;

/** Of people who have the declarations and nothing else. */
const alone = `import type { Api, Contact, Tree, User, UserInput } from "./api";
${equal}
same<Equal<Api["GET /users/:id"]["answers"][200], User>>();
same<Equal<Api["GET /users/:id"]["answers"][204], null>>();
same<Equal<keyof Api["GET /users/:id"]["answers"], 200 | 204 | 404>>();
same<Equal<User["born"], string>>();
same<Equal<UserInput["born"], string | Date>>();
same<Equal<Tree["children"][number]["children"], Tree[]>>();
same<Equal<Api["POST /contacts"]["answers"][201], Contact>>();
const body: Api["POST /users"]["body"] = { id: 1, name: "Kim", born: new Date(), role: "user" };
same<Equal<typeof body.address, { street: string; "zip-code"?: string } | undefined>>();
// @ts-expect-error The role is one of two.
const wrong: UserInput = { ...body, role: "guest" };
// @ts-expect-error It has a session.
const cookies: Api["GET /mine"]["cookies"] = {};
const query: Api["GET /mine"]["query"] = {};
// @ts-expect-error Hidden routes are nobody's.
type Hidden = Api["GET /hidden"];
export { cookies, query, wrong, type Hidden };
`;

/** Of people who share the source: the same, but for dates on their way. */
const shared = `import type { RoutesOf } from "chopin";
import type { Api } from "./api";
import type { routes } from "${join(import.meta.dir, "_program.ts")}";
${equal}
type Shared = RoutesOf<typeof routes>;
/** A value behind JSON. */
type Received<T> = T extends Date
  ? string
  : T extends object
    ? { [Name in keyof T]: Received<T[Name]> }
    : T;
/** A value that a client sends. */
type Sent<T> = T extends Date
  ? string | Date
  : T extends object
    ? { [Name in keyof T]: Sent<T[Name]> }
    : T;
/** In both directions: what is an interface in one of them is a literal in the other. */
type Alike<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

type Same =
  | "GET /plain" | "GET /files/:drive/:version?/*path" | "GET /users/:id" | "POST /users"
  | "GET /search" | "PUT /shapes" | "POST /tree" | "POST /contacts" | "* /any";
same<Equal<Same, Exclude<keyof Shared, "GET /mine" | "GET /hidden">>>();
same<Equal<keyof Api, Exclude<keyof Shared, "GET /hidden">>>();
type Parts = "params" | "query" | "headers" | "cookies" | "body";
type PartsAlike = {
  [Key in Same]: { [Part in Parts]: Alike<Api[Key][Part], Sent<Shared[Key][Part]>> }[Parts];
}[Same];
same<Equal<PartsAlike, true>>();
// Those without a schema of their answer are known to the source alone.
type Declared =
  | "GET /users/:id" | "POST /users" | "GET /search" | "POST /tree" | "POST /contacts"
  | "PUT /shapes";
type AnswersAlike = {
  [Key in Declared]: Alike<Api[Key]["answers"], Received<Shared[Key]["answers"]>>;
}[Declared];
same<Equal<AnswersAlike, true>>();
// To the letter, where nothing is on its way as something else.
same<Equal<Api["GET /plain"]["params"], Shared["GET /plain"]["params"]>>();
type Files = "GET /files/:drive/:version?/*path";
same<Equal<Api[Files]["params"], Shared[Files]["params"]>>();
same<Equal<Api["GET /users/:id"]["params"], Shared["GET /users/:id"]["params"]>>();
same<Equal<Api["GET /search"]["headers"], Shared["GET /search"]["headers"]>>();
same<Equal<Api["GET /search"]["cookies"], Shared["GET /search"]["cookies"]>>();
same<Equal<Api["PUT /shapes"]["body"], Shared["PUT /shapes"]["body"]>>();
same<Equal<Api["POST /contacts"]["body"], Shared["POST /contacts"]["body"]>>();
`;

describe("a schema", () => {
  const cases: readonly (readonly [string, Schema, string])[] = [
    ["of any value", t.Any(), "unknown"],
    ["of no value", t.Never(), "never"],
    ["that is an integer", t.Integer(), "number"],
    ["of literals", t.Union([t.Literal(1), t.Literal("a"), t.Literal(false)]), '1 | "a" | false'],
    ["of a literal with quotes", t.Literal('it\'s "so"'), `'it\\'s "so"'`],
    ["of an enumeration", raw({ enum: ["a", null, 2] }), '"a" | null | 2'],
    ["of a constant object", raw({ const: { a: [1, "b"] } }), '{ a: [1, "b"] }'],
    ["of several types", raw({ type: ["string", "null"] }), "string | null"],
    ["that is nullable", raw({ type: "string", nullable: true }), "string | null"],
    ["of an array of unions", t.Array(t.Union([t.String(), t.Null()])), "(string | null)[]"],
    ["of an array of anything", raw({ type: "array" }), "unknown[]"],
    [
      "of an open tuple",
      raw({ prefixItems: [{ type: "string" }], items: { type: "number" } }),
      "[string, ...number[]]",
    ],
    [
      "of a tuple that may end",
      raw({ prefixItems: [{ type: "string" }, { type: "null" }], items: false, minItems: 1 }),
      "[string, null?]",
    ],
    [
      "of an object that is open",
      t.Object({ a: t.String() }, { additionalProperties: true }),
      "{ a: string; [name: string]: unknown }",
    ],
    [
      "of an object with others",
      t.Object({ a: t.Optional(t.Null()) }, { additionalProperties: t.Number() }),
      "{ a?: null; [name: string]: number | null | undefined }",
    ],
    ["of an object of any kind", raw({ type: "object" }), "{ [name: string]: unknown }"],
    [
      "of keys of an enumeration",
      raw({
        type: "object",
        propertyNames: { enum: ["a", "b"] },
        additionalProperties: { type: "null" },
        required: ["a"],
      }),
      "{ a: null; b?: null }",
    ],
    ["of keys of a pattern", t.Record(t.RegExp(/^x/), t.Boolean()), "{ [name: string]: boolean }"],
    ["without a type", raw({ properties: { a: { type: "string" } } }), "{ a?: string }"],
    [
      "of objects that are all held",
      t.Intersect([t.Object({ a: t.Null() }), t.Union([t.Object({}), t.Null()])]),
      "{ a: null } & ({} | null)",
    ],
    [
      "of several that are one",
      raw({ oneOf: [{ type: "string" }, { type: "string", minLength: 1 }] }),
      "string",
    ],
    [
      "of keys that are no names",
      raw({ properties: { "a-b": true, "1": true, "": true, constructor: true } }),
      '{ "1"?: unknown; "a-b"?: unknown; ""?: unknown; constructor?: unknown }',
    ],
    ["that refers elsewhere", raw({ $ref: "https://example.org/schema.json" }), "unknown"],
  ];
  for (const [what, schema, type] of cases) {
    test(what, () => expect(answerOf(schema)).toBe(type));
  }
});

describe("a type with a name", () => {
  test("is two where what is sent differs from what comes back", () => {
    const Item = t.Object({ at: t.Date(), count: t.Integer({ default: 1 }) }, { $id: "Item" });
    const text = declared({ body: Item, response: Item });
    expect(text).toContain("readonly body: ItemInput;");
    expect(text).toContain("readonly answers: { readonly 200: Item };");
    expect(text).toContain("at: string;\n  /** @default 1 */\n  count: number;\n");
    expect(text).toContain("at: string | Date;\n  /** @default 1 */\n  count?: number;\n");
  });

  test("is two through what it refers to", () => {
    const Day = t.Object({ at: t.Date() }, { $id: "Day" });
    const Week = t.Object({ days: t.Array(Day) }, { $id: "Week" });
    const text = declared({ body: Week, response: Week });
    expect(text).toContain("export interface WeekInput {\n  days: DayInput[];\n}");
    expect(text).toContain("export interface Week {\n  days: Day[];\n}");
  });

  test("has a name that the language takes, and no other type's", () => {
    const named = (id: string) => t.Object({ [id]: t.Null() }, { $id: id });
    const ids = ["string", "Date", "Api", "user-list", "user.list", "3d", "UserList", "Zürich"];
    const text = declared({ response: t.Tuple(ids.map(named)) });
    const names = [...text.matchAll(/^export interface (\S+) \{$/gm)].map(([, name]) => name);
    expect(names.toSorted()).toEqual([
      "Api",
      "ApiType",
      "DateType",
      "StringType",
      "Type3d",
      "UserList",
      "UserList2",
      "UserList3",
      "Z_rich",
    ]);
  });

  test("is given to what contains itself", () => {
    const Tree = t.Recursive((This) => t.Object({ inner: t.Array(This) }));
    const text = declared({ response: Tree });
    expect(text).toContain("export interface PostAnswer {\n  inner: PostAnswer[];\n}");
  });

  test("may be anything but an object", () => {
    const long = ["a", "b", "c"].map((letter) => t.Literal(letter.repeat(30)));
    const text = declared({ response: t.Union(long, { $id: "Letters" }) });
    expect(text).toContain('export type Letters =\n  | "aaa');
  });
});

test("answers of bytes are bytes", () => {
  expect(declared({ response: t.Uint8Array() })).toContain("{ readonly 200: Uint8Array };");
});

test("an application without routes has none", () => {
  expect(clientTypes([])).toEndWith("export interface Api {}\n");
});
