/**
 * The commands of a fresh clone: what they do a second time, and what they say when they cannot.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hostLibrary } from "../../scripts/setup.ts";
import { bunOnly, finish, start, succeed } from "./_process.ts";
import { readmeServer } from "./_readme.ts";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
const here = process.env as Record<string, string>;
const scratch = mkdtempSync(join(tmpdir(), "chopin-setup-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("setup", () => {
  test("rebuilds nothing that did not change", async () => {
    const library = hostLibrary();
    if (!library) throw new Error("setup has built no library");
    const before = statSync(library);
    const { stderr } = await succeed([bun, "run", "--silent", "build"], { cwd: root, env: here });
    const after = statSync(library);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(stderr).toBe("");
  });

  test("imports nothing that has to be installed", () => {
    const source = readFileSync(join(root, "scripts/setup.ts"), "utf8");
    const modules = [...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1]);
    expect(modules.filter((name) => !name?.startsWith("node:"))).toEqual([]);
  });
});

describe("a clone that cannot be set up", () => {
  const clone = join(scratch, "clone");
  const home = { ...bunOnly, HOME: scratch, BUN_INSTALL_CACHE_DIR: join(scratch, "cache") };

  beforeAll(() => {
    mkdirSync(join(clone, "scripts"), { recursive: true });
    for (const path of ["package.json", "bun.lock", "bunfig.toml", "scripts/setup.ts"]) {
      cpSync(join(root, path), join(clone, path));
    }
  });

  /** Runs setup after `disguise`, a line of JavaScript that changes what the machine looks like. */
  async function setup(disguise: string, env: Record<string, string> = {}) {
    writeFileSync(join(clone, "disguise.ts"), disguise);
    const command = [bun, "--preload", "./disguise.ts", "scripts/setup.ts", "scripts/test.ts"];
    const { code, stderr } = await finish(command, { cwd: clone, env: { ...home, ...env } });
    return { code, stderr };
  }

  function disguise(object: string, name: string, value: string): string {
    return `Object.defineProperty(${object}, "${name}", { value: "${value}" });`;
  }

  test("says in one line that there is no network", async () => {
    const offline = { BUN_CONFIG_REGISTRY: "http://127.0.0.1:9" };
    const { code, stderr } = await setup("", offline);
    expect(code).toBe(1);
    expect(stderr.trim().split("\n")).toEqual([
      "chopin: installing Bun, Zig and the other tools",
      expect.stringMatching(/^chopin: no network: the package registry does not answer \(.+\)$/),
    ]);
  });

  test("says in one line that Windows is not supported", async () => {
    expect(await setup(disguise("process", "platform", "win32"))).toEqual({
      code: 1,
      stderr: "chopin: Chopin does not run on Windows itself: use WSL, where it runs as on Linux\n",
    });
  });

  test("says in one line which platforms are supported", async () => {
    expect(await setup(disguise("process", "arch", "riscv64"))).toEqual({
      code: 1,
      stderr:
        "chopin: Chopin runs on Linux and macOS, x64 and arm64, " +
        `not on ${process.platform}-riscv64\n`,
    });
  });

  test("says in one line that Bun is too old", async () => {
    expect(await setup(disguise("process.versions", "bun", "1.3.14"))).toEqual({
      code: 1,
      stderr: "chopin: Bun 1.4 or newer is needed, this is 1.3.14: run `bun upgrade`\n",
    });
  });
});

describe("the README", () => {
  test("shows the source of examples/hello.ts", () => {
    expect(readFileSync(join(root, "examples/hello.ts"), "utf8")).toEndWith(readmeServer());
  });

  test("is no longer than 150 lines", () => {
    const lines = readFileSync(join(root, "README.md"), "utf8").trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(150);
  });
});

describe("the demo", () => {
  test("prints what to try, and each of its commands works", async () => {
    const env = { ...here, PORT: "0", PATH: `${dirname(bun)}:${here.PATH}` };
    const demo = await start([bun, "scripts/demo.ts"], { cwd: root, env });
    const page = await fetch(demo.address);
    const pageText = await page.text();
    const listed = await (await fetch(`${demo.address}/notes`)).json();
    const one = await (await fetch(`${demo.address}/notes/1`)).json();
    const headers = { "Content-Type": "application/json" };
    const add = (text: string) =>
      fetch(`${demo.address}/notes`, { method: "POST", headers, body: JSON.stringify({ text }) });
    const created = await add("play it");
    const createdBody = await created.json();
    const wrong = await (await add("")).json();
    const documented = await (await fetch(`${demo.address}/docs`)).text();
    const refused = await fetch(`${demo.address}/notes`, { method: "PUT" });
    await refused.arrayBuffer();
    const errors = await demo.stop();
    expect(pageText).toContain("<title>Notes</title>");
    expect(page.headers.get("content-type")).toStartWith("text/html");
    expect(listed).toEqual({ notes: [{ id: 1, text: "Prelude in E minor" }] });
    expect(one).toEqual({ id: 1, text: "Prelude in E minor" });
    expect([created.status, createdBody]).toEqual([201, { id: 2, text: "play it" }]);
    expect(created.headers.get("location")).toBe("/notes/2");
    expect(wrong).toMatchObject({ status: 422, errors: [{ in: "body", pointer: "/text" }] });
    expect(documented).toContain("<title>Notes</title>");
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    expect(errors).toBe("");
  });
});
