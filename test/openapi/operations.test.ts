/** What an operation says: its name, its parameters, its answers. */
import { describe, expect, test } from "bun:test";
import * as z from "zod";
import { Chopin, extract, HTTPError, type Schema, t } from "../../src/index.ts";
import {
  type OpenApiOperation,
  type OpenApiPath,
  openApiDocument,
} from "../../src/openapi/index.ts";
import { faultOf } from "./_valid.ts";

const never = () => null as never;

/** The document of an application, which has to be valid. */
async function pathsOf(app: Chopin): Promise<Readonly<Record<string, OpenApiPath>>> {
  const document = openApiDocument(app);
  expect(await faultOf(document)).toBeUndefined();
  return document.paths;
}

/** The operation of an application that has one. */
function only(app: Chopin): OpenApiOperation {
  const [path] = Object.values(openApiDocument(app).paths);
  return Object.values(path ?? {})[0] as OpenApiOperation;
}

async function names(app: Chopin): Promise<string[]> {
  const paths = Object.values(await pathsOf(app));
  return paths.flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
}

describe("names of operations", () => {
  test("follow from method and path", async () => {
    const app = new Chopin()
      .get("/", never)
      .get("/user-groups/:groupId/members", never)
      .put("/v1.2/:id(\\d+)", never)
      .get("/files/*", never)
      .on("M-SEARCH", "/all", never);
    expect(openApiDocument(app).paths["/all"]?.["x-additionalOperations"]).toEqual({
      "M-SEARCH": expect.objectContaining({
        operationId: "mSearchAll",
      }),
    });
    expect((await names(app)).slice(0, 4)).toEqual([
      "getRoot",
      "getUserGroupsByGroupIdMembers",
      "putV12ById",
      "getFilesByRest",
    ]);
  });

  test("stay when routes are added, before or behind", async () => {
    const paths = ["/a/b", "/a-b", "/a/b/", "/by/id", "/:id", "/aB"];
    const named = async (list: readonly string[]) => {
      const app = new Chopin();
      for (const path of list) app.get(path, never);
      const found = openApiDocument(app).paths;
      return new Map(Object.entries(found).map(([path, { get }]) => [path, get?.operationId]));
    };
    const all = await named(paths);
    expect(new Set(all.values()).size).toBe(paths.length);
    expect([all.get("/a/b"), all.get("/{id}")]).toEqual(["getAB", "getById"]);
    expect(all.get("/a-b")).toMatch(/^getAB_[a-z0-9]+$/);
    expect(await named(paths.toReversed())).toEqual(new Map([...all].toReversed()));
    expect((await named(["/a/b"])).get("/a/b")).toBe("getAB");
  });

  test("that were given go before others, and are one each", async () => {
    const app = new Chopin().get("/a", never).get("/b", { operationId: "getA" }, never);
    expect(await names(app)).toEqual([expect.stringMatching(/^getA_\w+$/), "getA"]);
    app.post("/c", { operationId: "getA" }, never);
    expect(() => openApiDocument(app)).toThrow(
      /^The operationId "getA" is that of GET \/b \(.*\) and of POST \/c \(.*\): give one/,
    );
  });
});

describe("methods", () => {
  test("of a route for all are those that no other has", async () => {
    const app = new Chopin()
      .all("/x/:id", { operationId: "any" }, never)
      .get("/x/:id", { operationId: "one" }, never)
      .head("/x/:id", never)
      .options("/x/:id", never);
    const path = (await pathsOf(app))["/x/{id}"]!;
    const told = Object.entries(path).map(
      ([method, { operationId }]) => `${method} ${operationId}`,
    );
    expect(told).toEqual([
      "get one",
      "post anyPost",
      "put anyPut",
      "patch anyPatch",
      "delete anyDelete",
      "head headXById",
      "options optionsXById",
    ]);
  });

  test("that OpenAPI has no place for stand beside the others", async () => {
    const paths = await pathsOf(new Chopin().on("PROPFIND", "/d", { summary: "S" }, never));
    expect(paths["/d"]).toEqual({
      "x-additionalOperations": {
        PROPFIND: expect.objectContaining({ operationId: "propfindD", summary: "S" }),
      },
    });
  });
});

