/** Files that are embedded in an executable: named one by one, and served from a compiled one. */
import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Chopin } from "../../src/index.ts";
import { bothWays } from "../_setup.ts";
import { bunOnly, start, succeed } from "../e2e/_process.ts";
import { makeFolder } from "./_folder.ts";

const folder = makeFolder();
const index = folder.write("a-1234.html", "<h1>home</h1>");
const style = folder.write("b-1234.css", "body {}");
const zipped = folder.write("c-1234.gz", gzipSync("body {}"));
const hidden = folder.write("d-1234", "secret");
const empty = folder.write("e-1234", "");

const app = () =>
  new Chopin().files("/site", {
    "index.html": index,
    "css/b.css": style,
    "css/b.css.gz": zipped,
    "docs/index.html": index,
    "empty.txt": empty,
  });

describe("named files", () => {
  bothWays("have the names that they were given", app, async (send) => {
    expect(await send("GET", "/site/")).toMatchObject({ status: 200, body: "<h1>home</h1>" });
    expect((await send("GET", "/site/docs")).headers.get("location")).toBe("./docs/");
    expect((await send("GET", "/site/docs/")).body).toBe("<h1>home</h1>");
    const received = await send("GET", "/site/css/b.css", { headers: { Range: "bytes=0-3" } });
    expect(received).toMatchObject({ status: 206, body: "body" });
    expect(received.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(received.headers.get("vary")).toBe("accept-encoding");
    expect((await send("GET", "/site/empty.txt")).body).toBe("");
    for (const path of ["a-1234.html", "css/", "css", "nothing", "css/b.css/"]) {
      expect([path, (await send("GET", `/site/${path}`)).status]).toEqual([path, 404]);
    }
  });

  bothWays("have tags of their content, and siblings", app, async (send) => {
    const headers = { "Accept-Encoding": "gzip" };
    const received = await send("GET", "/site/css/b.css", { headers });
    expect(received.headers.get("content-encoding")).toBe("gzip");
    const etag = received.headers.get("etag")!;
    expect(etag).toMatch(/^"[0-9a-f]+-gzip"$/);
    const again = { ...headers, "If-None-Match": etag };
    expect((await send("GET", "/site/css/b.css", { headers: again })).status).toBe(304);
    const tags = await Promise.all(
      ["/site/", "/site/docs/"].map(async (path) => (await send("GET", path)).headers.get("etag")),
    );
    expect(tags[0]).toBe(tags[1]!);
  });

  test("must be names", () => {
    for (const name of ["", ".env", "a//b", "../a", "a/", "a\0"]) {
      const declare = () => new Chopin().files("/", { [name]: hidden });
      expect(declare).toThrow("is no name of a file");
    }
    const twice = () => new Chopin().files("/", { "a.css": style, "/a.css": index });
    expect(twice).toThrow("is no name of a file, or twice");
  });
});

describe("a compiled executable", () => {
  // Outside of the folder of sources, which must not be what is served.
  const scratch = mkdtempSync(join(tmpdir(), "chopin-embedded-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("serves its files", async () => {
    const source = join(import.meta.dir, "../../src/index.ts");
    folder.write("site/page.html", "<h1>embedded</h1>");
    folder.write("site/style.css", "b {}");
    folder.write(
      "main.ts",
      `import { Chopin } from ${JSON.stringify(source)};
      import page from "./site/page.html" with { type: "file" };
      import style from "./site/style.css" with { type: "file" };
      const server = await new Chopin()
        .files("/", { "index.html": page, "style.css": style })
        .serve("127.0.0.1:0");
      console.log(\`listening on \${server.url}\`);`,
    );
    const built = folder.at("server");
    await succeed(
      [process.execPath, "build", "--compile", folder.at("main.ts"), "--outfile", built],
      {
        cwd: folder.path,
        env: bunOnly,
      },
    );
    const executable = join(scratch, "server");
    cpSync(built, executable);
    rmSync(folder.at("site"), { recursive: true });
    const server = await start([executable], { cwd: scratch, env: bunOnly });
    const page = await fetch(`${server.address}/`);
    const style = await fetch(`${server.address}/style.css`, { headers: { Range: "bytes=0-0" } });
    const seen = [page.status, await page.text(), style.status, await style.text()];
    const dated = Date.parse(page.headers.get("last-modified")!);
    await server.stop();
    expect(seen).toEqual([200, "<h1>embedded</h1>", 206, "b"]);
    expect(dated).toBeGreaterThan(Date.parse("2020-01-01"));
  }, 60_000);
});
