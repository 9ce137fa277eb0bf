/** The code of the page about OpenAPI runs as it stands there, and compiles. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { openApiDocument } from "../../src/openapi/index.ts";
import { documentOptions } from "../../src/openapi/options.ts";
import { blocksIn, compiled, pageOf, withSources } from "../_pages.ts";
import { faultOf } from "./_valid.ts";

const root = join(import.meta.dir, "../..");
// Inside of the repository, where other libraries are found.
const folder = join(root, "node_modules/.cache/pages-openapi");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const page = pageOf("openapi.md");
const blocks = blocksIn(page);

describe("docs/openapi.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1}`, async () => {
      const file = join(folder, `block-${index}.ts`);
      const source = code.replaceAll("/tmp/openapi.yaml", join(folder, "openapi.yaml"));
      writeFileSync(file, `${withSources(source)}\nexport { app };\n`);
      const { app } = (await import(file)) as { app: Chopin };
      expect(app).toBeInstanceOf(Chopin);
      expect(await faultOf(openApiDocument(app))).toBeUndefined();
      for (const { method, path } of app.routes()) {
        const request = new Request(`http://localhost${path.replace(":id", "7")}`, { method });
        expect((await app.fetch(request)).status).toBeLessThan(500);
      }
    });
  }

  test("every block has the types that it shows", async () => {
    for (const [index, code] of blocks.entries()) {
      writeFileSync(join(folder, `typed-${index}.ts`), `${code}\nexport { app };\n`);
    }
    expect(await compiled(folder, "typed-*.ts")).toBe("");
  }, 60_000);

  test("names every option", () => {
    const own = ["json", "yaml", "docs", "production", "use"];
    for (const name of [...documentOptions, ...own]) expect(page).toContain(`\`${name}\``);
  });

  test("says of names what is so", () => {
    const item = openApiDocument(new Chopin().get("/users/:id", () => 1));
    expect(item.paths["/users/{id}"]?.get?.operationId).toBe("getUsersById");
  });
});