test("where paths are one to OpenAPI, the route has the place that is tried first", async () => {
  const app = new Chopin()
    .get("/*rest", { operationId: "rest" }, never)
    .get("/:name", { operationId: "name", description: "By name." }, never)
    .get("/:id(\\d+)", { operationId: "id", description: "By number." }, never)
    .post("/:other", { operationId: "post" }, never)
    .get("/secret", { hidden: true }, never);
  const paths = await pathsOf(app);
  expect(Object.keys(paths)).toEqual(["/{rest}"]);
  const { get, post } = paths["/{rest}"]!;
  expect([get?.operationId, post?.operationId]).toEqual(["id", "post"]);
  expect(get?.description).toMatch(/^By number\.\n\n.*`GET \/:name`.*\n\n.*`GET \/\*rest`/s);
  expect(post?.description).toBeUndefined();
});

test("where constraints share a path, the description names every other route", async () => {
  const app = new Chopin()
    .get("/:id(\\d+)/:tab?", { operationId: "id" }, never)
    .get("/:slug([a-z-]+)", { operationId: "slug" }, never)
    .get("/:name", { operationId: "name" }, never)
    .all("/:any(\\d+)", never)
    .all("/:code([A-Z]+)", never);
  const { get, post } = (await pathsOf(app))["/{id}"]!;
  const others = (text = "") => [...text.matchAll(/`([A-Z*]+ \S+)`/g)].map(([, route]) => route);
  expect(get?.operationId).toBe("idWithoutTab");
  expect(others(get?.description)).toEqual([
    "GET /:slug([a-z-]+)",
    "* /:code([A-Z]+)",
    "GET /:name",
  ]);
  expect(others(post?.description)).toEqual(["* /:code([A-Z]+)"]);
});

