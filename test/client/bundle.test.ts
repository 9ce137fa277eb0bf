/** What pages load: nothing of the server, nothing of Bun or Node, and not much. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { buildClient } from "../../scripts/client.ts";

const root = join(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "chopin-client-"));
const built = (name: string): string => readFileSync(join(folder, name), "utf8");

beforeAll(() => buildClient(folder, true));
afterAll(() => rmSync(folder, { recursive: true }));

/** A module and all that it imports at once. */
function loaded(name: string): string[] {
  const imports = [...built(name).matchAll(/(?:from|^import)\s*"(\.[^"]+)"/gm)];
  const paths = imports.map(([, path = ""]) => relative(folder, join(folder, dirname(name), path)));
  return [name, ...paths.flatMap(loaded)];
}

const kilobytes = (names: readonly string[]): number =>
  Bun.gzipSync(names.map(built).join("\n"), { level: 9 }).length / 1024;

describe("the bundle of the client", () => {
  test("is small, and loads its reader of events with the first of them", () => {
    const atOnce = loaded("client/index.js");
    const later = [...new Bun.Glob("**/*.js").scanSync(folder)].filter(
      (name) => !atOnce.includes(name),
    );
    expect(later).toHaveLength(1);
    expect(built("client/index.js")).toMatch(/import\("\.\.\/chunk-\w+\.js"\)/);
    expect(kilobytes(atOnce)).toBeLessThan(4.75);
    expect(kilobytes(later)).toBeLessThan(3.25);
  });

  test("has nothing of Bun or Node", () => {
    for (const name of new Bun.Glob("**/*.js").scanSync(folder)) {
      expect(built(name)).not.toMatch(/\b(Bun|Buffer|process|require|node:|bun:|__dirname)\b/);
    }
  });

  test("is bundled by others, for browsers", async () => {
    const { outputs, logs } = await Bun.build({
      entrypoints: [join(folder, "client/index.js")],
      target: "browser",
      minify: true,
    });
    expect([outputs.length, logs.length]).toEqual([1, 0]);
  });
});

test("the sources of the client import nothing but themselves, and types that stand alone", () => {
  const sources = readdirSync(join(root, "src/client"));
  const imported = sources.flatMap((name) => {
    const text = readFileSync(join(root, "src/client", name), "utf8");
    const paths = /^(?:import|export|\}).* from "([^"]+)";|\bimport\("([^"]+)"\)/gm;
    return [...text.matchAll(paths)].map(([, path, lazy]) => path ?? lazy);
  });
  const others = imported.filter((path) => !path?.startsWith("./"));
  const alone = ["path-types.ts", "status-types.ts"];
  const expected = [...alone.map((name) => `../${name}`), "eventsource-parser"];
  expect([...new Set(others)].sort()).toEqual(expected);
  for (const name of alone) {
    const types = readFileSync(join(root, "src", name), "utf8");
    expect(types).not.toMatch(/\bimport\b|^export (?!type)/m);
  }
});

test("the client compiles where there are pages alone, and in the forms of Node", () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--allowImportingTsExtensions"];
  const entry = join(root, "src/client/index.ts");
  for (const lib of [
    ["--lib", "es2024,dom", "--types", ""],
    ["--lib", "es2024", "--types", "node", "--typeRoots", join(root, "node_modules/@types")],
  ]) {
    const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
    const command = [process.execPath, tsc, ...flags, ...modules, ...lib, "--skipLibCheck", entry];
    const { stdout } = Bun.spawnSync(command, { cwd: folder });
    expect(stdout.toString()).toBe("");
  }
}, 60_000);
