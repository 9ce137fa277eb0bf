/** Middleware: order, prefixes, what it sees and changes, and its mistakes. */
import { describe, expect, spyOn, test } from "bun:test";
import { Chopin, HTTPError, type Middleware, text } from "../src/index.ts";
import { bothWays, withServer } from "./_setup.ts";

/** Writes its name into a field, on the way in and out. */
const mark =
  (name: string): Middleware =>
  async (ctx, next) => {
    ctx.header("X-Way", `+${name}`, { append: true });
    const answer = await next();
    answer.headers.append("X-Way", `-${name}`);
  };

const way = (headers: Headers): string => headers.get("x-way") ?? "";

describe("order", () => {
  bothWays(
    "layers in the order of their registration, then nested ones, then the route's own",
    () => {
      const inner = new Chopin().layer(mark("inner"));
      inner.get("/x", { use: [mark("use1"), mark("use2")] }, () => "x");
      return new Chopin()
        .nest("/in", inner)
        .layerPath("/in", mark("path"))
        .layer(mark("global"))
        .get("/y", { use: mark("own") }, () => "y");
    },
    async (send) => {
      const nested = await send("GET", "/in/x");
      expect(
        way(nested.headers)
          .split(", ")
          .filter((step) => step.startsWith("+")),
      ).toEqual(["+path", "+global", "+inner", "+use1", "+use2"]);
      expect(
        way(nested.headers)
          .split(", ")
          .filter((step) => step.startsWith("-")),
      ).toEqual(["-use2", "-use1", "-inner", "-global", "-path"]);
      expect(way((await send("GET", "/y")).headers)).toContain("+own");
    },
  );
});

describe("prefixes", () => {
  const make = () => {
    const app = new Chopin();
    app.layerPath("/admin", mark("admin"));
    app.layerPath("/admin/users/:id", mark("user"));
    app.get("/admin", () => "admin");
    app.get("/admin/users/:id", ({ params }) => params.id);
    app.get("/:any/*rest", () => "any");
    app.get("/administrator", () => "other");
    return app;
  };

  bothWays("cover whole segments, at and below them", make, async (send) => {
    const ways = async (path: string) =>
      way((await send("GET", path)).headers).replaceAll(/, |-\w+/g, "");
    expect(await ways("/admin")).toBe("+admin");
    expect(await ways("/admin/users/7")).toBe("+admin+user");
    expect(await ways("/admin/other")).toBe("+admin");
    expect(await ways("/administrator")).toBe("");
    expect(await ways("/user/x")).toBe("");
  });

  bothWays("cannot be walked round by another spelling", make, async (send) => {
    for (const path of ["/%61dmin", "/adm%69n/x", "/admin/", "/admin/%2e%2e%2f"]) {
      const { status, headers } = await send("GET", path);
      expect([path, status === 400 || way(headers).includes("+admin")]).toEqual([path, true]);
    }
    expect((await send("GET", "/Admin")).status).toBe(404);
    // The slash is inside the segment, so this is no path below /admin.
    expect(way((await send("GET", "/admin%2Fx/y")).headers)).toBe("");
  });

  bothWays("cover 404, 405 and OPTIONS too", make, async (send) => {
    for (const [method, path, status] of [
      ["POST", "/admin", 405],
      ["OPTIONS", "/admin", 204],
      ["HEAD", "/admin", 200],
    ] as const) {
      const answer = await send(method, path);
      expect(answer.status).toBe(status);
      expect(way(answer.headers).split(", ").sort()).toEqual(["+admin", "-admin"]);
    }
  });
});

