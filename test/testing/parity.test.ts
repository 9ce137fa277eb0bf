/** That an application under test answers as it does by itself, and what loads the kit. */
import { describe, expect, test as it } from "bun:test";
import { join } from "node:path";
import { Chopin, HTTPError, t } from "../../src/index.ts";
import { cors, etag, secureHeaders } from "../../src/middleware/index.ts";
import { test } from "../../src/testing/index.ts";
import { finish } from "../e2e/_process.ts";

const root = join(import.meta.dir, "../..");

/** With a bit of everything that answers by itself. */
function application(hooks: boolean): Chopin {
  const admin = new Chopin()
    .layer((ctx, next) => (ctx.query.key === "k" ? next() : ctx.text("no", 403)))
    .get("/", "inside")
    .notFound((ctx) => ctx.text(`nothing at ${ctx.path}`));
  const app = new Chopin({ trailingSlash: "ignore", trustProxy: "loopback" });
  if (hooks) {
    app.layer(secureHeaders()).layer(cors());
    app.onError((error, ctx) => ctx.json({ oops: String(error) }, 500));
    app.onInvalid((issues, ctx) => ctx.json({ wrong: issues.length }, 400));
    app.notFound((ctx) => ctx.text("lost"));
  }
  return app
    .openapi()
    .nest("/admin", admin)
    .get("/constant", { a: 1 })
    .layerPath("/tagged", etag())
    .get("/tagged", () => "text")
    .get("/ip", ({ ip }) => ip)
    .post("/form", async (ctx) => {
      const form = await ctx.form();
      return { name: form.get("name") ?? null };
    })
    .post("/body", { body: t.Object({ n: t.Integer() }), bodyLimit: 100 }, ({ body }) => body)
    .get("/forbidden", () => {
      throw new HTTPError(403, "not_yours", "No.", { headers: { "x-why": "because" } });
    })
    .files("/files", join(root, "docs"));
}

const json = { "content-type": "application/json" };
const requests: readonly (readonly [path: string, init?: RequestInit])[] = [
  ["/constant"],
  ["/constant/"],
  ["/constant", { method: "HEAD" }],
  ["/constant", { method: "OPTIONS" }],
  ["/constant", { method: "DELETE" }],
  ["/constant", { method: "OPTIONS", headers: { origin: "https://a.example" } }],
  ["/none"],
  ["/%zz"],
  ["/tagged"],
  ["/tagged", { headers: { "if-none-match": '"none"' } }],
  ["/admin?key=k"],
  ["/admin"],
  ["/admin/else?key=k"],
  ["/ip", { headers: { "x-forwarded-for": "192.0.2.7" } }],
  ["/form", { method: "POST", body: new URLSearchParams({ name: "Kim" }) }],
  ["/body", { method: "POST", body: '{"n":1}', headers: json }],
  ["/body", { method: "POST", body: '{"n":"1"}', headers: json }],
  ["/body", { method: "POST", body: "{", headers: json }],
  ["/body", { method: "POST", body: "x".repeat(200), headers: json }],
  ["/forbidden"],
  ["/files/testing.md", { headers: { range: "bytes=0-8" } }],
  ["/files/none.md"],
  ["/openapi.json"],
];

async function told(response: Response): Promise<unknown> {
  const headers = Object.fromEntries(response.headers);
  for (const name of ["date", "connection", "keep-alive"]) delete headers[name];
  return { status: response.status, headers, body: await response.text() };
}

describe("an application under test answers as it does by itself", () => {
  for (const hooks of [false, true]) {
    it(`in process${hooks ? ", with hooks" : ""}`, async () => {
      const app = application(hooks);
      const api = test(app);
      for (const [path, init] of requests) {
        const request = new Request(`http://localhost${path}`, init);
        const [own, under] = [
          await app.fetch(request, { ip: "127.0.0.1" }),
          await api.fetch(path, init),
        ];
        expect([path, await told(under)]).toEqual([path, await told(own)]);
      }
    });

    it(`over a socket${hooks ? ", with hooks" : ""}`, async () => {
      const app = application(hooks);
      const server = await app.serve("127.0.0.1:0");
      try {
        await using served = await test(app).serve();
        for (const [path, init] of requests) {
          const url = server.url.slice(0, -1) + path;
          const [own, under] = [await fetch(url, init), await served.fetch(path, init)];
          expect([path, await told(under)]).toEqual([path, await told(own)]);
        }
      } finally {
        await server.stop({ timeoutMs: 0 });
      }
    });
  }

  it("with what is wrong in it", async () => {
    const app = new Chopin().get("/a", "a").get("/a", "b");
    await expect(test(app).get("/a")).rejects.toThrow(
      /GET http:\/\/localhost\/a: no answer: .*\/a/,
    );
    await expect(test(app).serve()).rejects.toThrow(/\/a/);
  });
});

describe("the kit is loaded", () => {
  /** Modules that a program has loaded, by parts of their paths. */
  async function loaded(program: string): Promise<string> {
    const script = `${program}; console.log(Object.keys(require.cache).join("\\n"))`;
    const { stdout, stderr } = await finish([process.execPath, "-e", script], { cwd: root });
    expect(stderr).toBe("");
    return stdout;
  }

  it("by tests alone", async () => {
    const modules = await loaded(
      'await import("./src/index.ts"); await import("./src/openapi.ts")',
    );
    expect(modules).toContain("src/app.ts");
    expect(modules).not.toContain("src/testing");
  });

  it("without what only some tests need", async () => {
    const modules = await loaded('await import("./src/testing/index.ts")');
    expect(modules).toContain("src/testing/time.ts");
    expect(modules).not.toMatch(/tough-cookie|typebox|src\/openapi\/document/);
  });

  it("also by programs that no test runner runs", async () => {
    const program = `import { Chopin } from "./src/index.ts";
      import { controlTime, test } from "./src/testing/index.ts";
      using clock = controlTime({ now: 0 });
      const app = new Chopin().get("/", async () => { await Bun.sleep(1000); return "late"; });
      await using served = await test(app).serve();
      console.log((await clock.until(served.get("/"))).body, Date.now());`;
    const { stdout, code } = await finish([process.execPath, "-e", program], { cwd: root });
    expect([stdout, code]).toEqual(["late 1000\n", 0]);
  });
});
