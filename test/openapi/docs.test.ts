/** The code of the page about OpenAPI runs as it stands there, and compiles. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { openApiDocument } from "../../src/openapi/index.ts";
import { documentOptions } from "../../src/openapi/options.ts";
import { faultOf } from "./_valid.ts";

const root = join(import.meta.dir, "../..");
// Inside of the repository, where other libraries are found.
const folder = join(root, "node_modules/.cache/pages-openapi");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(join(root, "docs/openapi.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
const modules = { chopin: "src/index.ts", "chopin/openapi": "src/openapi/index.ts" };

describe("docs/openapi.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1}`, async () => {
      const file = join(folder, `block-${index}.ts`);
      let source = code.replaceAll("/tmp/openapi.yaml", join(folder, "openapi.yaml"));
      for (const [name, path] of Object.entries(modules)) {
        source = source.replaceAll(`"${name}"`, JSON.stringify(join(root, path)));
      }
      writeFileSync(file, `${source}\nexport { app };\n`);
      const { app } = (await import(file)) as { app: Chopin };
      expect(app).toBeInstanceOf(Chopin);
      expect(await faultOf(openApiDocument(app))).toBeUndefined();
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
    const paths = Object.entries(modules).map(([name, path]) => [name, [join(root, path)]]);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { paths: Object.fromEntries(paths) },
        include: ["typed-*.ts", join(root, "src/native/assets.d.ts")],
        exclude: [],
      }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = Bun.spawnSync([process.execPath, tsc, "--project", folder], { cwd: root });
    expect(stdout.toString()).toBe("");
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
