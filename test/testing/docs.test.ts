/** The code of the page about tests compiles as it stands there, and runs under `bun test`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testOptions } from "../../src/testing/options.ts";
import { blocksIn, compiled, pageOf } from "../_pages.ts";
import { finish } from "../e2e/_process.ts";

const root = join(import.meta.dir, "../..");
const folder = join(root, "node_modules/.cache/pages-testing");
const page = pageOf("testing.md");
const [program = "", ...blocks] = blocksIn(page);
const env = { PATH: process.env.PATH ?? "" };

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "app.ts"), program);
  for (const [index, code] of blocks.entries()) {
    writeFileSync(join(folder, `block-${index}.test.ts`), `${code}\nexport {};\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("docs/testing.md", () => {
  test("shows tests that pass, now and with the files that they have written", async () => {
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = await finish([process.execPath, "test"], { cwd: folder, env });
      const count = blocks.join("").match(/^it\(/gm)?.length;
      expect(stderr).toContain(`\n ${count} pass\n 0 fail\n`);
      expect(code).toBe(0);
    }
    const document = JSON.parse(readFileSync(join(folder, "openapi.json"), "utf8"));
    expect(Object.keys(document.paths)).toContain("/users/{id}");
  });

  test("shows what expectOpenApi says", async () => {
    const changed = program
      .replace("response: User }, ({", "response: { 200: User, 404: null } }, ({")
      .replace('route.post("/users"', 'route.post("/people"');
    writeFileSync(join(folder, "app.ts"), changed);
    const { stderr } = await finish([process.execPath, "test", "block-5"], { cwd: folder, env });
    writeFileSync(join(folder, "app.ts"), program);
    const shown = /^```\n(The application.*?)^```$/ms.exec(page)?.[1]?.trim().split("\n") ?? [];
    expect(shown).toHaveLength(4);
    for (const line of shown) expect(stderr.replace("/people", "/users")).toContain(line);
  });

  test("every block has the types that it shows", async () => {
    expect(await compiled(folder, "*.ts")).toBe("");
  }, 60_000);

  test("names every option and member", () => {
    const members = [
      "advance",
      "until",
      "restore",
      "withinMs",
      "session",
      "serve",
      "fetch",
      "errors",
    ];
    const missing = [...testOptions, ...members].filter((name) => !page.includes(name));
    expect(missing).toEqual([]);
  });
});