describe("parameters", () => {
  test("have what their schemas say of them", async () => {
    const { parameters } = only(
      new Chopin().get(
        "/:id([a-z\\-]+)/:n(\\d+)",
        {
          params: t.Object({ n: t.Integer(), other: t.Optional(t.String()) }),
          query: t.Object({
            tag: t.Union([t.Array(t.String()), t.Null()]),
            page: t.Integer({ default: () => 1, description: "From 1.", deprecated: true }),
          }),
          headers: t.Object({
            "x-ids": t.Array(t.Integer()),
            authorization: t.String(),
            accept: t.Optional(t.String()),
          }),
          cookies: t.Object({ sid: t.String() }),
        },
        never,
      ),
    );
    const list = (type: string) => ({ type: "array", items: { type } });
    expect(parameters).toEqual([
      {
        name: "id",
        in: "path",
        required: true,
        schema: { type: "string", pattern: "^(?:[a-z\\-]+)$" },
      },
      { name: "n", in: "path", required: true, schema: { type: "integer" } },
      {
        name: "tag",
        in: "query",
        required: true,
        style: "form",
        explode: true,
        schema: { anyOf: [list("string"), { type: "null" }] },
      },
      {
        name: "page",
        in: "query",
        description: "From 1.",
        deprecated: true,
        schema: { type: "integer" },
      },
      {
        name: "x-ids",
        in: "header",
        required: true,
        style: "simple",
        explode: false,
        schema: list("integer"),
      },
      { name: "sid", in: "cookie", required: true, schema: { type: "string" } },
    ]);
  });

  /** `name`, with "!" where it is required, and its schema. */
  function query(schema: Schema): Record<string, unknown> {
    const { parameters = [] } = only(new Chopin().get("/", { query: schema }, never));
    return Object.fromEntries(
      parameters.map(({ name, required, schema: own }) => [name + (required ? "!" : ""), own]),
    );
  }

  const text = { type: "string" };

  test("are found in schemas of every make", async () => {
    const A = t.Object({ a: t.String(), c: t.String() });
    const B = t.Object({ b: t.Optional(t.String()), c: t.Optional(t.Integer()) });
    const c = [text, { type: "integer" }];
    expect(query(t.Intersect([A, B]))).toEqual({ "a!": text, b: text, "c!": { allOf: c } });
    expect(query(t.Union([A, B]))).toEqual({ a: text, b: text, c: { anyOf: c } });
    expect(query(t.Module({ A, D: t.Ref("A") }).Import("D"))).toEqual({
      "a!": text,
      "c!": text,
    });
    const kinds = z.discriminatedUnion("k", [
      z.object({ k: z.literal("x"), one: z.string() }),
      z.object({ k: z.literal("y"), two: z.string().default("2") }),
    ]);
    expect(query(kinds)).toEqual({
      "k!": {
        anyOf: [
          { type: "string", const: "x" },
          { type: "string", const: "y" },
        ],
      },
      one: text,
      two: { type: "string", default: "2" },
    });
    const named = z.object({ a: z.string() }).meta({ id: "Query" });
    expect(query(named)).toEqual({ "a!": text });
  });

  test("that nobody has named are one that stands for all", async () => {
    const number = { type: "number" };
    const open = { type: "object", additionalProperties: number };
    expect(query(t.Record(t.String(), t.Number()))).toEqual({ others: open });
    expect(query(z.record(z.string(), z.number()))).toEqual({ others: open });
    expect(query(t.Object({ others: t.String() }, { additionalProperties: true }))).toEqual({
      "others!": text,
      otherFields: { type: "object", additionalProperties: {} },
    });
    expect(query(t.Object({ a: t.String() }, { additionalProperties: false }))).toEqual({
      "a!": text,
    });
  });

  test("that route and extractor ask for have to be as both say", async () => {
    const paged = extract(
      { query: t.Object({ page: t.Integer(), size: t.Integer({ default: 10 }) }) },
      ({ query: { page } }) => page,
    );
    const { parameters } = only(
      new Chopin().get(
        "/",
        { query: t.Object({ page: t.Optional(t.Integer({ maximum: 9 })) }), extract: { paged } },
        never,
      ),
    );
    expect(parameters).toEqual([
      {
        name: "page",
        in: "query",
        required: true,
        schema: { allOf: [{ type: "integer", maximum: 9 }, { type: "integer" }] },
      },
      { name: "size", in: "query", schema: { type: "integer", default: 10 } },
    ]);
  });
});

describe("bodies", () => {
  test("may be absent where the schema says so", async () => {
    const Body = t.Object({ a: t.String() });
    const bodies: [Schema, boolean][] = [
      [Body, true],
      [t.Optional(Body), false],
      [t.Object({}, { default: {} }), false],
      [t.Union([Body, t.Undefined()]), false],
      [t.Unknown(), false],
      [z.object({ a: z.string() }), true],
      [z.object({ a: z.string() }).optional(), false],
      [z.object({ a: z.string() }).refine(async () => true), true],
    ];
    for (const [body, required] of bodies) {
      const { requestBody } = only(new Chopin().post("/", { body }, never));
      expect(requestBody?.required).toBe(required);
    }
  });

  test("are not spoken of where no schema does", async () => {
    const app = new Chopin().post("/", { streamBody: true }, never);
    expect(only(app)).toEqual({
      operationId: "postRoot",
      responses: { default: { description: "An answer that no schema describes." } },
    });
  });
});

