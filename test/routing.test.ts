/** Which route answers: patterns, priority, methods, nested applications, canonical paths. */
import { describe, expect, test } from "bun:test";
import { Chopin, ChopinError } from "../src/index.ts";
import { bothWays, exchange, withServer } from "./_setup.ts";

describe("patterns", () => {
  bothWays(
    "static text goes before parameters, and these before wildcards",
    () => {
      const app = new Chopin();
      app.get("/files/*rest", ({ params }) => `rest ${params.rest}`);
      app.get("/files/:name", ({ params }) => `name ${params.name}`);
      app.get("/files/readme", () => "readme");
      app.get("/all/*", ({ params }) => params["*"]);
      return app;
    },
    async (send) => {
      expect((await send("GET", "/files/readme")).body).toBe("readme");
      expect((await send("GET", "/files/other")).body).toBe("name other");
      expect((await send("GET", "/files/a/b/c")).body).toBe("rest a/b/c");
      expect((await send("GET", "/all/of/it")).body).toBe("of/it");
    },
  );

  bothWays(
    "optional and constrained parameters",
    () => {
      const app = new Chopin();
      app.get("/users/:id(\\d+)", ({ params }) => ({ number: params.id }));
      app.get("/users/:id([a-z]+)", ({ params }) => ({ word: params.id }));
      app.get("/users/:id", ({ params }) => ({ any: params.id }));
      app.get("/posts/:year(\\d{4})/:month?", ({ params }) => ({
        ...params,
        absent: params.month === undefined,
      }));
      return app;
    },
    async (send) => {
      expect((await send("GET", "/users/42")).body).toBe('{"number":"42"}');
      expect((await send("GET", "/users/kim")).body).toBe('{"word":"kim"}');
      expect((await send("GET", "/users/Kim7")).body).toBe('{"any":"Kim7"}');
      expect((await send("GET", "/posts/2024/05")).body).toBe(
        '{"year":"2024","month":"05","absent":false}',
      );
      expect((await send("GET", "/posts/2024")).body).toBe('{"year":"2024","absent":true}');
      expect((await send("GET", "/posts/24")).status).toBe(404);
    },
  );

  bothWays(
    "matching backtracks, and a method hides nothing from another",
    () => {
      const app = new Chopin();
      app.post("/a/b", () => "post b");
      app.get("/a/:x", ({ params }) => `get ${params.x}`);
      app.get("/a/:x/c", ({ params }) => `c of ${params.x}`);
      return app;
    },
    async (send) => {
      expect((await send("GET", "/a/b")).body).toBe("get b");
      expect((await send("POST", "/a/b")).body).toBe("post b");
      expect((await send("GET", "/a/b/c")).body).toBe("c of b");
      const refused = await send("PUT", "/a/b");
      expect(refused.status).toBe(405);
      expect(refused.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    },
  );
});

describe("methods", () => {
  const make = () => {
    const app = new Chopin();
    app.get("/get", () => ({ some: "body" }));
    app.on("PURGE", "/cache", ({ method }) => method);
    app.all("/all", ({ method }) => method);
    app.delete("/one/:id", () => null);
    return app;
  };

  bothWays("HEAD comes from GET, without its body", make, async (send) => {
    const get = await send("GET", "/get");
    const head = await send("HEAD", "/get");
    expect(head.status).toBe(200);
    expect(head.body).toBe("");
    expect([...head.headers]).toEqual([...get.headers]);
    expect(head.headers.get("content-length")).toBe("15");
  });

  bothWays("OPTIONS is answered with Allow", make, async (send) => {
    const answer = await send("OPTIONS", "/get");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(answer.headers.has("content-type")).toBe(false);
  });

  bothWays("405 names what the path has, 404 and 501 do not", make, async (send) => {
    const refused = await send("POST", "/get");
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.body).toBe(
      '{"type":"about:blank","title":"Method Not Allowed","status":405,"code":"method_not_allowed"}',
    );
    const unknown = await send("GET", "/nowhere");
    expect(unknown.status).toBe(404);
    expect(unknown.headers.has("allow")).toBe(false);
    expect(unknown.body).toBe(
      '{"type":"about:blank","title":"Not Found","status":404,"code":"not_found"}',
    );
  });

  bothWays("an application names its own methods, and all takes every one", make, async (send) => {
    expect((await send("PURGE", "/cache")).body).toBe("PURGE");
    expect((await send("PATCH", "/all")).body).toBe("PATCH");
    expect((await send("PURGE", "/all")).body).toBe("PURGE");
    expect((await send("DELETE", "/one/7")).status).toBe(204);
  });

  // A Web Request takes no method of which Bun does not know.
  test("an unknown method is not implemented, a registered one not allowed", () =>
    withServer(
      make().on("BREW", "/pot", ({ method }) => method),
      async (server) => {
        const status = async (method: string, path: string) => {
          const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
          return Number((await exchange(server, head)).slice(9, 12));
        };
        expect(await status("STEEP", "/get")).toBe(501);
        expect(await status("get", "/get")).toBe(501);
        expect(await status("STEEP", "/nowhere")).toBe(404);
        expect(await status("STEEP", "/all")).toBe(200);
        expect(await status("PROPFIND", "/get")).toBe(405);
        expect(await status("TRACE", "/all")).toBe(405);
        expect(await status("BREW", "/pot")).toBe(200);
        expect(await status("BREW", "/get")).toBe(405);
      },
    ));
});

