/** The OpenAPI document beside a file: compared, written, and never written where CI is set. */
import { afterAll, afterEach, beforeEach, describe, expect, test as it } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Chopin, t } from "../../src/index.ts";
import { openApiDocument, openApiYaml } from "../../src/openapi/index.ts";
import { expectOpenApi } from "../../src/testing/index.ts";
import { finish } from "../e2e/_process.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-snapshot-"));
const { CI, CHOPIN_UPDATE_SNAPSHOTS } = process.env;
const told = { CI, CHOPIN_UPDATE_SNAPSHOTS };
let count = 0;
let file = "";

beforeEach(() => {
  for (const name of Object.keys(told)) delete process.env[name];
  file = join(folder, "openapi", `${count++}.json`);
});
afterEach(() => {
  for (const [name, value] of Object.entries(told)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const User = t.Object({ id: t.Integer() }, { $id: "User" });
const before = (): Chopin =>
  new Chopin()
    .get("/users/:id", { summary: "One", response: { 200: User } }, () => ({ id: 1 }))
    .delete("/users/:id", () => null);
const after = (): Chopin =>
  new Chopin()
    .get("/users/:id", { summary: "A user", response: { 200: User, 404: t.Object({}) } }, () => ({
      id: 1,
    }))
    .post("/users", () => null);

async function messageOf(run: Promise<void>): Promise<string> {
  try {
    await run;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it did not fail");
}

describe("expectOpenApi", () => {
  it("writes a file that is not there, with its folders, and is content then", async () => {
    await expectOpenApi(before(), file);
    const text = readFileSync(file, "utf8");
    expect(text).toBe(`${JSON.stringify(openApiDocument(before()), null, 2)}\n`);
    expect(text).not.toContain(folder);
    const { mtimeMs } = statSync(file);
    await expectOpenApi(before(), pathToFileURL(file));
    expect(statSync(file).mtimeMs).toBe(mtimeMs);
  });

  it("says for each operation what differs, and leaves the file alone", async () => {
    await expectOpenApi(before(), file);
    const text = readFileSync(file, "utf8");
    const lines = (await messageOf(expectOpenApi(after(), file))).split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^The application is no longer as .*openapi\/\d\.json has it:$/),
      "  ~ GET /users/{id}: summary, response 404",
      "  - DELETE /users/{id}",
      "  + POST /users",
      "Run the test with CHOPIN_UPDATE_SNAPSHOTS=1, or --update-snapshots, to write it.",
    ]);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("writes it when the variable says so", async () => {
    await expectOpenApi(before(), file);
    process.env.CHOPIN_UPDATE_SNAPSHOTS = "1";
    await expectOpenApi(after(), file);
    process.env.CHOPIN_UPDATE_SNAPSHOTS = "0";
    await expectOpenApi(after(), file);
    await expect(expectOpenApi(before(), file)).rejects.toThrow(/no longer/);
  });

  it("never writes where CI is set", async () => {
    process.env.CI = "true";
    process.env.CHOPIN_UPDATE_SNAPSHOTS = "1";
    expect(await messageOf(expectOpenApi(before(), file))).toMatch(
      /^There is no .*\.json\.\nRun the test where CI is not set, and commit what it writes\.$/,
    );
    expect(existsSync(file)).toBe(false);
    process.env.CI = "";
    await expectOpenApi(before(), file);
    process.env.CI = "1";
    await expectOpenApi(before(), file);
    expect(await messageOf(expectOpenApi(after(), file))).toMatch(
      /\+ POST \/users\nRun the test wh/,
    );
  });

  it("knows YAML, and files of any layout", async () => {
    const yaml = file.replace(".json", ".yaml");
    await expectOpenApi(before(), yaml);
    expect(readFileSync(yaml, "utf8")).toBe(openApiYaml(openApiDocument(before())));
    await expectOpenApi(before(), yaml);
    writeFileSync(join(folder, "flat.json"), JSON.stringify(openApiDocument(before())));
    await expectOpenApi(before(), join(folder, "flat.json"));
  });

  it("has the options of the document", async () => {
    const options = { info: { title: "Shop", version: "1.2.0" } };
    await expectOpenApi(before().openapi(options), file);
    await expectOpenApi(before(), file, options);
    expect(await messageOf(expectOpenApi(before(), file))).toContain("  ~ info: title, version");
  });

  it("tells of a file that is no document, and writes over it when told", async () => {
    const broken = join(folder, "broken.json");
    writeFileSync(broken, "<<<<<<< HEAD");
    expect(await messageOf(expectOpenApi(before(), broken))).toMatch(/broken\.json is no JSON: /);
    writeFileSync(broken, "[]");
    expect(await messageOf(expectOpenApi(before(), broken))).toMatch(/is no OpenAPI document\./);
    process.env.CHOPIN_UPDATE_SNAPSHOTS = "1";
    await expectOpenApi(before(), broken);
    await expect(expectOpenApi(before(), join(folder, "openapi.txt"))).rejects.toThrow(
      /ends in .json/,
    );
  });

  it("does not depend on the order of routes", async () => {
    const one = () => new Chopin().get("/a", "a").get("/b", "b");
    const other = () => new Chopin().get("/b", "b").get("/a", "a");
    await expectOpenApi(one(), file);
    await expectOpenApi(other(), file);
  });
});

it("bun test --update-snapshots writes the file", async () => {
  const name = join(folder, "child.test.ts");
  const source = (path: string) => JSON.stringify(join(import.meta.dir, "../../src", path));
  const program = `import { test } from "bun:test";
    import { Chopin } from ${source("index.ts")};
    import { expectOpenApi } from ${source("testing/index.ts")};
    test("document", () => expectOpenApi(new Chopin().get("/a", "a"), "openapi.json"));`;
  writeFileSync(name, program);
  const written = join(folder, "openapi.json");
  writeFileSync(written, "{}");
  const run = async (...flags: string[]) => {
    const command = [process.execPath, "test", ...flags, name];
    return (await finish(command, { cwd: folder, env: { PATH: process.env.PATH ?? "" } })).code;
  };
  expect([await run(), await run("-u"), await run()]).toEqual([1, 0, 0]);
  writeFileSync(written, "{}");
  expect([await run("--update-snapshots"), await run()]).toEqual([0, 0]);
  expect(Object.keys(JSON.parse(readFileSync(written, "utf8")).paths)).toEqual(["/a"]);
});

it("a document fits toMatchSnapshot too: it has nothing of this machine in it", async () => {
  const text = JSON.stringify(openApiDocument(before()));
  expect(text).not.toContain(process.cwd());
  expect(openApiDocument(before())).toEqual(openApiDocument(before()));
});
