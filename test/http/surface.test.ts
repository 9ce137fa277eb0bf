/**
 * What bytes from a client may do inside an application, and what an application may not do to the
 * bytes of its answers. Errors are the same by `app.fetch`.
 */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { Chopin, redirect, text } from "../../src/index.ts";
import { type CookiesState, cookies } from "../../src/middleware/index.ts";
import { bothWays, withServer } from "../_setup.ts";
import {
  answersTo,
  closed,
  get,
  kept,
  makeApp,
  ok,
  post,
  problem,
  problemText,
  testCases,
} from "./_cases.ts";

let printed: ReturnType<typeof spyOn<Console, "error">>;
beforeEach(() => {
  printed = spyOn(console, "error").mockImplementation(() => {});
  process.env.CHOPIN_ENV = "production";
});
afterEach(() => {
  printed.mockRestore();
  process.env.CHOPIN_ENV = "test";
});

/** The cookies of a request and its answer, where `cookies()` covers it. */
function jarOf({ state }: { readonly state: object }) {
  return (state as CookiesState).cookies;
}

describe("names that objects have anyway", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"];
  const make = () => {
    const app = new Chopin().layer(cookies());
    app.get("/query", ({ query }) => ({ own: Object.entries(query), none: "valueOf" in query }));
    app.get("/get/:name", (ctx) => [ctx.query[ctx.params.name] ?? null, ctx.queries("__proto__")]);
    app.get("/headers", ({ headers }) => {
      const object = headers.toJSON();
      return { own: names.map((name) => object[name.toLowerCase()]), none: "valueOf" in object };
    });
    app.get("/header/:name", (ctx) => String(ctx.header(ctx.params.name)));
    app.post("/json", (ctx) => {
      const value = ctx.json<Record<string, unknown>>();
      return { own: Object.keys(value), reached: Object.hasOwn({}, "polluted"), value };
    });
    app.get("/param/:constructor", ({ params }) => Object.entries(params));
    app.get("/cookies", (ctx) => names.map((name) => jarOf(ctx).get(name) ?? null));
    return app;
  };

  bothWays("are usual names of a query", make, async (send) => {
    const query = names.map((name) => `${name}=${name}`).join("&");
    expect(JSON.parse((await send("GET", `/query?${query}&%5f_proto__=x`)).body)).toEqual({
      own: names.map((name) => [name, name]),
      none: false,
    });
    for (const name of names) {
      expect(JSON.parse((await send("GET", `/get/${name}`)).body)).toEqual([null, []]);
    }
    const twice = await send("GET", "/get/__proto__?__proto__=a&__proto__=b");
    expect(JSON.parse(twice.body)).toEqual(["a", ["a", "b"]]);
  });

  bothWays("are usual names of fields", make, async (send) => {
    const headers = Object.fromEntries(names.map((name) => [name, `is ${name}`]));
    Object.defineProperty(headers, "__proto__", { value: "is __proto__", enumerable: true });
    expect(JSON.parse((await send("GET", "/headers", { headers })).body)).toEqual({
      own: names.map((name) => `is ${name}`),
      none: false,
    });
    for (const name of names) expect((await send("GET", `/header/${name}`)).body).toBe("undefined");
  });

  bothWays("are usual names of cookies", make, async (send) => {
    expect(JSON.parse((await send("GET", "/cookies")).body)).toEqual(names.map(() => null));
    const headers = { Cookie: names.map((name) => `${name}=${name}`).join("; ") };
    expect(JSON.parse((await send("GET", "/cookies", { headers })).body)).toEqual(names);
  });

  bothWays("are usual names in JSON and of parameters", make, async (send) => {
    const body = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    expect((await send("POST", "/json", { body })).body).toBe(
      `{"own":["__proto__","constructor"],"reached":false,"value":${body}}`,
    );
    expect((await send("GET", "/param/x")).body).toBe('[["constructor","x"]]');
  });

  bothWays("or thousands of them are too many", make, async (send) => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => `k${index}`).join("&");
    expect((await send("GET", `/query?${many(1024)}`)).status).toBe(200);
    expect(await send("GET", `/query?${many(1025)}`)).toMatchObject({
      status: 400,
      body: problemText(400, "too_many_query_fields"),
    });
  });
});

