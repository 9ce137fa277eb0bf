/** What the command says of itself, and of words that it does not know. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Programs, root } from "./_cli.ts";

const programs = new Programs();
afterAll(() => rmSync(programs.folder, { recursive: true }));

describe("help", () => {
  for (const words of [["--help"], ["help"], ["openapi", "--help"], ["help", "openapi"]]) {
    test(`of \`chopin ${words.join(" ")}\` fits a terminal of 80 columns`, async () => {
      const { code, stdout, stderr } = await programs.chopin(words);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toStartWith("Usage: chopin ");
      expect(stdout).toContain("openapi");
      expect(stdout.split("\n").filter((line) => line.length > 80 || /\s$/.test(line))).toEqual([]);
    });
  }

  test("has colours where they are wanted", async () => {
    const plain = (await programs.chopin(["openapi", "--help"])).stdout;
    const forced = (await programs.chopin(["openapi", "--help"], { FORCE_COLOR: "1" })).stdout;
    const refused = { FORCE_COLOR: "1", NO_COLOR: "1" };
    expect(forced).toContain("\x1b[1mUsage:\x1b[22m");
    expect(stripVTControlCharacters(forced)).toBe(plain);
    expect((await programs.chopin(["openapi", "--help"], refused)).stdout).toBe(plain);
  });

  test("is the answer to no command at all, as wrong usage", async () => {
    const { code, stdout, stderr } = await programs.chopin([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe((await programs.chopin(["--help"])).stdout);
  });

  test("names every command that has a file", async () => {
    const { stdout } = await programs.chopin(["--help"]);
    const files = [...new Bun.Glob("*.ts").scanSync(join(root, "src/cli"))];
    const commands = files.filter((name) => name !== "index.ts" && name !== "collect.ts");
    for (const name of commands) expect(stdout).toContain(`  ${name.replace(".ts", "")} `);
  });
});

test("the version is that of the package", async () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const flag of ["--version", "-v"]) {
    expect(await programs.chopin([flag])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: "",
    });
  }
});

describe("wrong usage ends with 2 and a line that says what to do:", () => {
  const cases: readonly (readonly [words: string, line: string])[] = [
    ["openap server.ts", "unknown command 'openap'\n(Did you mean openapi?)"],
    ["openapi server.ts --yml", "unknown option '--yml'\n(Did you mean --yaml?)"],
    ["openapi", "missing required argument 'entry'"],
    ["openapi a.ts b.ts", "too many arguments for 'openapi'. Expected 1 argument but got 2"],
    ["openapi a.ts --out", "option '-o, --out <file>' argument missing"],
    ["openapi a.ts --timeout soon", "It is a number of seconds, above 0 and up to 3600."],
    ["openapi a.ts --timeout 0", "It is a number of seconds, above 0 and up to 3600."],
    ["openapi a.ts --check", "--check compares with a file: name it by --out"],
    ["openapi a.ts --yaml --client", "--yaml is for the document, --client for declarations"],
    ["openapi a.ts --yaml --out a.json", "--yaml, but --out is a.json"],
    ["openapi a.ts --out a.txt", "--out ends in .json, .yaml or .yml, or say --yaml: a.txt"],
    ["openapi a.ts --out a.d.ts", "a.d.ts is for declarations: add --client"],
    ["openapi a.ts --client --out a.json", "--client writes declarations, so --out ends in .d.ts"],
  ];
  for (const [words, line] of cases) {
    test(words, async () => {
      const { code, stdout, stderr } = await programs.chopin(words.split(" "));
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toStartWith("chopin: ");
      expect(stderr).toContain(line);
    });
  }
});
