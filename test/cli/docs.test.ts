/** The page about the command line: its commands run, and give what it shows. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocksIn, compiled, pageOf } from "../_pages.ts";
import { Programs, root } from "./_cli.ts";

const page = pageOf("cli.md");
const [program = "", declarations = "", ...others] = blocksIn(page);
const lines = blocksIn(page, "sh").flatMap((block) => block.trimEnd().split("\n"));

const programs = new Programs();
afterAll(() => rmSync(programs.folder, { recursive: true }));
programs.write("server.ts", program);

describe("docs/cli.md", () => {
  test("has a program, its declarations, and commands", () => {
    expect([others.length, lines.length]).toEqual([0, 5]);
  });

  for (const line of lines) {
    test(line, async () => {
      const [bunx, chopin, ...words] = line.split(" ");
      expect([bunx, chopin]).toEqual(["bunx", "chopin"]);
      const { code, stdout, stderr } = await programs.chopin(words);
      expect([code, stdout]).toEqual([0, ""]);
      expect(stderr).toMatch(/^chopin: (wrote \S+|\S+ is up to date)\n$/);
    });
  }

  test("shows the declarations of its program", () => {
    const text = readFileSync(programs.path("api.d.ts"), "utf8");
    expect(text.slice(text.indexOf("export interface Api"))).toBe(declarations);
  });

  test("shows a program that compiles", async () => {
    const folder = join(root, "node_modules/.cache/pages-cli");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "server.ts"), program);
    const said = await compiled(folder, "server.ts");
    rmSync(folder, { recursive: true });
    expect(said).toBe("");
  }, 60_000);

  test("names every option", async () => {
    const { stdout } = await programs.chopin(["openapi", "--help"]);
    const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z]+)/gm)].map(([, flag = ""]) => flag);
    expect(flags.length).toBeGreaterThan(5);
    for (const flag of flags) if (flag !== "--help") expect(page).toMatch(new RegExp(`${flag}\\b`));
  });
});
