/** The code of the guide runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import * as middleware from "../../src/middleware/index.ts";
import { blocksIn, pageOf, withSources } from "../_pages.ts";

const guide = pageOf("middleware.md");
const blocks = blocksIn(guide);
const folder = mkdtempSync(join(tmpdir(), "chopin-guide-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("docs/middleware.md", () => {
  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1} makes an application that answers`, async () => {
      const file = join(folder, `block-${index}.ts`);
      writeFileSync(file, withSources(`${code}\nexport { app };\n`));
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
