/** The document of an application: where its operations stand, and what they are called. */
import { describe, expect, test } from "bun:test";
import { Chopin, extract, t } from "../../src/index.ts";
import { openApiDocument, openApiYaml } from "../../src/openapi/index.ts";

/** `get getUsersById` and so on, by path. */
function operations(app: Chopin): Record<string, string[]> {
  const { paths } = openApiDocument(app);
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.entries(methods).map(([method, { operationId }]) => `${method} ${operationId}`),
    ]),
  );
}

describe("paths", () => {
  test("are those of the routes, with captures in braces", () => {
    const app = new Chopin()
      .get("/", "hello")
      .get("/users/:id", () => 1)
      .delete("/users/:uid", () => 1)
      .get("/café/{x}", () => 1)
      .nest(
        "/shops/:shop",
        new Chopin().post("/items", () => 1),
      );
    expect(operations(app)).toEqual({
      "/": ["get getRoot"],
      "/users/{id}": ["get getUsersById", "delete deleteUsersByUid"],
      "/caf%C3%A9/%7Bx%7D": ["get getCafX"],
      "/shops/{shop}/items": ["post postShopsByShopItems"],
    });
    const { paths } = openApiDocument(app);
    // OpenAPI takes paths for the same whose captures have other names.
    expect(paths["/users/{id}"]?.delete?.parameters?.map(({ name }) => name)).toEqual(["id"]);
  });

  test("are several where captures are optional", () => {
    const app = new Chopin().get("/log/:year(\\d{4})?/:month?", { operationId: "log" }, () => 1);
    expect(operations(app)).toEqual({
      "/log/{year}/{month}": ["get log"],
      "/log/{year}": ["get logWithoutMonth"],
      "/log": ["get logWithoutYearAndMonth"],
    });
    const year = openApiDocument(app).paths["/log/{year}"]?.get?.parameters;
    expect(year).toEqual([
      {
        name: "year",
        in: "path",
        required: true,
        schema: { type: "string", pattern: "^(?:\\d{4})$" },
      },
    ]);
  });

  test("are the same for the same routes", () => {
    const make = () => new Chopin().get("/b", () => 1).get("/a", () => 1);
    const text = JSON.stringify(openApiDocument(make()));
    expect(JSON.stringify(openApiDocument(make()))).toBe(text);
    expect(text).not.toContain(import.meta.dir);
  });
});

test("YAML says the same", () => {
  const Text = t.String({ enum: ["yes", "1e3", "\u2028", " x", "a: b", "#", "~", "\ud800"] });
  const app = new Chopin().get("/", { query: t.Object({ yes: Text, no: Text }) }, () => 1);
  const document = openApiDocument(app, { info: { title: "no", version: "1.0" } });
  const told = Bun.YAML.parse(openApiYaml(document));
  expect(JSON.stringify(told)).toBe(JSON.stringify(document).replaceAll("\\ud800", "\ufffd"));
});

test("a security scheme that is not defined is an error that names both", () => {
  const session = extract({ security: [{ session: ["read"] }] }, () => 1);
  const app = new Chopin().get("/me", { extract: { session } }, () => 1);
  expect(() => openApiDocument(app)).toThrow(
    /^GET \/me \(.*document\.test\.ts:\d+:\d+\) asks for the security scheme "session", which/,
  );
  const scheme = { type: "apiKey", in: "cookie", name: "sid" } as const;
  const document = openApiDocument(app, { securitySchemes: { session: scheme } });
  expect(document.components?.securitySchemes).toEqual({ session: scheme });
  expect(document.paths["/me"]?.get?.security).toEqual([{ session: ["read"] }]);
});
