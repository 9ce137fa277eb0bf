/**
 * What is sent for errors, in development and in production, and what `onError` and `notFound`
 * change.
 */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { Chopin, faults, HTTPError, json, problems, text } from "../src/index.ts";
import { reasonPhrase } from "../src/status.ts";
import { bothWays, withServer } from "./_setup.ts";

let printed: ReturnType<typeof spyOn<Console, "error">>;
beforeEach(() => {
  printed = spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  printed.mockRestore();
  process.env.CHOPIN_ENV = "test";
});

const throwing = () => {
  const app = new Chopin();
  app.get("/sync", () => {
    throw new Error("secret reason");
  });
  app.get("/async", async () => {
    throw new Error("secret reason");
  });
  app.get("/late", async () => {
    await Bun.sleep(0);
    throw new Error("secret reason");
  });
  app.get("/value", () => {
    throw "a string";
  });
  app.get("/bare", () => {
    throw Object.create(null);
  });
  app.get("/undefined", () => Promise.reject(undefined));
  app.get("/returned", () => new HTTPError(404, "no_user", "There is no user 7."));
  app.get("/fine", () => "fine");
  return app;
};

describe("a handler that throws", () => {
  bothWays(
    "gives a stable 500 in production",
    () => {
      process.env.CHOPIN_ENV = "production";
      return throwing();
    },
    async (send) => {
      for (const path of ["/sync", "/async", "/late", "/value", "/bare", "/undefined"]) {
        const { status, headers, body } = await send("GET", path);
        expect([path, status]).toEqual([path, 500]);
        expect(headers.get("content-type")).toBe("application/problem+json");
        expect(body).toBe(
          '{"type":"about:blank","title":"Internal Server Error","status":500,"code":"internal_error"}',
        );
      }
      expect((await send("GET", "/fine")).body).toBe("fine");
    },
  );

  bothWays("says in development what went wrong", throwing, async (send) => {
    const body = JSON.parse((await send("GET", "/sync")).body);
    expect(body).toMatchObject({ code: "internal_error", detail: "Error: secret reason" });
    expect(body.stack).toContain("errors.test.ts");
    expect(JSON.parse((await send("GET", "/value")).body).detail).toBe("a string");
    expect((await send("GET", "/bare")).status).toBe(500);
  });

  bothWays("answers with an HTTPError that it returns", throwing, async (send) => {
    const { status, body } = await send("GET", "/returned");
    expect(status).toBe(404);
    expect(body).toBe(
      '{"type":"about:blank","title":"Not Found","status":404,"code":"no_user","detail":"There is no user 7."}',
    );
  });

  test("harms no other request of its batch", () =>
    withServer(throwing(), async (server) => {
      const paths = ["sync", "fine", "late", "fine", "async", "fine"];
      const all = await Promise.all(
        Array.from({ length: 20 }, () => paths)
          .flat()
          .map(async (path) => (await fetch(server.url + path)).status),
      );
      const wanted = paths.map((path) => (path === "fine" ? 200 : 500));
      expect(all).toEqual(Array.from({ length: 20 }, () => wanted).flat());
    }));
});

describe("onError", () => {
  bothWays(
    "answers, or leaves it to the usual body",
    () => {
      const app = throwing().onError((error, ctx) => {
        if (ctx.path === "/async") return undefined;
        if (ctx.path === "/late") return Promise.resolve(ctx.text("later", 503));
        if (ctx.path === "/value") throw new Error("in the hook");
        return ctx.json({ own: String(error) });
      });
      app.get("/teapot", () => {
        throw new HTTPError(418, "teapot");
      });
      return app;
    },
    async (send) => {
      expect(await send("GET", "/sync")).toMatchObject({
        status: 500,
        body: '{"own":"Error: secret reason"}',
      });
      expect((await send("GET", "/teapot")).status).toBe(418);
      expect(JSON.parse((await send("GET", "/async")).body).code).toBe("internal_error");
      expect(await send("GET", "/late")).toMatchObject({ status: 503, body: "later" });
      expect((await send("GET", "/value")).status).toBe(500);
    },
  );

  bothWays(
    "of a nested application holds for its routes, and the outer one for what it leaves",
    () => {
      const boom = () => {
        throw new Error("boom");
      };
      const inner = new Chopin().get("/x", boom).onError(() => text("inner", 500));
      const plain = new Chopin().get("/x", boom);
      return new Chopin()
        .nest("/in", inner)
        .nest("/plain", plain)
        .get("/x", boom)
        .onError(() => text("outer", 500));
    },
    async (send) => {
      expect((await send("GET", "/in/x")).body).toBe("inner");
      expect((await send("GET", "/plain/x")).body).toBe("outer");
      expect((await send("GET", "/x")).body).toBe("outer");
      expect(printed).toHaveBeenCalledTimes(0);
    },
  );
});

describe("notFound", () => {
  bothWays(
    "answers where no route has the path, inside its application",
    () => {
      const inner = new Chopin().get("/x", () => "x").notFound(() => json({ inner: true }));
      return new Chopin()
        .get("/", "constant")
        .nest("/in", inner)
        .notFound((ctx) => ctx.text(`nothing at ${ctx.path}`));
    },
    async (send) => {
      expect(await send("GET", "/none")).toMatchObject({ status: 404, body: "nothing at /none" });
      expect(await send("GET", "/in/none")).toMatchObject({ status: 404, body: '{"inner":true}' });
      expect((await send("GET", "/")).body).toBe("constant");
      expect((await send("POST", "/in/x")).status).toBe(405);
    },
  );
});

test("an application nested at the root answers for unknown paths", async () => {
  const inner = new Chopin().notFound(() => "inner");
  const app = new Chopin().nest("/", inner).get("/x", () => "x");
  await withServer(app, async (server) => {
    const response = await fetch(`${server.url}none`);
    expect([response.status, await response.text()]).toEqual([404, "inner"]);
  });
});

test("an HTTPError has its code from its status unless told", () => {
  const { status, code, message, detail } = new HTTPError(404);
  expect([status, code, message, detail]).toEqual([404, "not_found", "Not Found", undefined]);
  expect(new HTTPError(500).code).toBe("internal_error");
  expect(new HTTPError(418).code).toBe("unknown_status");
  for (const wrong of [200, 399, 600, 404.5]) {
    expect(() => new HTTPError(wrong)).toThrow("a status from 400 to 599");
  }
  const headers = { "X\n": "a" };
  expect(() => new HTTPError(401, "a", "b", { headers })).toThrow("is not a field name");
});

test("every code is snake_case, with a registered status and a meaning", () => {
  for (const [code, [status, meaning]] of Object.entries(problems)) {
    expect(code).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
    expect(reasonPhrase(status)).not.toBe("Unknown Status");
    expect(meaning.length).toBeGreaterThan(10);
  }
  for (const code of Object.keys(faults)) expect(code).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
});
