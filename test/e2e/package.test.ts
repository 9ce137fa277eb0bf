/** The package as its users get it: packed, added to an empty folder, served, compiled. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { libraryPath } from "../../src/native/library.ts";
import { bunOnly, finish, start, succeed } from "./_process.ts";
import { readmeServer } from "./_readme.ts";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
const scratch = mkdtempSync(join(tmpdir(), "chopin-package-"));
/** The user's folder: package.json, node_modules/chopin and the README's server. */
const app = join(scratch, "app");
const installed = join(app, "node_modules/chopin");
const home = { ...bunOnly, HOME: scratch, TMPDIR: scratch };

const libraries = [
  "native/darwin-arm64/libchopin.dylib",
  "native/darwin-x64/libchopin.dylib",
  "native/linux-arm64-gnu/libchopin.so",
  "native/linux-arm64-musl/libchopin.so",
  "native/linux-x64-gnu/libchopin.so",
  "native/linux-x64-musl/libchopin.so",
];

beforeAll(async () => {
  // Packing compiles the libraries of all targets, minutes on a slow machine.
  const here = process.env as Record<string, string>;
  await succeed([bun, "pm", "pack", "--destination", scratch], { cwd: root, env: here });
  mkdirSync(app);
  const [tarball = ""] = readdirSync(scratch).filter((name) => name.endsWith(".tgz"));
  // A registry that does not answer: the package needs nothing but itself.
  const offline = { ...home, BUN_CONFIG_REGISTRY: "http://127.0.0.1:9" };
  await succeed([bun, "add", join(scratch, tarball)], { cwd: app, env: offline });
  writeFileSync(join(app, "server.ts"), readmeServer().replace(":8080", ":0"));
}, 900_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Starts a server, compares the answers that the README promises, and returns what it logged. */
async function expectServing(command: string[], cwd: string, env: Record<string, string>) {
  const server = await start(command, { cwd, env });
  const greeting = await fetch(`${server.address}/`);
  const greetingText = await greeting.text();
  const user = await fetch(`${server.address}/users/7`);
  const userBody = await user.json();
  const errors = await server.stop();
  expect([greeting.status, greetingText]).toEqual([200, "Hello from Chopin"]);
  expect([user.status, userBody]).toEqual([200, { id: "7" }]);
  return errors;
}

describe("the package", () => {
  test("carries the libraries of all targets, the module, its types, and nothing else", () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      // Bun marks what it installed with a file of its own.
      .filter((entry) => entry.isFile() && entry.name !== ".bun-tag")
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    const generated = /^dist\/([\w/-]+\.d\.m?ts|chunk-\w+\.js)$/;
    expect(files.filter((path) => !generated.test(path)).sort()).toEqual(
      [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "dist/cli/collect.js",
        "dist/cli/index.js",
        "dist/client/index.js",
        "dist/index.js",
        "dist/middleware/index.js",
        "dist/openapi/index.js",
        "dist/swagger-ui/LICENSE",
        "dist/swagger-ui/swagger-ui-bundle.js.gz",
        "dist/swagger-ui/swagger-ui.css.gz",
        "dist/testing/index.js",
        "package.json",
        ...libraries,
      ].sort(),
    );
    expect(files).toContain("dist/client/index.d.ts");
    expect(files).toContain("dist/index.d.ts");
    expect(files).toContain("dist/middleware/index.d.ts");
    expect(files).toContain("dist/openapi/index.d.ts");
    expect(files).toContain("dist/testing/index.d.ts");
  });

  test("depends on no other package and runs no script on its user's machine", () => {
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(manifest.dependencies).toBeUndefined();
    expect(readdirSync(join(app, "node_modules")).filter((name) => name !== ".bin")).toEqual([
      "chopin",
    ]);
  });

  test("serves with `bun run server.ts`, with neither Zig nor a compiler on the PATH", async () => {
    await expectServing([bun, "run", "server.ts"], app, home);
  });

  test("has declarations that check in the user's project", async () => {
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "esnext"];
    const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
    const types = ["--types", "bun", "--typeRoots", join(root, "node_modules/@types")];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const command = [bun, tsc, ...flags, ...modules, ...types, "server.ts"];
    expect((await finish(command, { cwd: app, env: home })).stdout).toBe("");
  });

  test("has declarations of the client that check where there are pages alone", async () => {
    const program = `import { createClient } from "chopin/client";
      interface Api {
        readonly "GET /users/:id": {
          readonly params: { readonly id: number };
          readonly query: undefined;
          readonly headers: undefined;
          readonly cookies: undefined;
          readonly body: undefined;
          readonly answers: { readonly 200: { readonly name: string } };
        };
      }
      const api = createClient<Api>("https://api.example.org", { init: { mode: "cors" } });
      export const nameOf = async (id: number): Promise<string> =>
        (await api.get("/users/:id", { params: { id } }).orThrow()).name;`;
    writeFileSync(join(app, "page.ts"), program);
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"];
    const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
    const types = ["--lib", "es2022,dom,dom.iterable", "--types", ""];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const command = [bun, tsc, ...flags, ...modules, ...types, "page.ts"];
    expect((await finish(command, { cwd: app, env: home })).stdout).toBe("");
  });

  test("has a client that calls its server, from its own runtime", async () => {
    const server = await start([bun, "run", "server.ts"], { cwd: app, env: home });
    const program = `import { createClient } from "chopin/client";
      const api = createClient(process.argv[2]);
      const { status, body } = await api.get("/users/:id", { params: { id: 7 } });
      console.log(status, JSON.stringify(body));`;
    writeFileSync(join(app, "call.js"), program);
    const { stdout } = await finish([bun, "call.js", server.address], { cwd: app, env: home });
    await server.stop();
    expect(stdout).toBe('200 {"id":"7"}\n');
  });
});

