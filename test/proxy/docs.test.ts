/** The code of the pages about proxies and limits runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";

const root = join(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "chopin-pages-"));
afterAll(() => rmSync(folder, { recursive: true }));

for (const page of ["limits", "proxies"]) {
  describe(`docs/${page}.md`, () => {
    const text = readFileSync(join(root, `docs/${page}.md`), "utf8");
    for (const [index, [, code = ""]] of [...text.matchAll(/^```ts\n(.*?)^```$/gms)].entries()) {
      test(`block ${index + 1}`, async () => {
        const file = join(folder, `${page}-${index}.ts`);
        const source = code.replaceAll('"chopin"', JSON.stringify(join(root, "src/index.ts")));
        writeFileSync(file, `${source}\nexport { app };\n`);
        const { app } = (await import(file)) as { app: Chopin };
        expect(app).toBeInstanceOf(Chopin);
        for (const { path } of app.routes()) {
          const response = await app.fetch(new Request(`http://localhost${path}`), { ip: "::1" });
          expect(response.status).toBe(200);
        }
        await app.stop();
      });
    }
  });
}
