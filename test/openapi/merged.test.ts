/** What is said of a document on an application that was merged, and schemas in many places. */
import { expect, test } from "bun:test";
import { Chopin, type Schema, t } from "../../src/index.ts";
import { openApiDocument } from "../../src/openapi/index.ts";

test("options of a merged application hold where there are none of its own", async () => {
  const scheme = { type: "http", scheme: "bearer" } as const;
  const plugin = new Chopin().openapi({
    info: { title: "Shop", version: "2.0.0" },
    securitySchemes: { token: scheme },
  });
  const secured = { security: [{ token: [] }] };
  const app = new Chopin().merge(plugin).get("/me", secured, () => "me");
  const served = await (await app.fetch(new Request("http://localhost/openapi.json"))).json();
  expect(openApiDocument(app)).toEqual(served as never);
  expect(served).toMatchObject({ info: { title: "Shop" }, paths: { "/me": {} } });
  const own = app.openapi({ info: { title: "Own", version: "1.0.0" }, json: "/own.json" });
  expect(() => openApiDocument(own)).toThrow(/token/);
});

test("a schema with a name is read once, in however many places it stands", () => {
  let shared: Schema = t.Object({ leaf: t.String() });
  // Two to the power of 24 ways lead to the leaf.
  for (let level = 0; level < 24; level++) {
    const twice: Record<string, never> = { one: shared as never, other: shared as never };
    shared = t.Object(twice, { $id: `Level${level}` });
  }
  const app = new Chopin().get("/", { response: shared as never }, () => null as never);
  const document = openApiDocument(app);
  expect(Object.keys(document.components?.schemas ?? {})).toContain("Level0");
});