describe("the kit for tests", () => {
  const program = `import { expect, it } from "bun:test";
    import { Chopin, type RoutesOf, route, t } from "chopin";
    import { ClientError } from "chopin/client";
    import { controlTime, expectOpenApi, test } from "chopin/testing";
    const id = t.Object({ id: t.Integer() });
    const routes = { one: route.get("/users/:id", { params: id }, ({ params }) => params) };
    const app = new Chopin().mount(routes).get("/late", async () => {
      await Bun.sleep(60_000);
      throw new RangeError("too late");
    });
    const api = test<RoutesOf<typeof routes>>(app);
    it("calls", async () => {
      await using served = await api.serve();
      for (const session of [api.session(), served.session()]) {
        const seven: number = (await session.get("/users/:id", { params: { id: 7 } }).orThrow()).id;
        expect(seven).toBe(7);
      }
      await expectOpenApi(app, "openapi.json");
    });
    it("waits", async () => {
      using clock = controlTime();
      const call = test(app, { throwErrors: true }).get("/late").catch((error: unknown) => error);
      const error = await clock.until(call);
      expect(error).toBeInstanceOf(ClientError);
      expect((error as ClientError).cause).toBeInstanceOf(RangeError);
    });`;

  test("runs the tests of the user, and has declarations that check there", async () => {
    writeFileSync(join(app, "kit.test.ts"), program);
    const { code, stderr } = await finish([bun, "test", "kit.test.ts"], { cwd: app, env: home });
    expect(stderr).toContain("\n 2 pass\n 0 fail\n");
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(app, "openapi.json"), "utf8")).openapi).toBe("3.1.0");
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "esnext"];
    const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
    const types = ["--types", "bun", "--typeRoots", join(root, "node_modules/@types")];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const command = [bun, tsc, ...flags, ...modules, ...types, "kit.test.ts"];
    expect((await finish(command, { cwd: app, env: home })).stdout).toBe("");
  });
});

describe("WebSockets", () => {
  const program = `import { Chopin, websocket } from "chopin";
    export const rooms = websocket("/rooms/:room", {
      compression: true,
      upgrade: ({ params }) => ({ room: params.room }),
      open: (ws) => ws.subscribe(ws.data.room),
      message(ws, message) {
        ws.send(message);
        rooms.publish(ws.data.room, String(process.pid));
      },
    });
    const server = await new Chopin().mountAllRoutes().serve({ port: 0, workers: 2 });
    console.log(server.url);`;
  const executable = join(scratch, "chat");

  beforeAll(async () => {
    writeFileSync(join(app, "chat.ts"), program);
    const command = [bun, "build", "--compile", "chat.ts", "--outfile", executable];
    await succeed(command, { cwd: app, env: home });
  });

  const commands = { "a program": [bun, "run", "chat.ts"], "an executable": [executable] };
  for (const [name, command] of Object.entries(commands)) {
    test(`of ${name} reach all workers`, async () => {
      const server = await start(command, { cwd: app, env: home });
      const url = `${server.address.replace("http", "ws")}/rooms/a`;
      const text = "long enough to be compressed ".repeat(100);
      const pids = new Set<string>();
      const all: WebSocket[] = [];
      // Both processes say who they are to whoever is in the room.
      while (pids.size < 2) {
        const ws = new WebSocket(url);
        all.push(ws);
        const echoed = Promise.withResolvers<void>();
        ws.onopen = () => ws.send(text);
        ws.onerror = () => echoed.reject(new Error("no WebSocket"));
        ws.onmessage = ({ data }) => {
          if (data === text) echoed.resolve();
          else pids.add(String(data));
        };
        await echoed.promise;
      }
      for (const ws of all) ws.close();
      await server.stop();
    });
  }

  test("have declarations that check in the user's project", async () => {
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "esnext"];
    const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
    const types = ["--types", "bun", "--typeRoots", join(root, "node_modules/@types")];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const command = [bun, tsc, ...flags, ...modules, ...types, "chat.ts"];
    expect((await finish(command, { cwd: app, env: home })).stdout).toBe("");
  });
});