describe("answers that would become two", () => {
  const make = () => {
    const app = new Chopin().layer(cookies());
    const unset = (name: string) => name.replaceAll("-", "");
    app.get("/value/:value", (ctx) => ctx.header("X-Own", ctx.params.value).text("sent"));
    app.get("/name/:name", (ctx) => ctx.header(unset(ctx.params.name), "x").text("sent"));
    app.get("/init/:value", ({ params }) =>
      text("sent", { headers: { "X-Own": ["fine", params.value] } }),
    );
    app.get("/redirect/:value", (ctx) => ctx.redirect(ctx.params.value));
    app.get("/helper/:value", ({ params }) => redirect(`/${params.value}`));
    app.get("/type/:value", (ctx) => ctx.header("Content-Type", ctx.params.value).text("sent"));
    app.get("/cookie/:value", (ctx) => {
      jarOf(ctx).set("own", "x", { path: `/${ctx.params.value}` });
      return "sent";
    });
    app.get("/cookie-value/:value", (ctx) => {
      jarOf(ctx).set("own", ctx.params.value);
      return "sent";
    });
    app.get("/later/:value", async (ctx) => {
      await Bun.sleep(0);
      return ctx.header("X-Own", ctx.params.value).text("sent");
    });
    app.get("/length", (ctx) => ctx.header("Content-Length", "1").text("sent"));
    app.get("/coding", (ctx) => ctx.header("Transfer-Encoding", "chunked").text("sent"));
    return app;
  };
  const injected = "a%0d%0aSet-Cookie:%20b=c%0d%0a%0d%0asmuggled";
  const ways = ["value", "init", "redirect", "helper", "type", "cookie", "later"];
  const refused = { status: 500, body: problemText(500, "internal_error") };

  for (const value of [injected, "a%0ab", "a%0db", "%0d", "a%01", "a%7fb"]) {
    bothWays(`are refused where they are made: ${value}`, make, async (send) => {
      for (const way of ways) expect(await send("GET", `/${way}/${value}`)).toMatchObject(refused);
      const { status, headers } = await send("GET", `/cookie-value/${value}`);
      // A cookie's value may be encoded; it never ends the line.
      if (status !== 500) expect(headers.getSetCookie().join()).toStartWith("own=");
      expect(headers.get("set-cookie") ?? "").not.toContain("b=c;");
    });
  }

  bothWays("are refused in names", make, async (send) => {
    for (const name of ["a%0d%0ab", "a%20b", "a:b", "%c3%a4", "-"]) {
      expect(await send("GET", `/name/${name}`)).toMatchObject(refused);
    }
  });

  bothWays("are not framed by the application", make, async (send) => {
    expect(await send("GET", "/length")).toMatchObject(refused);
    expect(await send("GET", "/coding")).toMatchObject(refused);
  });

  test("cost the connection nothing", () =>
    withServer(make(), async (server) => {
      const last = get("/value/fine", "Connection: close");
      const fine = ok("sent", { connection: "close", fields: "X-Own: fine\r\n" });
      expect(await answersTo(server, get(`/value/${injected}`) + last)).toBe(
        problem(500, "internal_error") + fine,
      );
    }));
});

const headOf = (answer: string) => answer.slice(0, answer.indexOf("\r\n\r\n") + 4);
const head = (path: string) => get(path).replace("GET", "HEAD");

