/** Programs of which there is no document: a line that says why, and exit code 1. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Programs } from "./_cli.ts";

const programs = new Programs();
afterAll(() => rmSync(programs.folder, { recursive: true }));

const app = 'import { Chopin, t } from "chopin";\nconst app = new Chopin();\n';

describe("an entry", () => {
  programs.write("server.ts", app);
  programs.write("notes.md", "# Notes");
  mkdirSync(programs.path("folder"));
  writeFileSync(programs.path("compiled"), Buffer.from("\x7fELF\x02\x01\x01"));
  const cases: Readonly<Record<string, string>> = {
    "nothing.ts": "there is no nothing.ts",
    server: "there is no server: did you mean server.ts?",
    folder: "folder is a folder: name the module that serves, such as server.ts",
    "notes.md": "notes.md is no module: a program ends in .ts, .js, .tsx, .mts or the like",
    compiled:
      "compiled is an executable, of `bun build --compile` perhaps: " +
      "name the module that it was made of",
  };
  for (const [entry, reason] of Object.entries(cases)) {
    test(entry, async () => {
      expect(await programs.chopin(["openapi", entry])).toEqual({
        code: 1,
        stdout: "",
        stderr: `chopin: ${reason}\n`,
      });
    });
  }
});

describe("a program", () => {
  const ended = "before it served or had exported an application";
  const cases: readonly (readonly [what: string, text: string, last: string])[] = [
    ["without an application", 'console.log("hello");', "neither served an application nor exp"],
    ["that throws", 'throw new TypeError("no database");', `ended with exit code 1 ${ended}`],
    ["that does not parse", "const x = ;", `ended with exit code 1 ${ended}`],
    ["that does not resolve", 'import "./missing.ts";', `ended with exit code 1 ${ended}`],
    ["that ends itself", "process.exit(0);", `ended with exit code 0 ${ended}`],
    ["that is killed", 'process.kill(process.pid, "SIGKILL");', `ended by SIGKILL ${ended}`],
    [
      "with two routes of one path",
      `${app}app.get("/a", "a");\napp.get("/a", "b");\nawait app.serve(1);`,
      `GET /a (${programs.path("case-6.ts")}:4:5) was declared before at GET /a`,
    ],
    [
      "with a folder that is not there",
      `${app}export default app.mountAllRoutes("./nowhere/*.ts");`,
      "No module matches",
    ],
    [
      "with a schema that cannot be compiled",
      `${app}app.get("/a", { response: t.Transform(t.String()).Decode(Number).Encode(String) }, () => 1);\nexport { app };`,
      "Transforms of TypeBox are not run",
    ],
    ["with an address that is none", `${app}await app.serve("here");`, `exit code 1 ${ended}`],
    [
      "whose promise of one fails",
      'export const app = Promise.reject(new Error("no database"));',
      "no database",
    ],
  ];
  for (const [index, [what, text, last]] of cases.entries()) {
    test(what, async () => {
      programs.write(`case-${index}.ts`, text);
      const { code, stdout, stderr } = await programs.chopin(["openapi", `case-${index}.ts`]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(last);
      expect(stderr.match(/^chopin: /gm)).toHaveLength(1);
    });
  }

  test("that throws shows its own stack", async () => {
    programs.write(
      "throws.ts",
      'function connect() {\n  throw new TypeError("no");\n}\nconnect();',
    );
    const { stderr } = await programs.chopin(["openapi", "throws.ts"]);
    expect(stderr).toContain("TypeError: no");
    expect(stderr).toContain("at connect");
  });

  test("without the export that is asked for", async () => {
    programs.write("exports.ts", `${app}export { app };\nexport const port = 8080;`);
    const missing = await programs.chopin(["openapi", "exports.ts", "--export", "admin"]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      "chopin: exports.ts has no export admin: it exports app, port\n",
    ]);
    const other = await programs.chopin(["openapi", "exports.ts", "--export", "port"]);
    expect([other.code, other.stderr]).toEqual([
      1,
      "chopin: the export port of exports.ts is no application\n",
    ]);
  });
});

describe("time runs out for a program", () => {
  const cases: readonly (readonly [what: string, text: string, reason: string])[] = [
    ["that waits", "await new Promise(() => {});", "and its main module has not ended"],
    ["that never pauses", "for (;;);", "and its main module has not ended"],
    ["that serves nothing", "setInterval(() => {}, 1000);", "neither served nor exported an app"],
    [
      "that goes on after an error",
      'process.on("uncaughtException", () => {});\nsetInterval(() => {}, 1000);\nawait Bun.sleep(1);\nthrow new Error("no database");',
      "threw and went on, and served nothing within 0.5 s: Error: no database",
    ],
  ];
  for (const [index, [what, text, reason]] of cases.entries()) {
    test(what, async () => {
      programs.write(`late-${index}.ts`, text);
      const words = ["openapi", `late-${index}.ts`, "--timeout", "0.5"];
      const { code, stdout, stderr } = await programs.chopin(words);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(reason);
      expect(stderr).toContain(" within 0.5 s");
    });
  }
});
