/** Routes that modules declare without an application at hand. */
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as chopin from "../src/index.ts";
import {
  all,
  Chopin,
  type DeclareRoute,
  del,
  get,
  head,
  options,
  patch,
  post,
  put,
} from "../src/index.ts";
import { withServer } from "./_setup.ts";

const run = async (script: string): Promise<string> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "fixtures", script)], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([errors, await child.exited]).toEqual(["", 0]);
  return text.trim();
};

describe("the registry", () => {
  test("is taken and emptied by mountAllRoutes", async () => {
    get("/a", () => "a");
    get("/b/:id", { name: "b" }, ({ params }) => params.id);
    get("/constant", "constant");
    const app = new Chopin().mountAllRoutes();
    expect(app.routes().map(({ path }) => path)).toEqual(["/a", "/b/:id", "/constant"]);
    expect(new Chopin().mountAllRoutes().routes()).toEqual([]);
    const response = await app.fetch(new Request("http://x/b/7"));
    expect(await response.text()).toBe("7");
  });

  test("has every method", async () => {
    expect(chopin.delete).toBe(del);
    const declared: Record<string, DeclareRoute<string>> = {
      GET: get,
      POST: post,
      PUT: put,
      PATCH: patch,
      DELETE: del,
    };
    for (const [method, declare] of Object.entries(declared)) {
      declare("/m", (ctx) => `${method} ${ctx.method}`);
    }
    head("/h", (ctx) => ctx.header("X-Head", "own").text(""));
    options("/h", () => "own options");
    all("/all", ({ method }) => method);
    const app = new Chopin().mountAllRoutes();
    await withServer(app, async (server) => {
      const text = async (method: string, path: string) =>
        (await fetch(server.url + path, { method })).text();
      for (const method of Object.keys(declared)) {
        expect(await text(method, "m")).toBe(`${method} ${method}`);
      }
      expect(await text("OPTIONS", "h")).toBe("own options");
      expect(await text("DELETE", "all")).toBe("DELETE");
      const response = await fetch(`${server.url}h`, { method: "HEAD" });
      expect(response.headers.get("x-head")).toBe("own");
    });
  });

  test("says where a wrong declaration stands", () => {
    expect(() => get("no-slash", () => 1)).toThrow(/GET no-slash: .*discovery\.test\.ts:\d+:\d+/);
  });
});

describe("a folder of routes", () => {
  test("is imported first", async () => {
    expect(await run("mounted.ts")).toBe('{"id":"7"} 201 [1] {"id":"8"}');
  });

  test("can be served in one chain; an empty one is an error", async () => {
    expect(await run("mounting.ts")).toBe('{"id":"9"}\nroutes_folder');
  });

  test("says in a compiled executable what works instead", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chopin-"));
    const outfile = join(folder, "mounted");
    const entry = join(import.meta.dir, "fixtures", "mounted.ts");
    const built = Bun.spawnSync([
      process.execPath,
      "build",
      "--compile",
      entry,
      "--outfile",
      outfile,
    ]);
    expect([built.stderr.toString(), built.exitCode]).toEqual([expect.anything(), 0]);
    const { stderr, exitCode } = Bun.spawnSync([outfile], { cwd: folder });
    expect(stderr.toString()).toContain("cannot look into a folder from a compiled executable");
    expect(stderr.toString()).toContain('import "./routes/users.ts"');
    expect(exitCode).toBe(1);
    await rm(folder, { recursive: true });
  });
});