describe("answers", () => {
  /** Media types and references, by status. */
  function answers(app: Chopin): Record<string, unknown> {
    const { responses } = only(app);
    return Object.fromEntries(
      Object.entries(responses).map(([status, response]) => {
        if ("$ref" in response) return [status, response.$ref.split("/").at(-1)];
        const types = Object.keys(response.content ?? {});
        return [status, [response.description, ...types].join(", ")];
      }),
    );
  }
  const get = (response: Schema | Record<number, Schema | null>) =>
    answers(new Chopin().get("/", { response }, never));
  const json = "application/json";
  const plain = "text/plain";

  test("have the media type in which values go out", async () => {
    const of = (schema: Schema) => get(schema)[200];
    expect(of(t.Object({}))).toBe(`OK, ${json}`);
    expect(of(t.String())).toBe(`OK, ${plain}`);
    expect(of(z.enum(["a", "b"]))).toBe(`OK, ${plain}`);
    expect(of(t.Literal("a"))).toBe(`OK, ${plain}`);
    expect(of(t.Integer())).toBe(`OK, ${json}`);
    expect(of(t.Date())).toBe(`OK, ${json}`);
    expect(of(t.Uint8Array())).toBe("OK, application/octet-stream");
    expect(of(t.Union([t.String(), t.Integer()]))).toBe(`OK, ${json}, ${plain}`);
    expect(of(t.Any())).toBe(`OK, ${json}, ${plain}`);
    // Nothing is known of it.
    expect(of({ "~standard": { version: 1, vendor: "x", validate: never } })).toBe("OK");
  });

  test("are empty where values are", async () => {
    expect(get({ 204: null, 201: null, 205: t.String() })).toEqual({
      201: "Created",
      204: "No Content",
      205: "Reset Content",
      default: "Problem",
    });
    expect(get(t.Union([t.Object({}), t.Null()]))).toEqual({
      200: `OK, ${json}`,
      204: "No Content",
      default: "Problem",
    });
    expect(get(t.Void())).toEqual({ 204: "No Content", default: "Problem" });
    const head = new Chopin().head("/", { query: t.Object({}), response: t.Object({}) }, never);
    expect(answers(head)).toEqual({
      200: "OK",
      422: "Unprocessable Content",
      default: "An error.",
    });
  });

  test("of a handler that returns null are 204, as told", async () => {
    const response = { 200: t.Union([t.Object({}), t.Null()]) };
    const app = new Chopin().get("/", { response }, () => null);
    expect((await app.fetch(new Request("http://localhost/"))).status).toBe(204);
  });

  test("of a handler that returns nothing are 204, as told", async () => {
    const text = `OK, ${plain}`;
    for (const response of [t.Union([t.String(), t.Undefined()]), z.string().optional()]) {
      const app = new Chopin().get("/", { response }, () => undefined);
      expect((await app.fetch(new Request("http://localhost/"))).status).toBe(204);
      expect(answers(app)).toEqual({ 200: text, 204: "No Content", default: "Problem" });
    }
    expect(get(t.String({ default: "" }))).toEqual({ 200: text, default: "Problem" });
  });

  test("that schemas and bodies bring are told, beside those of the route", async () => {
    const own = t.Object({ reason: t.String() });
    const post = (options: object) => answers(new Chopin().post("/", options, never));
    expect(post({ body: own, response: { 201: own } })).toEqual({
      201: `Created, ${json}`,
      400: "InvalidJson",
      415: "UnsupportedMediaType",
      422: "ValidationProblem",
      default: "Problem",
    });
    // Who sends nonsense still gets the usual document.
    expect(post({ query: own, response: { 200: own, 422: own } })).toEqual({
      200: `OK, ${json}`,
      422: `Unprocessable Content, ${json}, application/problem+json`,
      default: "Problem",
    });
  });

  test("of hooks are not made up", async () => {
    const route = () =>
      new Chopin().post("/", { body: t.Object({}), response: t.Object({}) }, never);
    expect(answers(route().onInvalid(() => "wrong"))).toEqual({
      200: `OK, ${json}`,
      400: "InvalidJson",
      415: "UnsupportedMediaType",
      default: "Problem",
    });
    const ok = { 200: `OK, ${json}` };
    expect(answers(route().onError(() => "wrong"))).toEqual(ok);
    const nested = new Chopin().nest("/a", new Chopin().nest("/b", route()));
    expect(answers(nested.onError(() => "wrong"))).toEqual(ok);
    const beside = new Chopin().nest("/a", route());
    beside.nest(
      "/b",
      new Chopin().onError(() => "wrong"),
    );
    expect(answers(beside)).toHaveProperty("422", "ValidationProblem");
    const merged = new Chopin().merge(new Chopin().onError(() => "wrong")).merge(route());
    expect(answers(merged)).toEqual(ok);
  });

  test("of extractors are problems", async () => {
    const user = extract({ response: { 401: null, 403: t.Object({ why: t.String() }) } }, () => {
      throw new HTTPError(401, "no_user");
    });
    const app = new Chopin().get(
      "/",
      { extract: { user }, response: { 200: t.Object({}) } },
      never,
    );
    const problem = "application/problem+json";
    expect(answers(app)).toEqual({
      200: `OK, ${json}`,
      401: `Unauthorized, ${problem}`,
      403: `Forbidden, ${problem}`,
      default: "Problem",
    });
    expect((await app.fetch(new Request("http://localhost/"))).headers.get("content-type")).toBe(
      problem,
    );
    const Own = t.Object({ own: t.Boolean() });
    const both = new Chopin().get(
      "/",
      { extract: { user }, response: { 401: Own, 403: Own } },
      never,
    );
    expect(answers(both)).toMatchObject({
      401: `Unauthorized, ${json}, ${problem}`,
      403: `Forbidden, ${json}, ${problem}`,
    });
    // What the handler answers by itself nobody knows.
    expect(answers(new Chopin().get("/", { extract: { user } }, never))).toEqual({
      401: `Unauthorized, ${problem}`,
      403: `Forbidden, ${problem}`,
      default: "An answer that no schema describes.",
    });
  });

  test("that are constant are known by their type, not their value", async () => {
    const constants: [unknown, Record<string, unknown>][] = [
      [{ secret: "s3cret" }, { 200: `OK, ${json}`, default: "Problem" }],
      ["s3cret", { 200: `OK, ${plain}`, default: "Problem" }],
      [7, { 200: `OK, ${json}`, default: "Problem" }],
      [null, { 204: "No Content", default: "Problem" }],
      [new Response("s3cret"), { default: "An answer that no schema describes." }],
    ];
    for (const [constant, expected] of constants) {
      const app = new Chopin().get("/", constant as string);
      expect(answers(app)).toEqual(expected);
      expect(JSON.stringify(openApiDocument(app))).not.toContain("s3cret");
    }
  });

  test("of a wrong status are an error with the route's place", () => {
    const app = new Chopin().get("/a", { response: { 700: t.String() } } as object, never);
    expect(() => openApiDocument(app)).toThrow(/^GET \/a \(.*:\d+\): a response has a status/);
  });
});

