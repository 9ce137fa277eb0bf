/** House style that no formatter knows, as a test: what a reader may rely on in every file. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const columnsMax = 100;
/** Lines without tests: about 400, and a third more where one subject needs them. */
const zigLinesMax = 533;
/** A backend of the reactor is one state machine, whose transitions are read together. */
const zigBackendLinesMax = 900;
const typeScriptLinesMax = 250;
const functionLinesMax = 70;

const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
});
const files = listed.stdout
  .toString()
  .split("\n")
  .filter((path) => /\.(ts|zig)$/.test(path) && Bun.file(join(root, path)).size > 0)
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
const zig = files.filter(({ path }) => path.endsWith(".zig"));
const typeScript = files.filter(({ path }) => path.endsWith(".ts"));

/** `path:line` of each line that `wrong` finds fault with. */
function lines(among: typeof files, wrong: (line: string, path: string) => boolean): string[] {
  return among.flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, index) =>
        wrong(line, path) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}

/** Tests stand at the end of a Zig file and are not counted. */
function linesWithoutTests(text: string): number {
  const all = text.split("\n");
  const first = all.findIndex((line) => /^test\b/.test(line));
  return first < 0 ? all.length : first;
}

describe("tidy", () => {
  test("the repository's files are found", () => {
    expect(zig.length).toBeGreaterThan(0);
    expect(typeScript.length).toBeGreaterThan(0);
  });

  test("no line is longer than 100 columns", () => {
    // A literal that has its line for itself cannot be broken without becoming harder to read.
    const literal = /^\s*(["'`]).*\1[,;)]*$/;
    const tooLong = (line: string) => [...line].length > columnsMax && !literal.test(line);
    expect(lines(files, tooLong)).toEqual([]);
  });

  test("every Zig file opens with what it owns and who calls it", () => {
    expect(zig.filter(({ text }) => !text.startsWith("//! ")).map(({ path }) => path)).toEqual([]);
  });

  test("nothing is left to be done later", () => {
    const marks = new RegExp(["TO", "DO|FIX", "ME|XX", "X"].join(""));
    expect(lines(files, (line) => marks.test(line))).toEqual([]);
  });

  test("bun:ffi stays in src/native", () => {
    const imports = new RegExp(`["']bun:${"ffi"}["']`);
    const elsewhere = typeScript.filter(
      ({ path }) => path.startsWith("src/") && !path.startsWith("src/native/"),
    );
    expect(lines(elsewhere, (line) => imports.test(line))).toEqual([]);
  });

  test("no handler is read as source text", () => {
    const reads = /Function\.prototype\.toString|\b(handler|fn|callback)\.toString\(/;
    const sources = typeScript.filter(({ path }) => path.startsWith("src/"));
    expect(lines(sources, (line) => reads.test(line))).toEqual([]);
  });

  test("no test is left out or alone", () => {
    const left = new RegExp(`\\b(test|describe|it)\\.(${["skip", "todo", "only"].join("|")})\\(`);
    expect(lines(typeScript, (line) => left.test(line))).toEqual([]);
  });

  test("no file has outgrown one room", () => {
    const outgrown = files
      .filter(({ path }) => /^(zig|src|scripts)\//.test(path) && !path.startsWith("zig/fuzz/"))
      .map(({ path, text }) => {
        if (path.endsWith(".ts"))
          return { path, count: text.split("\n").length, most: typeScriptLinesMax };
        const most = path.startsWith("zig/reactor/") ? zigBackendLinesMax : zigLinesMax;
        return { path, count: linesWithoutTests(text), most };
      })
      .filter(({ count, most }) => count > most)
      .map(({ path, count, most }) => `${path}: ${count} lines, ${most} are enough`);
    expect(outgrown).toEqual([]);
  });

  test("no function is longer than 70 lines", () => {
    // A Zig function that returns a type is a file of its own in all but name.
    const opening =
      /^(\s*)(?:pub |export |inline |async |static )*(?:fn |function |[\w#]+\()(?!.* type \{).*\{$/;
    const long = files.flatMap(({ path, text }) => {
      const all = text.split("\n");
      return all.flatMap((line, at) => {
        const indentation = opening.exec(line)?.[1];
        if (indentation === undefined || /^\s*(if|for|while|switch|describe)\b/.test(line))
          return [];
        const length = all.slice(at).findIndex((later) => later.startsWith(`${indentation}}`));
        return length >= functionLinesMax ? [`${path}:${at + 1}: ${length + 1} lines`] : [];
      });
    });
    expect(long).toEqual([]);
  });

  test("dependencies are pinned exactly, and the package runs no install script", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const versions: string[] = Object.values({
      ...manifest.dependencies,
      ...manifest.devDependencies,
    });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const hooks = ["preinstall", "install", "postinstall", "prepare"];
    expect(hooks.filter((hook) => manifest.scripts[hook])).toEqual([]);
  });
});
