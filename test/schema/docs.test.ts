/** The code of the page about schemas runs as it stands there, and compiles. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { formats } from "../../src/schema/formats.ts";
import { blocksIn, compiled, pageOf, withSources } from "../_pages.ts";

const root = join(import.meta.dir, "../..");
// Inside of the repository, where other libraries are found.
const folder = join(root, "node_modules/.cache/pages-schemas");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const page = pageOf("schemas.md");
const blocks = blocksIn(page);

describe("docs/schemas.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1}`, async () => {
      const file = join(folder, `block-${index}.ts`);
      writeFileSync(file, `${withSources(code)}\nexport { app };\n`);
      const { app } = (await import(file)) as { app: Chopin };
      expect(app).toBeInstanceOf(Chopin);
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

  test("names every format", () => {
    for (const name of Object.keys(formats)) expect(page).toContain(`\`${name}\``);
  });
});
