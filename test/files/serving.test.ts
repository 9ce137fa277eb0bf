/** Folders and single files, by `fetch` and through sockets. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { relative } from "node:path";
import { Chopin, Response as FileResponse, type FilesOptions, file } from "../../src/index.ts";
import { bothWays, type Received } from "../_setup.ts";
import { makeFolder } from "./_folder.ts";

const folder = makeFolder();
folder.write("public/index.html", "<h1>home</h1>");
folder.write("public/docs/index.html", "<h1>docs</h1>");
folder.write("public/a.txt", "content of a");
folder.write("public/empty.css", "");
folder.write("public/é ü.json", "{}");
folder.write("public/.env", "secret");
folder.write("public/.well-known/security.txt", "Contact: x");
folder.write("public/.well-known/.hidden", "secret");
folder.write("secret.txt", "secret");
mkdirSync(folder.at("public/bare"));
symlinkSync("../secret.txt", folder.at("public/out"));
symlinkSync(folder.at("public/a.txt"), folder.at("public/absolute"));
symlinkSync("docs/../a.txt", folder.at("public/inside"));
symlinkSync("..", folder.at("public/up"));
const root = folder.at("public");

const assets = (options: FilesOptions = {}) => new Chopin().files("/assets", root, options);

function code(received: Received): unknown {
  return (JSON.parse(received.body) as { code: unknown }).code;
}

describe("a folder", () => {
  bothWays("serves its files with type, length and validators", assets, async (send) => {
    const whole = await send("GET", "/assets/a.txt");
    expect(whole).toMatchObject({ status: 200, body: "content of a" });
    expect(whole.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(whole.headers.get("content-length")).toBe("12");
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    expect(whole.headers.get("etag")).toMatch(/^"[0-9a-f]+-c"$/);
    expect(Date.parse(whole.headers.get("last-modified")!)).toBeGreaterThan(0);
    expect(whole.headers.has("vary")).toBe(false);
    const empty = await send("GET", "/assets/empty.css");
    expect(empty).toMatchObject({ status: 200, body: "" });
    expect(empty.headers.get("content-length")).toBe("0");
    expect(empty.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect((await send("GET", "/assets/%C3%A9%20%C3%BC.json")).body).toBe("{}");
    expect((await send("GET", "/assets/inside")).body).toBe("content of a");
  });

  bothWays("answers HEAD with the fields of GET", assets, async (send) => {
    for (const path of ["/assets/a.txt", "/assets/empty.css", "/assets/"]) {
      const get = await send("GET", path);
      const head = await send("HEAD", path);
      expect(head).toMatchObject({ status: 200, body: "" });
      expect(head.headers.toJSON()).toEqual(get.headers.toJSON());
    }
    expect(await send("HEAD", "/assets/nothing")).toMatchObject({ status: 404, body: "" });
  });

  bothWays("is for GET and HEAD", assets, async (send) => {
    const refused = await send("POST", "/assets/a.txt", { body: "x" });
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });

  bothWays("has an index, to which names without a slash lead", assets, async (send) => {
    expect((await send("GET", "/assets/")).body).toBe("<h1>home</h1>");
    expect((await send("GET", "/assets/docs/")).body).toBe("<h1>docs</h1>");
    for (const [path, location] of [
      ["/assets", "./assets/"],
      ["/assets/docs", "./docs/"],
    ] as const) {
      const moved = await send("GET", path);
      expect(moved.status).toBe(301);
      expect(moved.headers.get("location")).toBe(location);
    }
    expect((await send("GET", "/assets/bare")).status).toBe(404);
    expect((await send("GET", "/assets/bare/")).status).toBe(404);
  });

  bothWays("sends nothing from outside, and nothing hidden", assets, async (send) => {
    for (const path of [
      "nothing",
      "out",
      "absolute",
      "up/secret.txt",
      "up/public/a.txt",
      ".env",
      ".well-known/.hidden",
      "/etc/passwd",
      "/",
      "docs//index.html",
      "a.txt/",
      "a.txt/x",
      "%2Fetc%2Fpasswd",
      "docs%2Findex.html",
      "..%2F..%2Fsecret.txt",
      "..\\..\\secret.txt",
      "%5c..%5csecret.txt",
      "a.txt%0d%0aX-Injected:%201",
      `${"a".repeat(300)}`,
      `${"a/".repeat(2000)}`,
    ]) {
      const received = await send("GET", `/assets/${path}`);
      expect([path.slice(0, 40), received.status]).toEqual([path.slice(0, 40), 404]);
      expect(received.body.includes("secret")).toBe(false);
    }
    expect((await send("GET", "/assets/.well-known/security.txt")).body).toBe("Contact: x");
  });

  for (const [how, make] of [
    ["natively", assets],
    ["behind middleware", () => assets().layer((_, next) => next())],
  ] as const) {
    bothWays(
      `tells an escaped slash from one that was escaped twice, ${how}`,
      make,
      async (send) => {
        folder.write("public/a%2Fb", "percent");
        expect((await send("GET", "/assets/a%252Fb")).body).toBe("percent");
        expect((await send("GET", "/assets/a%2Fb")).status).toBe(404);
      },
    );
  }

  bothWays(
    "allows dotfiles, other indexes and no ETag",
    () => {
      const options: FilesOptions = { dotfiles: "allow", index: ["a.txt", "b"], etag: false };
      return assets({ ...options, cacheControl: { maxAgeSeconds: 60, immutable: true } });
    },
    async (send) => {
      expect((await send("GET", "/assets/.env")).body).toBe("secret");
      const index = await send("GET", "/assets/");
      expect(index.body).toBe("content of a");
      expect(index.headers.has("etag")).toBe(false);
      expect(index.headers.get("cache-control")).toBe("immutable, max-age=60");
    },
  );

  bothWays(
    "falls back to a page for what has no extension",
    () => {
      return new Chopin().files("/", root, { fallback: "docs/index.html", index: false });
    },
    async (send) => {
      expect((await send("GET", "/users/7")).body).toBe("<h1>docs</h1>");
      expect((await send("GET", "/")).body).toBe("<h1>docs</h1>");
      expect((await send("GET", "/a.txt")).body).toBe("content of a");
      expect((await send("GET", "/missing.js")).status).toBe(404);
    },
  );

  bothWays(
    "stands at the root, below other applications, and beside routes",
    () => {
      const inner = new Chopin().files("/static", relative(process.cwd(), root));
      const app = new Chopin().files("/", root).nest("/inner", inner);
      inner.get("/", () => "inner");
      return app.get("/api", () => "api").get("/docs/live", () => "live");
    },
    async (send) => {
      expect((await send("GET", "/")).body).toBe("<h1>home</h1>");
      expect((await send("GET", "/docs/")).body).toBe("<h1>docs</h1>");
      expect((await send("GET", "/docs/live")).body).toBe("live");
      expect((await send("GET", "/api")).body).toBe("api");
      expect((await send("GET", "/inner")).body).toBe("inner");
      expect((await send("GET", "/inner/static/a.txt")).body).toBe("content of a");
      expect((await send("GET", "/inner/static")).headers.get("location")).toBe("./static/");
    },
  );

  bothWays(
    "leaves the root's own page to the program",
    () => new Chopin().files("/", root).get("/", () => "own"),
    async (send) => {
      expect((await send("GET", "/")).body).toBe("own");
      expect((await send("GET", "/a.txt")).body).toBe("content of a");
    },
  );

  bothWays(
    "does not lead in a circle where slashes are ignored",
    () => {
      return new Chopin({ trailingSlash: "ignore" }).files("/assets", root);
    },
    async (send) => {
      expect((await send("GET", "/assets")).status).toBe(301);
      expect((await send("GET", "/assets/")).body).toBe("<h1>home</h1>");
    },
  );

  bothWays(
    "shows middleware the true answer, and takes its changes",
    () => {
      return assets().layer(async (ctx, next) => {
        const answer = await next();
        answer.headers.set("X-Seen", `${answer.status} ${answer.headers.get("etag") !== null}`);
        if (ctx.query.replace !== undefined) answer.body = "replaced";
      });
    },
    async (send) => {
      const whole = await send("GET", "/assets/a.txt");
      expect(whole.headers.get("x-seen")).toBe("200 true");
      expect(whole.body).toBe("content of a");
      const etag = whole.headers.get("etag")!;
      const same = await send("GET", "/assets/a.txt", { headers: { "If-None-Match": etag } });
      expect(same.status).toBe(304);
      expect(same.headers.get("x-seen")).toBe("304 true");
      expect((await send("GET", "/assets/nothing")).headers.get("x-seen")).toBe("404 false");
      const replaced = await send("GET", "/assets/a.txt?replace");
      expect(replaced.body).toBe("replaced");
      expect(replaced.headers.get("content-length")).toBe("8");
    },
  );

  bothWays(
    "lets onError answer for what is not there",
    () => {
      return assets().onError((error) => `no file: ${(error as { code: string }).code}`);
    },
    async (send) => {
      expect(await send("GET", "/assets/nothing")).toMatchObject({
        status: 404,
        body: "no file: not_found",
      });
    },
  );

  bothWays(
    "leaves what is not there to notFound",
    () => {
      const inner = new Chopin().files("/", root).notFound(() => "inner");
      const app = new Chopin().files("/", root, { index: false }).nest("/inner", inner);
      return app.notFound((ctx) => `outer ${ctx.path}`);
    },
    async (send) => {
      expect((await send("GET", "/a.txt")).body).toBe("content of a");
      expect(await send("GET", "/nothing")).toMatchObject({ status: 404, body: "outer /nothing" });
      expect(await send("GET", "/")).toMatchObject({ status: 404, body: "outer /" });
      expect(await send("GET", "/inner/x")).toMatchObject({ status: 404, body: "inner" });
      expect((await send("GET", "/inner/a.txt")).body).toBe("content of a");
    },
  );

  test("must exist, and have options that mean something", () => {
    const app = new Chopin();
    const fails = (run: () => unknown, fault: string) =>
      expect(run).toThrow(expect.objectContaining({ code: fault }));
    fails(() => app.files("/x", folder.at("nothing")), "files_folder");
    fails(() => app.files("/x", folder.at("public/a.txt")), "files_folder");
    fails(() => app.files("/x", { "a.txt": folder.at("nothing") }), "files_folder");
    fails(() => app.files("x", root), "invalid_route");
    fails(() => app.files("/x", ""), "files_folder");
    fails(() => app.files("/x", `${root}\0`), "files_folder");
    fails(() => file(""), "files_folder");
    for (const options of [
      { index: "a/b" },
      { index: [""] },
      { dotfiles: "deny" },
      { etag: "best" },
      { checkMs: -1 },
      { checkMs: 0.5 },
      { precompressed: 1 },
      { fallback: "/etc/passwd" },
      { immutable: true },
      { cacheControl: { public: true, private: true } },
    ]) {
      fails(() => app.files("/x", root, options as FilesOptions), "invalid_option");
    }
    fails(() => app.files("/x", root, { cacheControl: "a\nb" }), "invalid_header");
    expect(app.routes()).toEqual([]);
  });

  if (process.getuid?.() === 0) {
    test("a file that may not be read: not for root, who reads everything", () => {
      expect(process.getuid?.()).toBe(0);
    });
  } else {
    bothWays(
      "refuses a file that may not be read",
      () => {
        chmodSync(folder.write("public/private.txt", "secret"), 0);
        return assets();
      },
      async (send) => {
        const refused = await send("GET", "/assets/private.txt");
        expect([refused.status, code(refused)]).toEqual([403, "forbidden"]);
      },
    );
  }
});

describe("one file", () => {
  const path = folder.at("public/a.txt");

  bothWays(
    "is answered by ctx.file, file, Response.file, and in place of a handler",
    () => {
      return new Chopin()
        .get("/ctx", (ctx) => ctx.file(path))
        .get("/async", async (ctx) => ctx.file(relative(process.cwd(), path)))
        .get("/file", () => file(path, { etag: "weak", cacheControl: "no-cache" }))
        .get("/response", () => FileResponse.file(path))
        .get("/constant", file(path, { headers: { "X-A": "1" } }))
        .post("/post", (ctx) => ctx.file(path));
    },
    async (send) => {
      for (const route of ["/ctx", "/async", "/file", "/response", "/constant"]) {
        const received = await send("GET", route, { headers: { Range: "bytes=0-6" } });
        expect(received).toMatchObject({ status: 206, body: "content" });
        expect(received.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      }
      const weak = await send("GET", "/file");
      expect(weak.headers.get("etag")).toStartWith('W/"');
      expect(weak.headers.get("cache-control")).toBe("no-cache");
      const same = await send("GET", "/file", {
        headers: { "If-None-Match": weak.headers.get("etag")! },
      });
      expect([same.status, same.headers.get("cache-control")]).toEqual([304, "no-cache"]);
      expect((await send("GET", "/constant")).headers.get("x-a")).toBe("1");
      const posted = await send("POST", "/post", { headers: { Range: "bytes=0-0" }, body: "" });
      expect(posted).toMatchObject({ status: 200, body: "content of a" });
    },
  );

  bothWays(
    "has the type, status and fields that it is given",
    () => {
      return new Chopin()
        .get("/typed", (ctx) => ctx.file(path, { type: "text/x-own", headers: { "X-A": "1" } }))
        .get("/lost", (ctx) => ctx.file(path, { status: 404 }))
        .get("/drafted", (ctx) => ctx.status(503).header("X-B", "2").file(path))
        .get("/missing", (ctx) => ctx.file(folder.at("nothing")))
        .get("/folder", (ctx) => ctx.file(folder.path));
    },
    async (send) => {
      const typed = await send("GET", "/typed");
      expect(typed.headers.get("content-type")).toBe("text/x-own");
      expect(typed.headers.get("x-a")).toBe("1");
      const conditional = { headers: { "If-None-Match": "*", Range: "bytes=0-0" } };
      expect(await send("GET", "/lost", conditional)).toMatchObject({
        status: 404,
        body: "content of a",
      });
      const drafted = await send("GET", "/drafted", conditional);
      expect(drafted).toMatchObject({ status: 503, body: "content of a" });
      expect(drafted.headers.get("x-b")).toBe("2");
      for (const route of ["/missing", "/folder"]) {
        const missing = await send("GET", route);
        expect([missing.status, code(missing)]).toEqual([404, "not_found"]);
      }
    },
  );

  bothWays(
    "is offered for download under any name",
    () => {
      const name = (download: string | true) => new Chopin().get("/", file(path, { download }));
      const app = new Chopin();
      const names = [true, "Report 2026.pdf", 'a "b"\\c.txt', "naïve 100%.txt", "日本'()*.txt"];
      for (const [index, download] of (names as (string | true)[]).entries()) {
        app.nest(`/${index}`, name(download));
      }
      return app;
    },
    async (send) => {
      const expected = [
        'attachment; filename="a.txt"',
        'attachment; filename="Report 2026.pdf"',
        'attachment; filename="c.txt"',
        "attachment; filename=\"na_ve 100_.txt\"; filename*=UTF-8''na%C3%AFve%20100%25.txt",
        "attachment; filename=\"__'()*.txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%27%28%29%2A.txt",
      ];
      for (const [index, value] of expected.entries()) {
        const received = await send("GET", `/${index}`);
        expect(received.headers.get("content-disposition")).toBe(value);
        expect(received.body).toBe("content of a");
      }
    },
  );

  test("names and options that cannot be sent are refused where they are written", () => {
    for (const download of ["", "a/", "a\nb", "a\0"]) {
      expect(() => file(path, { download })).toThrow("is no name of a download");
    }
    expect(() => file(path, { status: 99 })).toThrow();
    expect(() => file(path, { type: "a\r\nb" })).toThrow();
  });
});