describe("canonical paths", () => {
  bothWays(
    "every segment is decoded once",
    () => {
      const app = new Chopin();
      app.get("/p/:name", ({ params, path }) => ({ name: params.name, path }));
      app.get("/w/*rest", ({ params, path }) => ({ rest: params.rest, path }));
      app.get("/café", () => "coffee");
      return app;
    },
    async (send) => {
      const body = async (path: string) => JSON.parse((await send("GET", path)).body);
      expect(await body("/p/a%20b")).toEqual({ name: "a b", path: "/p/a b" });
      expect(await body("/p/a%2Fb")).toEqual({ name: "a/b", path: "/p/a%2Fb" });
      expect(await body("/p/50%25")).toEqual({ name: "50%", path: "/p/50%25" });
      expect(await body("/p/%252F")).toEqual({ name: "%2F", path: "/p/%252F" });
      expect(await body("/w/a/b%2Fc")).toEqual({ rest: "a/b%2Fc", path: "/w/a/b%2Fc" });
      expect(await body("/p/%C3%A9")).toEqual({ name: "é", path: "/p/é" });
      expect((await send("GET", "/caf%C3%A9")).body).toBe("coffee");
    },
  );

  bothWays(
    "what cannot be decoded is refused",
    () => new Chopin().get("/:x", () => "found"),
    async (send) => {
      for (const path of ["/%", "/%zz", "/%00", "/%C3", "/%FF%FE"]) {
        const { status, body } = await send("GET", path);
        expect([path, status]).toEqual([path, 400]);
        expect(JSON.parse(body).code).toBe("bad_path");
      }
    },
  );

  bothWays(
    "slashes are not merged, and one at the end counts",
    () => new Chopin().get("/a", () => "a").get("/b/", () => "b"),
    async (send) => {
      expect((await send("GET", "/a")).status).toBe(200);
      expect((await send("GET", "/a/")).status).toBe(404);
      expect((await send("GET", "/b")).status).toBe(404);
      expect((await send("GET", "/b/")).status).toBe(200);
      expect((await send("GET", "//a")).status).toBe(404);
      expect((await send("GET", "/A")).status).toBe(404);
    },
  );

  bothWays(
    "a slash at the end can be ignored",
    () => new Chopin({ trailingSlash: "ignore" }).get("/a", () => "a").get("/b/", () => "b"),
    async (send) => {
      for (const path of ["/a", "/a/", "/b", "/b/"]) {
        expect((await send("GET", path)).status).toBe(200);
      }
      expect((await send("GET", "/a//")).status).toBe(404);
    },
  );
});

describe("constants", () => {
  const make = () => {
    const app = new Chopin();
    app.get("/text", "plain text");
    app.get("/object", { some: ["object", 1] });
    app.get("/number", 42);
    app.get("/nothing", null);
    app.get("/response", new Response("teapot", { status: 418, headers: { "X-Own": "yes" } }));
    app.get("/html", new Response("<p>", { headers: { "Content-Type": "text/html" } }));
    return app;
  };
  const check = async (send: Parameters<Parameters<typeof bothWays>[2]>[0]) => {
    const text = await send("GET", "/text");
    expect(text.body).toBe("plain text");
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(text.headers.get("content-length")).toBe("10");
    const object = await send("GET", "/object");
    expect(object.body).toBe('{"some":["object",1]}');
    expect(object.headers.get("content-type")).toBe("application/json");
    expect((await send("GET", "/number")).body).toBe("42");
    expect((await send("GET", "/nothing")).status).toBe(204);
    const response = await send("GET", "/response");
    expect([response.status, response.body]).toEqual([418, "teapot"]);
    expect(response.headers.get("x-own")).toBe("yes");
    expect((await send("GET", "/html")).headers.get("content-type")).toBe("text/html");
    expect((await send("HEAD", "/text")).headers.get("content-length")).toBe("10");
    expect((await send("POST", "/text")).status).toBe(405);
  };

  bothWays("are prepared at start", make, check);
  bothWays("are the same under middleware", () => make().layer((_, next) => next()), check);
});

