/** What `chopin openapi` gives, and where: standard output, files, and the comparison with one. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { openApiDocument, openApiYaml } from "../../src/openapi/index.ts";
import { cliPath, Programs, surroundings } from "./_cli.ts";

const programs = new Programs();
afterAll(() => rmSync(programs.folder, { recursive: true }));

const text = `import { Chopin, t } from "chopin";
const User = t.Object({ id: t.Integer(), born: t.Date() }, { $id: "User" });
export const app = new Chopin();
app.get("/users/:id", { summary: "One", response: { 200: User } }, () => null as never);
app.post("/users", { body: User }, () => null);
app.delete("/users/:id", () => null);
`;
const later = text
  .replace('"One"', '"Two"')
  .replace("{ 200: User }", "{ 200: User, 404: t.Object({}) }")
  .replace("born: t.Date()", "name: t.String()")
  .replace("app.delete", "app.put");

beforeEach(() => programs.write("server.ts", text));

async function run(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await programs.chopin(["openapi", "server.ts", ...words]);
  expect([code, stdout]).toEqual([0, ""]);
  return stderr;
}

/** In a shell, with what reads its standard output. */
function piped(words: string, reader: string) {
  const line = `'${process.execPath}' '${cliPath}' ${words} | ${reader}`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-o", "pipefail", "-c", line], {
    cwd: programs.folder,
    env: surroundings,
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

function read(name: string): string {
  return readFileSync(programs.path(name), "utf8");
}

describe("standard output", () => {
  test("has the document alone, as JSON or YAML, or declarations", async () => {
    const { app } = await import(programs.path("server.ts"));
    const document = openApiDocument(app);
    const json = await programs.chopin(["openapi", "server.ts"]);
    expect(json).toEqual({ code: 0, stdout: `${JSON.stringify(document, null, 2)}\n`, stderr: "" });
    const yaml = await programs.chopin(["openapi", "server.ts", "--yaml"]);
    expect(yaml).toEqual({ code: 0, stdout: openApiYaml(document), stderr: "" });
    const client = await programs.chopin(["openapi", "server.ts", "--client"]);
    expect([client.code, client.stderr]).toEqual([0, ""]);
    expect(client.stdout).toContain("export interface Api {\n");
  });

  test("may be closed by who reads it", () => {
    const routes = Array.from({ length: 3000 }, (_, at) => `app.get("/long/${at}", "a");\n`);
    programs.write("server.ts", text + routes.join(""));
    expect(piped("openapi server.ts", "head -c 1")).toEqual({
      exitCode: 0,
      stdout: "{",
      stderr: "",
    });
  });
});

describe("--out", () => {
  test("writes a file in the format of its name, and says so", async () => {
    expect(await run("--out", "made/openapi.json")).toBe("chopin: wrote made/openapi.json\n");
    expect(await run("-o", "made/openapi.yml")).toBe("chopin: wrote made/openapi.yml\n");
    expect(await run("--client", "-o", "made/api.d.ts")).toBe("chopin: wrote made/api.d.ts\n");
    expect(Bun.YAML.parse(read("made/openapi.yml"))).toEqual(JSON.parse(read("made/openapi.json")));
    expect(read("made/api.d.ts")).toContain("export interface Api {\n");
    // Nothing is left of the way in which they were written.
    expect(readdirSync(programs.path("made")).sort()).toEqual([
      "api.d.ts",
      "openapi.json",
      "openapi.yml",
    ]);
  });

  test("leaves a file alone that is as it would be", async () => {
    await run("--out", "same.json");
    const before = statSync(programs.path("same.json"), { bigint: true });
    expect(await run("--out", "same.json")).toBe("chopin: same.json is as it was\n");
    const after = statSync(programs.path("same.json"), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test("replaces what a link leads to, and keeps its mode", async () => {
    writeFileSync(programs.path("target.json"), "{}");
    chmodSync(programs.path("target.json"), 0o640);
    symlinkSync("target.json", programs.path("link.json"));
    await run("--out", "link.json");
    expect(lstatSync(programs.path("link.json")).isSymbolicLink()).toBe(true);
    expect(statSync(programs.path("target.json")).mode & 0o777).toBe(0o640);
    expect(JSON.parse(read("target.json")).openapi).toStartWith("3.1.");
  });

  test("writes to what is no file, such as a pipe", async () => {
    const { stdout } = await programs.chopin(["openapi", "server.ts", "--yaml"]);
    expect(piped("openapi server.ts --yaml --out /dev/stdout", "cat")).toEqual({
      exitCode: 0,
      stdout,
      stderr: "chopin: wrote /dev/stdout\n",
    });
  });

  test("says why a file cannot be written", async () => {
    programs.write("folder.json/file", "");
    const words = ["openapi", "server.ts", "--out"];
    for (const out of ["folder.json", "server.ts/openapi.json"]) {
      const { code, stderr } = await programs.chopin([...words, out]);
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^chopin: ${out} cannot be written: E[A-Z]+: .+\\n$`));
    }
  });
});

describe("--check", () => {
  const files = ["check.json", "check.yaml", "check.d.ts"];
  const flags = (file: string) => (file.endsWith(".ts") ? ["--client"] : []);

  test("is content with a file that says the same", async () => {
    for (const file of files) {
      await run("--out", file, ...flags(file));
      expect(await run("--check", "--out", file, ...flags(file))).toBe(
        `chopin: ${file} is up to date\n`,
      );
    }
    // In another layout, another order, or with the line ends of another system.
    const { paths, ...rest } = JSON.parse(read("check.json"));
    writeFileSync(programs.path("check.json"), JSON.stringify({ paths, ...rest }));
    writeFileSync(programs.path("check.d.ts"), read("check.d.ts").replaceAll("\n", "\r\n"));
    for (const file of files) await run("--check", "--out", file, ...flags(file));
  });

  test("names what was added, removed and changed", async () => {
    for (const file of files) await run("--out", file, ...flags(file));
    programs.write("server.ts", later);
    const told = async (file: string) => {
      const words = ["openapi", "server.ts", "--check", "--out", file, ...flags(file)];
      const { code, stdout, stderr } = await programs.chopin(words);
      expect([code, stdout]).toEqual([1, ""]);
      return stderr;
    };
    const document = [
      "~ GET /users/{id}: summary, response 404",
      "- DELETE /users/{id}",
      "+ PUT /users/{id}",
      "~ schemas/User: required, properties",
    ];
    const declarations = [
      "~ GET /users/:id",
      "~ POST /users",
      "- DELETE /users/:id",
      "~ User",
      "- UserInput",
      "+ PUT /users/:id",
    ];
    for (const file of files) {
      const lines = (await told(file)).trimEnd().split("\n");
      expect(lines.pop()).toBe(`chopin: ${file} is not up to date: write it without --check`);
      expect(lines.toSorted()).toEqual((file.endsWith(".ts") ? declarations : document).toSorted());
    }
  });

  test("fails where there is no such file, or something else in it", async () => {
    writeFileSync(programs.path("broken.json"), "{");
    writeFileSync(programs.path("list.yaml"), "- 1");
    const cases = {
      "missing.json": "there is no missing.json: write it without --check\n",
      "broken.json": "broken.json is no JSON: ",
      "list.yaml": "list.yaml is no OpenAPI document\n",
    };
    for (const [file, reason] of Object.entries(cases)) {
      const words = ["openapi", "server.ts", "--check", "--out", file];
      const { code, stderr } = await programs.chopin(words);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`chopin: ${reason}`)]);
    }
  });
});