describe("security", () => {
  const scheme = { type: "http", scheme: "bearer" } as const;
  const securitySchemes = { a: scheme, b: scheme, c: scheme };

  test("of several extractors has to be met in one of the ways of each", () => {
    const either = extract({ security: [{ a: ["x"] }, { b: [] }] }, () => 1);
    const also = extract({ security: [{ a: ["y"], c: [] }] }, () => 1);
    const app = new Chopin()
      .get("/both", { extract: { either, also } }, never)
      .get("/own", { extract: { either }, security: [] }, never)
      .get("/none", never);
    const { paths, security } = openApiDocument(app, { securitySchemes, security: [{ c: [] }] });
    expect(security).toEqual([{ c: [] }]);
    expect(paths["/both"]?.get?.security).toEqual([
      { a: ["x", "y"], c: [] },
      { b: [], a: ["y"], c: [] },
    ]);
    expect(paths["/own"]?.get?.security).toEqual([]);
    const called = extract({ security: [{ constructor: [] }] }, () => 1);
    const inherited = { ...securitySchemes, constructor: scheme };
    const odd = new Chopin().get("/", { extract: { either, called } }, never);
    expect(openApiDocument(odd, { securitySchemes: inherited }).paths["/"]?.get?.security).toEqual([
      { a: ["x"], constructor: [] },
      { b: [], constructor: [] },
    ]);
    expect(paths["/none"]?.get).not.toHaveProperty("security");
  });

  test("of all routes names a scheme that is there", () => {
    expect(() => openApiDocument(new Chopin(), { security: [{ toString: [] }] })).toThrow(
      /^security asks for the security scheme "toString"/,
    );
  });
});
