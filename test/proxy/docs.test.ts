/** The code of the pages about proxies and limits runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { blocksIn, pageOf, withSources } from "../_pages.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-pages-"));
afterAll(() => rmSync(folder, { recursive: true }));

for (const page of ["limits", "proxies"]) {
  describe(`docs/${page}.md`, () => {
    for (const [index, code] of blocksIn(pageOf(`${page}.md`)).entries()) {
      test(`block ${index + 1}`, async () => {
        const file = join(folder, `${page}-${index}.ts`);
        writeFileSync(file, `${withSources(code)}\nexport { app };\n`);
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