describe("what a middleware does", () => {
  bothWays(
    "it changes status, fields and body of what comes from behind",
    () => {
      const app = new Chopin();
      app.layer(async (_, next) => {
        const answer = await next();
        answer.headers.set("X-Was", `${answer.status} ${JSON.stringify(answer.body)}`);
        if (answer.headers.get("X-Drop") !== null) answer.headers.delete("X-Drop");
        if (answer.status === 200) answer.status = 203;
      });
      app.get("/object", (ctx) => ctx.header("X-Drop", "1").json({ a: 1 }));
      app.get("/value", () => ({ b: 2 }));
      app.get("/text", () => "text");
      app.get("/body", { use: changeBody }, () => ({ old: true }));
      app.get("/bytes", { use: wrap }, () => ({ c: "é" }));
      return app;
    },
    async (send) => {
      const object = await send("GET", "/object");
      expect([object.status, object.body]).toEqual([203, '{"a":1}']);
      expect(object.headers.get("x-was")).toBe('200 {"a":1}');
      expect(object.headers.has("x-drop")).toBe(false);
      expect((await send("GET", "/value")).headers.get("x-was")).toBe('200 {"b":2}');
      expect((await send("GET", "/text")).headers.get("x-was")).toBe('200 "text"');
      const changed = await send("GET", "/body");
      expect([changed.headers.get("content-type"), changed.body]).toEqual([
        "text/plain; charset=utf-8",
        "new",
      ]);
      expect((await send("GET", "/bytes")).body).toBe("10 bytes");
    },
  );

  bothWays(
    "it answers by itself",
    () => {
      let reached = 0;
      const app = new Chopin();
      app.layerPath("/closed", (ctx) => ctx.text("closed", 403));
      app.layerPath("/null", () => null);
      app.layerPath("/value", async () => ({ value: 1 }));
      app.get("/*rest", () => `reached ${++reached}`);
      return app;
    },
    async (send) => {
      expect(await send("GET", "/closed/x")).toMatchObject({ status: 403, body: "closed" });
      expect((await send("GET", "/null")).status).toBe(204);
      expect((await send("GET", "/value")).body).toBe('{"value":1}');
      expect((await send("GET", "/open")).body).toBe("reached 1");
    },
  );

  bothWays(
    "it sees and replaces native answers",
    () => {
      const app = new Chopin();
      app.layer(async (ctx, next) => {
        const answer = await next();
        if (ctx.path === "/replace") return text("replaced", 200);
        answer.headers.set("X-Seen", `${answer.status} ${answer.bytes().length}`);
        return answer;
      });
      app.get("/constant", "constant");
      return app;
    },
    async (send) => {
      const constant = await send("GET", "/constant");
      expect([constant.body, constant.headers.get("x-seen")]).toEqual(["constant", "200 8"]);
      const missing = await send("GET", "/missing");
      expect([missing.status, missing.headers.get("x-seen")]).toEqual([404, "404 74"]);
      expect(JSON.parse(missing.body).code).toBe("not_found");
      const refused = await send("POST", "/constant");
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
      expect((await send("OPTIONS", "/constant")).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
      expect((await send("GET", "/replace")).body).toBe("replaced");
    },
  );

  bothWays(
    "it shares state with the handler",
    () => {
      const app = new Chopin<{ user?: string; steps: number }>();
      app.layer((ctx, next) => {
        ctx.state.user = ctx.header("x-user") ?? "nobody";
        ctx.state.steps = 1;
        return next();
      });
      app.layer(async (ctx, next) => {
        ctx.state.steps++;
        return await next();
      });
      app.get("/", ({ state }) => ({ ...state }));
      return app as unknown as Chopin;
    },
    async (send) => {
      const kim = await send("GET", "/", { headers: { "X-User": "kim" } });
      expect(kim.body).toBe('{"user":"kim","steps":2}');
      expect((await send("GET", "/")).body).toBe('{"user":"nobody","steps":2}');
    },
  );

  test("synchronous and asynchronous ones mix", async () => {
    const app = new Chopin();
    app.layer((_, next) => next());
    app.layer((ctx, next) => {
      ctx.header("X-Sync", "yes");
      next();
    });
    app.layer(async (_, next) => next());
    app.get("/", async () => "sync");
    await withServer(app, async (server) => {
      const response = await fetch(server.url);
      expect([await response.text(), response.headers.get("x-sync")]).toEqual(["sync", "yes"]);
    });
  });
});

describe("mistakes and errors", () => {
  bothWays(
    "an error becomes an answer that the middleware around sees",
    () => {
      const app = new Chopin();
      app.layer(async (ctx, next) => {
        ctx.header("X-Early", "kept");
        const answer = await next();
        answer.headers.set("X-Error", answer.error instanceof HTTPError ? answer.error.code : "");
      });
      app.layerPath("/guarded", () => {
        throw new HTTPError(401, "no_token", "Sign in.", {
          headers: { "WWW-Authenticate": "Bearer" },
        });
      });
      app.get("/guarded", () => "never");
      app.get("/throws", (ctx) => {
        ctx.header("Content-Type", "text/csv").header("X-Late", "kept").status(201);
        throw new HTTPError(409, "taken");
      });
      app.get("/rejects", async () => {
        await Bun.sleep(0);
        throw new HTTPError(410);
      });
      return app;
    },
    async (send) => {
      const guarded = await send("GET", "/guarded");
      expect(guarded.status).toBe(401);
      expect(guarded.headers.get("www-authenticate")).toBe("Bearer");
      expect(guarded.headers.get("x-error")).toBe("no_token");
      expect(guarded.body).toBe(
        '{"type":"about:blank","title":"Unauthorized","status":401,"code":"no_token","detail":"Sign in."}',
      );
      const thrown = await send("GET", "/throws");
      expect(thrown.status).toBe(409);
      expect(thrown.headers.get("content-type")).toBe("application/problem+json");
      expect([thrown.headers.get("x-early"), thrown.headers.get("x-late")]).toEqual([
        "kept",
        "kept",
      ]);
      const rejected = await send("GET", "/rejects");
      expect([rejected.status, rejected.headers.get("x-error")]).toEqual([410, "gone"]);
    },
  );

  bothWays(
    "next() twice, and neither next() nor an answer",
    () => {
      const app = new Chopin().onError((error) => text(String(error), 500));
      app.layerPath("/twice", async (_, next) => {
        await next();
        return next();
      });
      app.layerPath("/neither", () => {});
      app.get("/*rest", () => "reached");
      return app;
    },
    async (send) => {
      expect((await send("GET", "/twice")).body).toContain("calls next() at most once");
      expect((await send("GET", "/neither")).body).toContain("neither called next() nor returned");
    },
  );

  test("an answer that many requests share is never changed for all of them", async () => {
    const shared = text("shared");
    const app = new Chopin();
    app.layer(async (ctx, next) => {
      const answer = await next();
      answer.headers.append("X-Path", ctx.path);
      answer.status = 201;
    });
    app.get("/*rest", () => shared);
    for (const path of ["/a", "/b"]) {
      const response = await app.fetch(new Request(`http://x${path}`));
      expect(response.headers.get("x-path")).toBe(path);
    }
    expect(shared.status).toBe(200);
    expect([...shared.headers]).toEqual([]);
  });

  test("errors of the server are printed once, those of clients never", async () => {
    const printed = spyOn(console, "error").mockImplementation(() => {});
    const app = new Chopin().layer((_, next) => next());
    app.get("/500", () => {
      throw new Error("mine");
    });
    app.get("/400", () => {
      throw new HTTPError(400);
    });
    await app.fetch(new Request("http://x/400"));
    expect(printed).toHaveBeenCalledTimes(0);
    await app.fetch(new Request("http://x/500"));
    expect(printed).toHaveBeenCalledTimes(1);
    printed.mockRestore();
  });
});

const changeBody: Middleware = async (_, next) => {
  (await next()).body = "new";
};

const wrap: Middleware = async (_, next) => {
  const answer = await next();
  answer.body = `${answer.bytes().length} bytes`;
};
