/** The code of the guide runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import * as middleware from "../../src/middleware/index.ts";

const root = join(import.meta.dir, "../..");
const guide = readFileSync(join(root, "docs/middleware.md"), "utf8");
const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
const folder = mkdtempSync(join(tmpdir(), "chopin-guide-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("docs/middleware.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1} makes an application that answers`, async () => {
      const file = join(folder, `block-${index}.ts`);
      const sources = { chopin: "src/index.ts", "chopin/middleware": "src/middleware/index.ts" };
      let program = `${code}\nexport { app };\n`;
      for (const [name, path] of Object.entries(sources)) {
        program = program.replaceAll(`"${name}"`, JSON.stringify(join(root, path)));
      }
      writeFileSync(file, program);
      const { app } = (await import(file)) as { app: Chopin };
      expect(app).toBeInstanceOf(Chopin);
      for (const { path } of app.routes()) {
        const response = await app.fetch(new Request(`http://localhost${path}`), { ip: "::1" });
        expect(response.status).toBeLessThan(500);
      }
    });
  }

  test("every middleware is in its table and in a block", () => {
    const helpers = ["MemoryRateLimitStore", "insufficientScope"];
    for (const name of Object.keys(middleware)) {
      if (!helpers.includes(name)) expect(guide).toContain(`| [\`${name}\`]`);
      expect([name, blocks.some((code) => code.includes(`${name}(`))]).toEqual([name, true]);
    }
  });
});