describe("the binary", () => {
  const path = join(scratch, "bin");

  beforeAll(() => {
    mkdirSync(path);
    for (const name of ["bun", "bunx"]) symlinkSync(bun, join(path, name));
  });

  test("describes the user's program with `bunx chopin openapi server.ts`", async () => {
    const env = { ...home, PATH: path };
    const command = [join(path, "bunx"), "--no-install", "chopin", "openapi", "server.ts"];
    const { stdout, stderr } = await succeed(command, { cwd: app, env });
    expect(stderr).toBe("");
    expect(Object.keys(JSON.parse(stdout).paths)).toEqual(["/", "/users/{id}"]);
    const client = await succeed([...command, "--client"], { cwd: app, env });
    expect(client.stdout).toContain('  readonly "GET /users/:id": {\n');
  });

  test("is a command of the user's folder", async () => {
    const env = { ...home, PATH: path };
    const command = join(app, "node_modules/.bin/chopin");
    const { stdout } = await succeed([command, "--help"], { cwd: app, env });
    expect(stdout).toStartWith("Usage: chopin ");
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect((await succeed([command, "--version"], { cwd: app, env })).stdout).toBe(`${version}\n`);
  });
});

describe("a bundle", () => {
  test("serves from another folder", async () => {
    await succeed([bun, "build", "--target=bun", "--outdir=bundle", "server.ts"], {
      cwd: app,
      env: home,
    });
    await expectServing([bun, join(app, "bundle/server.js")], scratch, home);
  });
});

describe("a compiled executable", () => {
  const elsewhere = join(scratch, "elsewhere");
  const executable = join(elsewhere, "server");

  beforeAll(async () => {
    mkdirSync(elsewhere);
    const command = [bun, "build", "--compile", "server.ts", "--outfile", executable];
    await succeed(command, { cwd: app, env: home });
  });

  test("serves from another folder with an empty environment", async () => {
    await expectServing([executable], elsewhere, {});
  });

  test("embeds the libraries of its target only, of both C libraries on Linux", async () => {
    const bytes = Buffer.from(await Bun.file(executable).arrayBuffer());
    const embedded = libraries.filter((path) =>
      bytes.includes(readFileSync(join(installed, path))),
    );
    const target = `native/${process.platform}-${process.arch}`;
    expect(embedded).toEqual(libraries.filter((path) => path.startsWith(target)));
  });

  test("has the page of its OpenAPI document in it", async () => {
    const program = `import { Chopin } from "chopin";
      const app = new Chopin().get("/", "hello").openapi();
      console.log((await app.serve("127.0.0.1:0")).url);`;
    writeFileSync(join(app, "documented.ts"), program);
    const documented = join(elsewhere, "documented");
    const command = [bun, "build", "--compile", "documented.ts", "--outfile", documented];
    await succeed(command, { cwd: app, env: home });
    const server = await start([documented], { cwd: elsewhere });
    const sizes = ["swagger-ui.js", "swagger-ui.css", "licences.txt"].map(async (name) => {
      const answer = await fetch(`${server.address}/docs/${name}`);
      return [answer.status, (await answer.text()).length > 10_000];
    });
    const page = await fetch(`${server.address}/docs`);
    const told = [page.status, ...(await Promise.all(sizes))];
    await server.stop();
    expect(told).toEqual([200, [200, true], [200, true], [200, true]]);
  });

  // Elsewhere Bun's own copy is the only way, and its error names the folder.
  if (process.platform === "linux") {
    test("serves without a temporary folder, and says so in one line", async () => {
      const env = { TMPDIR: "/proc", CHOPIN_DEBUG: "1" };
      const errors = await expectServing([executable], elsewhere, env);
      expect(errors).toMatch(/^chopin: library opened from memory, because: .+\n$/m);
    });
  }
});

describe("a broken installation", () => {
  /** The copy of the library that this checkout's own tests load. */
  let library = "";

  beforeAll(async () => {
    library = join(installed, relative(root, await libraryPath()));
  });

  /** The first line of the error with which the server does not start. */
  async function startError(): Promise<string> {
    const { code, stderr } = await finish([bun, "run", "server.ts"], { cwd: app, env: home });
    expect(code).toBe(1);
    return /^error: .*$/m.exec(stderr)?.[0] ?? stderr;
  }

  test("names a library of another version in one line", async () => {
    const version = /\babiVersion = \d+;/;
    const modules = [...new Bun.Glob("*.js").scanSync(join(installed, "dist"))]
      .map((name) => join(installed, "dist", name))
      .filter((path) => version.test(readFileSync(path, "utf8")));
    const [module = ""] = modules;
    const source = readFileSync(module, "utf8");
    const newer = source.replace(version, "abiVersion = 99;");
    writeFileSync(module, newer);
    expect(await startError()).toMatch(
      /^error: Chopin's native library speaks version \d+ of the border, this package version 99: /,
    );
    writeFileSync(module, source);
  });

  test("names a library that cannot be loaded in one line", async () => {
    writeFileSync(library, "not a library");
    expect(await startError()).toBe(
      `error: Chopin's native library at ${library} does not fit this package: ` +
        "install the package again, or run `bun run build` in a checkout",
    );
  });

  test("names a missing library in one line", async () => {
    rmSync(library);
    expect(await startError()).toBe(
      `error: Chopin's native library for ${process.platform}-${process.arch} is missing: ` +
        "in a checkout run `bun run build`, otherwise install the package again",
    );
  });
});