describe("nested and merged applications", () => {
  bothWays(
    "a nested application lies below its prefix",
    () => {
      const inner = new Chopin().get("/", () => "root").get("/:id", ({ params }) => params.id);
      const deep = new Chopin().get("/leaf", () => "leaf");
      inner.nest("/deep/", deep);
      return new Chopin().nest("/api", inner).get("/", () => "home");
    },
    async (send) => {
      expect((await send("GET", "/")).body).toBe("home");
      expect((await send("GET", "/api")).body).toBe("root");
      expect((await send("GET", "/api/7")).body).toBe("7");
      expect((await send("GET", "/api/deep/leaf")).body).toBe("leaf");
    },
  );

  bothWays(
    "a prefix may have parameters",
    () => {
      const inner = new Chopin();
      inner.get("/users/:id", ({ params }) => params);
      inner.layer((ctx, next) => {
        ctx.header("X-Inner", "yes");
        return next();
      });
      return new Chopin().nest("/tenants/:tenant", inner);
    },
    async (send) => {
      const answer = await send("GET", "/tenants/acme/users/7");
      expect(answer.body).toBe('{"tenant":"acme","id":"7"}');
      expect(answer.headers.get("x-inner")).toBe("yes");
    },
  );

  bothWays(
    "a merged application becomes part of ours",
    () => {
      const other = new Chopin().get("/other", () => "other");
      other.layer((ctx, next) => {
        ctx.header("X-Merged", "yes");
        return next();
      });
      return new Chopin().merge(other).get("/own", () => "own");
    },
    async (send) => {
      expect((await send("GET", "/other")).body).toBe("other");
      expect((await send("GET", "/own")).headers.get("x-merged")).toBe("yes");
    },
  );

  test("an application cannot contain itself", async () => {
    const [one, two] = [new Chopin(), new Chopin()];
    one.nest("/two", two);
    two.merge(one);
    expect(one.fetch(new Request("http://x/"))).rejects.toThrow("nested in or merged with itself");
  });

  test("what is declared on a nested application later counts too", async () => {
    const inner = new Chopin();
    const app = new Chopin().nest("/api", inner);
    expect((await app.fetch(new Request("http://x/api/late"))).status).toBe(404);
    inner.get("/late", () => "late");
    expect((await app.fetch(new Request("http://x/api/late"))).status).toBe(200);
  });
});

describe("mistakes fail at start", () => {
  const failure = async (app: Chopin): Promise<ChopinError> => {
    const error = await app.fetch(new Request("http://x/")).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ChopinError);
    return error as ChopinError;
  };

  test("duplicates and conflicts name both places", async () => {
    const twice = new Chopin().get("/a/:id", () => 1);
    twice.get("/a/:id", () => 2);
    const duplicate = await failure(twice);
    expect(duplicate.code).toBe("duplicate_route");
    expect(duplicate.message.match(/routing\.test\.ts:\d+:\d+/g)).toHaveLength(2);
    const named = await failure(new Chopin().get("/a/:id", () => 1).get("/a/:uid", () => 2));
    expect(named.code).toBe("conflicting_route");
    expect(named.message).toContain("GET /a/:uid (");
    expect(named.message).toContain("GET /a/:id (");
  });

  test("routes that differ only in an ignored slash name both places", async () => {
    const app = new Chopin({ trailingSlash: "ignore" }).get("/a", () => 1).get("/a/", () => 2);
    const conflict = await failure(app);
    expect(conflict.code).toBe("conflicting_route");
    expect(conflict.message.match(/routing\.test\.ts:\d+:\d+/g)).toHaveLength(2);
  });

  test("patterns that are not supported say why and where", async () => {
    for (const [path, reason] of [
      ["/:a-:b", "takes a whole segment"],
      ["/:a(^x)", "leave '^' and '$' out"],
      ["/*rest/more", "stands last"],
      ["/../a", "never match"],
      ["/:a/:a", "only once"],
    ] as const) {
      const error = await failure(new Chopin().get(path, () => 1));
      expect(error.code).toBe("invalid_route");
      expect(error.message).toContain(reason);
      expect(error.message).toMatch(/routing\.test\.ts:\d+:\d+/);
    }
  });

  test("wrong declarations fail where they stand", () => {
    const app = new Chopin();
    expect(() => app.get("a", () => 1)).toThrow("a path starts with a slash");
    expect(() => app.on("get", "/a", () => 1)).toThrow("methods are case-sensitive, write GET");
    expect(() => app.on("TRACE", "/a", () => 1)).toThrow("always refused");
    expect(() => app.on("A B", "/a", () => 1)).toThrow("token");
    expect(() => app.get("/a", { bodyLimit: -1 }, () => 1)).toThrow("bodyLimit");
    expect(() => app.layerPath("a", () => 1)).toThrow("starts with a slash");
  });

  test("too many prefixes of middleware", async () => {
    const app = new Chopin();
    for (let at = 0; at < 33; at++) app.layerPath(`/p${at}`, (_, next) => next());
    expect((await failure(app)).message).toContain("at most 32 prefixes");
  });
});

test("routes are listed with their whole paths", () => {
  const inner = new Chopin().post("/", { name: "create" }, () => 1);
  const app = new Chopin().get("/a", () => 1).nest("/api", inner);
  const listing = app.routes();
  expect(listing.map(({ method, path, name }) => [method, path, name])).toEqual([
    ["GET", "/a", undefined],
    ["POST", "/api", "create"],
  ]);
  expect(listing[0]?.place).toContain("routing.test.ts:");
});
