/** The page about the command line: its commands run, and give what it shows. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Programs, root } from "./_cli.ts";

const page = readFileSync(join(root, "docs/cli.md"), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(
    ([, code = ""]) => code,
  );
const [program = "", declarations = "", ...others] = blocks("ts");
const lines = blocks("sh").flatMap((block) => block.trimEnd().split("\n"));

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

  test("shows a program that compiles", () => {
    const folder = join(root, "node_modules/.cache/pages-cli");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "server.ts"), program);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { paths: { chopin: [join(root, "src/index.ts")] } },
        include: ["server.ts", join(root, "src/native/assets.d.ts")],
        exclude: [],
      }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = Bun.spawnSync([process.execPath, tsc, "--project", folder], { cwd: root });
    rmSync(folder, { recursive: true });
    expect(stdout.toString()).toBe("");
  }, 60_000);

  test("names every option", async () => {
    const { stdout } = await programs.chopin(["openapi", "--help"]);
    const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z]+)/gm)].map(([, flag = ""]) => flag);
    expect(flags.length).toBeGreaterThan(5);
    for (const flag of flags) if (flag !== "--help") expect(page).toMatch(new RegExp(`${flag}\\b`));
  });
});
