/** How `chopin openapi` gets hold of the application of a program, whatever the program is like. */
import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cliPath, Programs, root, surroundings } from "./_cli.ts";

const programs = new Programs();
afterAll(() => rmSync(programs.folder, { recursive: true }));

/** The paths of the document of a program. */
async function paths(entry: string, words: string[] = [], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await programs.chopin(["openapi", entry, ...words], env);
  if (code !== 0) throw new Error(stderr);
  return Object.keys((JSON.parse(stdout) as { readonly paths: object }).paths);
}

const bare = 'import { Chopin, get } from "chopin";\nconst app = new Chopin();\n';
const app = `${bare}app.get("/a", "a");\n`;

describe("an application is found that a program", () => {
  const cases: Readonly<Record<string, string>> = {
    serves: `${app}await app.serve(1);`,
    "serves later": `${app}(async () => { await Bun.sleep(50); await app.serve(1); })();`,
    "serves and exports": `${app}export { app };\nexport default await app.serve(1);`,
    "exports by default": `${app}export default app;`,
    "exports by a name": `${app}export const other = 1;\nexport { app as server };`,
    "exports twice": `${app}export { app };\nexport default app;`,
    "exports as a promise": `${app}export const server = Bun.sleep(1).then(() => app);`,
    "exports as its fetch": `${app}export default { port: 1, fetch: app.fetch.bind(app) };`,
    "exports as a fetch around it": `${app}export const server = { fetch: (r) => app.fetch(r) };`,
    "exports as a fetch around it, after a request": `${app}
      await app.fetch(new Request("http://localhost/a"));
      export const server = { fetch: (r) => app.fetch(r) };`,
    "gives to Bun.serve": `${app}Bun.serve({ port: 1, fetch: (request) => app.fetch(request) });`,
    "mounts from a folder": `${bare}export default app.mountAllRoutes("./routes/*.ts");`,
    "serves from a folder": `${bare}app.mountAllRoutes("./routes/*.ts").serve(1);`,
    "mounts what modules declared": `${bare}get("/a", "a");
      export default app.mountAllRoutes();`,
    "serves while other things go on": `${app}setInterval(() => {}, 10);
      require("node:net").createServer().listen(0);
      await app.serve(1);`,
  };
  for (const [index, [what, text]] of Object.entries(cases).entries()) {
    test(what, async () => {
      programs.write("routes/a.ts", 'import { get } from "chopin";\nget("/a", "a");\n');
      programs.write(`found-${index}.ts`, text);
      expect(await paths(`found-${index}.ts`)).toEqual(["/a"]);
    });
  }
});

