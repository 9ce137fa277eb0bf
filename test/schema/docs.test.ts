/** The code of the page about schemas runs as it stands there, and compiles. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { formats } from "../../src/schema/formats.ts";

const root = join(import.meta.dir, "../..");
// Inside of the repository, where other libraries are found.
const folder = join(root, "node_modules/.cache/pages-schemas");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(join(root, "docs/schemas.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);

describe("docs/schemas.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1}`, async () => {
      const file = join(folder, `block-${index}.ts`);
      const source = code.replaceAll('"chopin"', JSON.stringify(join(root, "src/index.ts")));
      writeFileSync(file, `${source}\nexport { app };\n`);
      const { app } = (await import(file)) as { app: Chopin };
      expect(app).toBeInstanceOf(Chopin);
      for (const { method, path } of app.routes()) {
        const request = new Request(`http://localhost${path.replace(":id", "7")}`, { method });
        expect((await app.fetch(request)).status).toBeLessThan(500);
      }
    });
  }

  test("every block has the types that it shows", () => {
    for (const [index, code] of blocks.entries()) {
      writeFileSync(join(folder, `typed-${index}.ts`), `${code}\nexport { app };\n`);
    }
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { paths: { chopin: [join(root, "src/index.ts")] } },
        include: ["typed-*.ts", join(root, "src/native/assets.d.ts")],
        exclude: [],
      }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = Bun.spawnSync([process.execPath, tsc, "--project", folder], { cwd: root });
    expect(stdout.toString()).toBe("");
  }, 60_000);

  test("names every format", () => {
    for (const name of Object.keys(formats)) expect(page).toContain(`\`${name}\``);
  });
});