testCases("answers without a body", [
  kept("HEAD", head("/good"), headOf(ok("good"))),
  kept("HEAD of a constant", head("/constant"), headOf(ok("constant"))),
  kept("HEAD of an error", head("/none"), headOf(problem(404, "not_found"))),
  kept("HEAD of a bad path", head("/item/%zz"), headOf(problem(400, "bad_path"))),
  kept(
    "HEAD with a body",
    head("/good").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello"),
    headOf(ok("good")),
  ),
  kept("204", get("/status/204"), "HTTP/1.1 204 No Content\r\nDate: *\r\n\r\n"),
  kept(
    "205",
    get("/status/205"),
    "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nDate: *\r\n\r\n",
  ),
  kept("304", get("/status/304"), "HTTP/1.1 304 Not Modified\r\nDate: *\r\n\r\n"),
  kept("HEAD of 204", head("/status/204"), "HTTP/1.1 204 No Content\r\nDate: *\r\n\r\n"),
  closed(
    "204 and the end",
    get("/status/204", "Connection: close"),
    "HTTP/1.1 204 No Content\r\nDate: *\r\nConnection: close\r\n\r\n",
  ),
]);

bothWays("205 says that it has no body", makeApp, async (send) => {
  const { status, headers, body } = await send("GET", "/status/205");
  expect([status, [...headers], body]).toEqual([205, [["content-length", "0"]], ""]);
});

describe("errors", () => {
  const make = () =>
    new Chopin()
      .get("/item/:name", ({ params }) => params.name)
      .post("/small", { bodyLimit: 8 }, (ctx) => ctx.text())
      .post("/json", (ctx) => ctx.json())
      .get("/throws", () => {
        throw new Error("secret");
      });
  const errors: [method: string, path: string, status: number, code: string, body?: string][] = [
    ["GET", "/item/%00", 400, "bad_path"],
    ["GET", "/item/%c0%af", 400, "bad_path"],
    ["GET", "/item/%zz", 400, "bad_path"],
    ["GET", "/item/%ff", 400, "bad_path"],
    ["GET", "/none", 404, "not_found"],
    ["GET", "//item/a", 404, "not_found"],
    ["GET", "/small", 405, "method_not_allowed"],
    ["PROPFIND", "/small", 405, "method_not_allowed"],
    ["POST", "/small", 413, "body_too_large", "123456789"],
    ["GET", "/throws", 500, "internal_error"],
  ];
  for (const [method, path, status, code, body] of errors) {
    bothWays(`${method} ${path} is ${status} ${code}`, make, async (send) => {
      const received = await send(method, path, body === undefined ? {} : { body });
      expect([received.status, received.body]).toEqual([status, problemText(status, code)]);
      expect(received.headers.get("content-type")).toBe("application/problem+json");
      expect(received.headers.get("content-length")).toBe(`${received.body.length}`);
      expect(received.headers.get("allow")).toBe(status === 405 ? "POST, OPTIONS" : null);
    });
  }

  bothWays("JSON that is none is 400, decoded once or not", make, async (send) => {
    for (const body of ["", "{", "{'a':1}", "\0", '{"a":1}x', "NaN", `${"[".repeat(100_000)}`]) {
      const received = await send("POST", "/json", { body });
      expect([received.status, JSON.parse(received.body).code]).toEqual([400, "invalid_json"]);
    }
  });

  bothWays("paths are decoded once", make, async (send) => {
    expect((await send("GET", "/item/%0d%0aX:%20y")).body).toBe("\r\nX: y");
    expect((await send("GET", "/item/%252e%252e%252f")).body).toBe("%2e%2e%2f");
    expect((await send("GET", "/item/..%2f..%5c")).body).toBe("../..\\");
  });
});

test("a body that looks like a request stays one", () =>
  withServer(
    new Chopin().post("/echo", (ctx) => ctx.text()),
    async (server) => {
      const inner = get("/unseen");
      const lines = [`Content-Length: ${inner.length}`, "Connection: close"];
      expect(await answersTo(server, post(lines, inner))).toBe(ok(inner, { connection: "close" }));
    },
  ));