describe("a program", () => {
  test("runs as the main module, with its arguments, and prints to standard error", async () => {
    programs.write(
      "main.ts",
      `${app}console.log(import.meta.main, Bun.main, process.argv.slice(2).join());
console.log(process.env.CHOPIN_COLLECT, process.execArgv.includes("--smol"));
process.on("exit", () => console.log("bye"));
await app.serve(1);
console.log("never");`,
    );
    const command = [
      process.execPath,
      "--smol",
      cliPath,
      "openapi",
      "main.ts",
      "--",
      "--yaml",
      "x",
    ];
    const { stdout, stderr } = Bun.spawnSync(command, { cwd: programs.folder, env: surroundings });
    expect(JSON.parse(stdout.toString()).openapi).toStartWith("3.1.");
    expect(stderr.toString()).toBe(
      `true ${programs.path("main.ts")} --yaml,x\nundefined true\nbye\n`,
    );
  });

  test("binds nothing and starts no worker", async () => {
    const taken = Bun.serve({ port: 0, fetch: () => new Response() });
    programs.write(
      "taken.ts",
      `${app}await app.serve({ port: ${taken.port}, workers: 4, onPrimary: () => console.log("primary"), onStart: () => console.log("start") });`,
    );
    const { code, stderr } = await programs.chopin(["openapi", "taken.ts"], {
      CHOPIN_WORKERS: "4",
    });
    await taken.stop();
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("says itself what its document is called, in production too", async () => {
    const info = 'app.openapi({ info: { title: "Shop", version: "1.2.0" } });';
    programs.write("production.ts", `${app}${info}\nawait app.serve(1);`);
    for (const name of ["CHOPIN_ENV", "NODE_ENV"]) {
      const env = { [name]: "production" };
      const { stdout } = await programs.chopin(["openapi", "production.ts"], env);
      const document = JSON.parse(stdout);
      expect(document.info).toEqual({ title: "Shop", version: "1.2.0" });
      expect(Object.keys(document.paths)).toEqual(["/a"]);
    }
  });

  test("may have the package from another place", async () => {
    cpSync(join(root, "src"), programs.path("copy/src"), { recursive: true });
    for (const name of ["native", "node_modules"]) {
      symlinkSync(join(root, name), programs.path(`copy/${name}`));
    }
    const copied = app.replace('"chopin"', '"./copy/src/index.ts"');
    programs.write("copied.ts", `${copied}await app.serve(1);`);
    programs.write("copied-export.ts", `${copied}export { app };`);
    expect(await paths("copied.ts")).toEqual(["/a"]);
    expect(await paths("copied-export.ts")).toEqual(["/a"]);
  });

  test("says nothing of a server that Bun would have started", async () => {
    programs.write("default.ts", `${app}export default app;`);
    expect((await programs.chopin(["openapi", "default.ts"])).stderr).toBe("");
  });

  test("ends with the command, whatever it does about signals", async () => {
    programs.write(
      "stubborn.ts",
      `process.on("SIGTERM", () => {});\nsetInterval(() => {}, 1000);
await Bun.write("stubborn.pid", String(process.pid));`,
    );
    const command = Bun.spawn([process.execPath, cliPath, "openapi", "stubborn.ts"], {
      cwd: programs.folder,
      env: surroundings,
      stdout: "ignore",
      stderr: "ignore",
    });
    const pid = programs.path("stubborn.pid");
    while (!existsSync(pid) || readFileSync(pid, "utf8") === "") await Bun.sleep(5);
    command.kill("SIGTERM");
    expect(await command.exited).toBe(128 + 15);
    while (isRunning(Number(readFileSync(pid, "utf8")))) await Bun.sleep(5);
  });

  test("is ended where it does not end by itself", async () => {
    programs.write("endless.ts", `${app}process.on("exit", () => { for (;;); });\nexport { app };`);
    expect(await paths("endless.ts")).toEqual(["/a"]);
  });
});

describe("of several applications", () => {
  test("the one is taken that is served, or that is named", async () => {
    programs.write(
      "two.ts",
      `${app}export { app };\nexport const admin = new Chopin();\nadmin.get("/b", "b");
export const server = await app.serve({ port: 1, hostname: "localhost" });\nconsole.log(server.url);
await admin.serve(2);`,
    );
    expect(await paths("two.ts")).toEqual(["/a"]);
    expect(await paths("two.ts", ["--export", "app"])).toEqual(["/a"]);
    expect(await paths("two.ts", ["--export", "admin"])).toEqual(["/b"]);
  });

  test("none is guessed", async () => {
    const both = `${app}export const admin = new Chopin();\nexport { app };\n`;
    programs.write("exported.ts", both);
    programs.write("served.ts", `${both}void app.serve(1);\nvoid admin.serve(2);`);
    const choose = "choose one by its export, `--export admin` or `--export app`\n";
    expect(await programs.chopin(["openapi", "exported.ts"])).toEqual({
      code: 1,
      stdout: "",
      stderr: `chopin: exported.ts exports 2 applications: ${choose}`,
    });
    const served = await programs.chopin(["openapi", "served.ts"]);
    expect([served.code, served.stderr]).toEqual([
      1,
      `chopin: served.ts serves 2 applications: ${choose}`,
    ]);
  });
});

function isRunning(pid: number): boolean {
  try {
    // A process that ended and was not waited for has no memory.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
