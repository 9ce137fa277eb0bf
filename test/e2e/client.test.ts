/** The built client against a live server, from Node and from a page in a real browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildClient } from "../../scripts/client.ts";
import { Chopin, type Server, t } from "../../src/index.ts";
import { cors } from "../../src/middleware/index.ts";
import { Browser, chromium } from "./_browser.ts";
import { finish } from "./_process.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-client-"));
const node = Bun.which("node") ?? undefined;
let server: Server;
let site: Server;

/** The routes that `client-calls.js` asks for, and pages of one other origin may. */
function api(origin: string): Chopin {
  const app = new Chopin();
  app.layer(cors({ origin: [origin] }));
  app.get("/users/:id", (ctx) => {
    const { params, query, headers } = ctx;
    const token = headers.get("x-token");
    return { id: params.id, tags: ctx.queries("tag"), at: query.at, token };
  });
  app.post("/users", { body: t.Object({ name: t.String({ minLength: 1 }) }) }, (ctx) =>
    ctx.json({ hello: ctx.body.name }, 201),
  );
  app.post("/form", async (ctx) => ({ name: (await ctx.form()).get("name") }));
  app.get("/lines", async function* () {
    for (let line = 1; line <= 3; line++) {
      yield `${line} é\n`;
      await Bun.sleep(1);
    }
  });
  app.get("/events", (ctx) =>
    ctx.events(async function* ({ lastEventId = "0" }) {
      const from = Number(lastEventId);
      for (let id = from + 1; id <= from + 2; id++) {
        yield { event: "tick", id: String(id), data: { id }, retry: 1 };
      }
    }),
  );
  app.get("/never", () => new Promise<never>(() => {}));
  return app;
}

const expected = {
  one: [200, { id: "a/b é", tags: ["x", "y"], at: "1970-01-01T00:00:00.000Z", token: "t" }],
  made: [201, { hello: "Kim" }],
  refused: [422, "/name"],
  thrown: [true, "validation_failed", 422],
  file: { name: "Kim" },
  lines: "1 é\n2 é\n3 é\n",
  events: [1, 2, 3, 4].map((id) => ["tick", String(id), { id }]),
  aborted: "AbortError",
  late: "timeout",
  head: [200, null],
  nobody: "network_error",
};

beforeAll(async () => {
  await buildClient(folder);
  cpSync(join(import.meta.dir, "../fixtures/client-calls.js"), join(folder, "client-calls.js"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>client</title>");
  site = await new Chopin().files("/", folder).serve("127.0.0.1:0");
  server = await api(new URL(site.url).origin).serve("127.0.0.1:0");
});
afterAll(async () => {
  await Promise.all([server.stop({ timeoutMs: 1000 }), site.stop({ timeoutMs: 1000 })]);
  rmSync(folder, { recursive: true });
});

describe("the built client", () => {
  test.skipIf(!node)("calls from Node (needs Node 20 or newer)", async () => {
    const program = join(folder, "program.mjs");
    writeFileSync(
      program,
      `import * as client from "./client/index.js";
       import { calls } from "./client-calls.js";
       console.log(JSON.stringify(await calls(client, process.argv[2])));`,
    );
    const { stdout, stderr } = await finish([node!, program, server.url], { cwd: folder });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  test.skipIf(!chromium)(
    "calls from a page of another origin (needs Debian's chromium)",
    async () => {
      const browser = await Browser.start(chromium!);
      try {
        await browser.open(`${site.url}index.html`);
        await browser.until("document.title === 'client'");
        const told = await browser.evaluate(
          `Promise.all([import("/client/index.js"), import("/client-calls.js")])
            .then(([client, { calls }]) => calls(client, ${JSON.stringify(server.url)}))`,
        );
        expect(told).toEqual(expected);
        // Bases without an origin are those of the page.
        const own = await browser.evaluate(
          `import("/client/index.js")
            .then(({ createClient }) => createClient("/client").get("/index.js"))
            .then(({ status, body }) => [status, body.includes("createClient")])`,
        );
        expect(own).toEqual([200, true]);
      } finally {
        await browser.stop();
      }
    },
    60_000,
  );
});
