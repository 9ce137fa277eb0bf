/** Parts of requests with schemas of TypeBox: coerced, completed, stripped, or refused. */
import { describe, expect, test } from "bun:test";
import { Chopin, ChopinError, HTTPError, t, ValidationError } from "../../src/index.ts";
import { bothWays } from "../_setup.ts";
import { issuesOf, sendJson } from "./_send.ts";

const User = t.Object({
  name: t.String({ minLength: 1 }),
  age: t.Integer({ minimum: 0 }),
  email: t.String({ format: "email" }),
});
const kim = { name: "Kim", age: 41, email: "kim@example.org" };

bothWays(
  "a body is its value, without keys that the schema does not name",
  () => new Chopin().post("/users", { body: User }, ({ body }) => body),
  async (send) => {
    const answer = await sendJson(send, "POST", "/users", { admin: true, ...kim });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, kim]);
    const hostile = `{"__proto__":{"admin":true},"constructor":1,${JSON.stringify(kim).slice(1)}`;
    expect(JSON.parse((await sendJson(send, "POST", "/users", hostile)).body)).toEqual(kim);
  },
);

bothWays(
  "every field that is wrong is named, in all parts at once",
  () =>
    new Chopin().put(
      "/users/:id",
      {
        params: t.Object({ id: t.Integer() }),
        query: t.Object({ dry: t.Boolean() }),
        headers: t.Object({ "x-version": t.Integer({ minimum: 2 }) }),
        cookies: t.Object({ session: t.String() }),
        body: User,
      },
      () => "never",
    ),
  async (send) => {
    const answer = await send("PUT", "/users/x?dry=perhaps", {
      headers: { "Content-Type": "application/json", "X-Version": "1" },
      body: JSON.stringify({ name: "", email: 7 }),
    });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(issuesOf(answer)).toEqual([
      "params /id must be an integer",
      "query /dry must be a boolean",
      "headers /x-version must be an integer of at least 2",
      "cookies /session is missing",
      "body /name must be a string of at least 1 character",
      "body /age is missing",
      "body /email must be a string in the format email",
    ]);
    const [, , , , , missing] = JSON.parse(answer.body).errors;
    expect(missing).toEqual({
      in: "body",
      pointer: "/age",
      message: "is missing",
      expected: "integer of at least 0",
    });
  },
);

bothWays(
  "text becomes what the schema asks for, and nothing else does",
  () =>
    new Chopin().get(
      "/:id",
      {
        params: t.Object({ id: t.Integer() }),
        query: t.Object({
          number: t.Optional(t.Number()),
          flag: t.Optional(t.Boolean()),
          since: t.Optional(t.Date()),
          big: t.Optional(t.BigInt()),
          level: t.Optional(t.Union([t.Literal(1), t.Literal(2), t.Literal("all")])),
          either: t.Optional(t.Union([t.Integer(), t.Boolean(), t.String()])),
          tag: t.Optional(t.Array(t.String())),
          ids: t.Optional(t.Array(t.Integer())),
        }),
      },
      ({ params, query }) => ({ ...params, ...query, big: typeof query.big }),
    ),
  async (send) => {
    const read = async (target: string) => JSON.parse((await send("GET", target)).body);
    expect(
      await read("/7?number=-1.5e3&flag=true&since=2026-02-28&big=12345678901234567890"),
    ).toEqual({
      id: 7,
      number: -1500,
      flag: true,
      since: "2026-02-28T00:00:00.000Z",
      big: "bigint",
    });
    expect((await read("/7?flag=0&since=2026-02-28T10:00:00%2B02:00")).since).toBe(
      "2026-02-28T08:00:00.000Z",
    );
    expect(await read("/007?level=2&either=4&tag=a&ids=1&ids=2")).toEqual({
      id: 7,
      level: 2,
      either: 4,
      tag: ["a"],
      ids: [1, 2],
      big: "undefined",
    });
    expect((await read("/7?level=all&either=true&tag=a&tag=b&tag=a")).tag).toEqual(["a", "b", "a"]);
    expect((await read("/7?either=x")).either).toBe("x");
    for (const wrong of [
      "",
      "1.5",
      "0x10",
      "+7",
      " 7",
      "1e3",
      "9007199254740993",
      "NaN",
      "Infinity",
    ]) {
      const answer = await send("GET", `/1?ids=${encodeURIComponent(wrong)}`);
      expect(issuesOf(answer)).toEqual(["query /ids/0 must be an integer"]);
    }
    const refused = [
      "number=",
      "number=0x1",
      "flag=yes",
      "since=2026-02-30",
      "since=1",
      "big=1.0",
      "level=3",
    ];
    for (const wrong of refused) {
      expect(issuesOf(await send("GET", `/1?${wrong}`))).toHaveLength(1);
    }
  },
);

bothWays(
  "defaults take the place of what is absent, fresh for every request",
  () =>
    new Chopin().post(
      "/",
      {
        query: t.Object({ page: t.Integer({ default: 1 }), size: t.Integer({ default: 20 }) }),
        body: t.Object({
          tags: t.Array(t.String(), { default: [] }),
          nested: t.Object({ deep: t.Boolean({ default: true }) }, { default: {} }),
          at: t.Number({ default: () => 3 }),
        }),
      },
      ({ query, body }) => {
        body.tags.push("pushed");
        return { ...query, ...body };
      },
    ),
  async (send) => {
    for (let round = 0; round < 2; round++) {
      const answer = await sendJson(send, "POST", "/?size=5", { nested: {} });
      expect(JSON.parse(answer.body)).toEqual({
        page: 1,
        size: 5,
        tags: ["pushed"],
        nested: { deep: true },
        at: 3,
      });
    }
  },
);

bothWays(
  "unknown keys are refused where the schema says so, and kept where it says so",
  () =>
    new Chopin()
      .post(
        "/strict",
        {
          query: t.Object({ page: t.Optional(t.Integer()) }, { additionalProperties: false }),
          body: t.Object({ at: t.Date() }, { additionalProperties: false }),
        },
        ({ query }) => query,
      )
      .post(
        "/open",
        { body: t.Object({ at: t.Date() }, { additionalProperties: true }) },
        (ctx) => ctx.body,
      )
      .post("/typed", { body: t.Object({}, { additionalProperties: t.Date() }) }, ({ body }) =>
        Object.values(body).every((value) => (value as unknown) instanceof Date),
      ),
  async (send) => {
    const at = "2026-01-02T03:04:05.000Z";
    expect((await sendJson(send, "POST", "/strict?page=1", { at })).body).toBe('{"page":1}');
    expect(issuesOf(await sendJson(send, "POST", "/strict?paeg=1", { at, "a/~": 1 }))).toEqual([
      "query /paeg is not known",
      "body /a~1~0 is not known",
    ]);
    expect(
      issuesOf(await sendJson(send, "POST", "/strict", `{"at":"${at}","__proto__":1}`)),
    ).toEqual(["body /__proto__ is not known"]);
    const open = JSON.parse((await sendJson(send, "POST", "/open", { at, more: [1] })).body);
    expect(open).toEqual({ at, more: [1] });
    const hostile = await sendJson(send, "POST", "/open", `{"at":"${at}","__proto__":{"admin":1}}`);
    expect(Object.keys(JSON.parse(hostile.body))).toEqual(["at", "__proto__"]);
    expect((await sendJson(send, "POST", "/typed", { a: at, b: at })).body).toBe("true");
  },
);

bothWays(
  "a body that is no JSON is 400, of another type 415, absent 422 unless it may be",
  () =>
    new Chopin()
      .post("/users", { body: User }, ({ body }) => body.name)
      .post("/optional", { body: t.Optional(User) }, ({ body }) => typeof body)
      .post(
        "/default",
        { body: t.Object({ a: t.Integer() }, { default: { a: 1 } }) },
        ({ body }) => body,
      ),
  async (send) => {
    const code = async (path: string, sent: Parameters<typeof send>[2]) => {
      const { status, body } = await send("POST", path, sent);
      return [status, status === 200 ? body : JSON.parse(body).code];
    };
    const json = { "Content-Type": "application/json" };
    expect(await code("/users", { headers: json, body: '{"name":' })).toEqual([
      400,
      "invalid_json",
    ]);
    expect(await code("/users", { headers: json, body: "" })).toEqual([400, "invalid_json"]);
    const text = { "Content-Type": "text/plain" };
    const unsupported = [415, "unsupported_media_type"];
    expect(await code("/users", { headers: text, body: JSON.stringify(kim) })).toEqual(unsupported);
    expect(
      await code("/users", { headers: { "Content-Type": "application/jsonp" }, body: "{}" }),
    ).toEqual(unsupported);
    for (const type of [
      "application/json; charset=utf-8",
      "Application/JSON",
      "application/vnd.a+json",
    ]) {
      const sent = { headers: { "Content-Type": type }, body: JSON.stringify(kim) };
      expect(await code("/users", sent)).toEqual([200, "Kim"]);
    }
    expect(await code("/users", {})).toEqual([422, "validation_failed"]);
    expect(await code("/optional", {})).toEqual([200, "undefined"]);
    expect(await code("/default", {})).toEqual([200, '{"a":1}']);
    expect(issuesOf(await sendJson(send, "POST", "/users", [kim]))).toEqual([
      "body  must be an object",
    ]);
  },
);

bothWays(
  "fields and cookies are read by name, and others are nobody's business",
  () =>
    new Chopin().get(
      "/",
      {
        headers: t.Object(
          { "x-count": t.Integer(), "x-list": t.Optional(t.Array(t.Integer())) },
          { additionalProperties: false },
        ),
        cookies: t.Object({ seen: t.Boolean() }, { additionalProperties: false }),
      },
      ({ headers, cookies, header }) => ({ headers, cookies, method: typeof header }),
    ),
  async (send) => {
    const answer = await send("GET", "/", {
      headers: { "X-Count": "3", "X-List": "1, 2,3", Cookie: "other=1; seen=true", Accept: "*/*" },
    });
    expect(JSON.parse(answer.body)).toEqual({
      headers: { "x-count": 3, "x-list": [1, 2, 3] },
      cookies: { seen: true },
      method: "function",
    });
  },
);

bothWays(
  "what was sent is still there for who asks for it",
  () =>
    new Chopin().post(
      "/:id",
      { params: t.Object({ id: t.Integer() }), body: User },
      async (ctx) => ({
        text: ctx.text().length,
        json: ctx.json<{ extra: number }>().extra,
        request: await ctx.request.json(),
        header: ctx.header("content-type"),
        param: ctx.param("id"),
      }),
    ),
  async (send) => {
    const sent = { ...kim, extra: 1 };
    expect(JSON.parse((await sendJson(send, "POST", "/7", sent)).body)).toEqual({
      text: JSON.stringify(sent).length,
      json: 1,
      request: sent,
      header: "application/json",
      param: 7,
    });
  },
);

bothWays(
  "middleware runs before, constants behind schemas",
  () =>
    new Chopin()
      .layerPath("/admin", (ctx, next) => {
        if (ctx.header("authorization") === undefined) throw new HTTPError(401);
        return next();
      })
      .get("/admin/:id", { params: t.Object({ id: t.Integer() }) }, ({ params }) => params.id)
      .get("/constant", { query: t.Object({ a: t.Integer() }) }, "constant"),
  async (send) => {
    expect((await send("GET", "/admin/x")).status).toBe(401);
    expect((await send("GET", "/admin/x", { headers: { Authorization: "x" } })).status).toBe(422);
    expect((await send("GET", "/constant")).status).toBe(422);
    expect((await send("GET", "/constant?a=1")).body).toBe("constant");
  },
);

describe("who answers for what does not fit", () => {
  bothWays(
    "onInvalid of the nearest application, or the problem",
    () => {
      const inner = new Chopin().get("/inner", { query: User }, () => 1);
      const other = new Chopin()
        .onInvalid((issues, ctx) => ctx.json({ other: issues.length }, 400))
        .get("/other", { query: User }, () => 1);
      return new Chopin()
        .onInvalid(async (issues, ctx) =>
          ctx.path.endsWith("undefined")
            ? undefined
            : { ok: false, in: issues[0]?.in, path: ctx.path },
        )
        .nest("/nested", inner)
        .nest("/own", other)
        .get("/undefined", { query: User }, () => 1);
    },
    async (send) => {
      const inner = await send("GET", "/nested/inner");
      expect([inner.status, JSON.parse(inner.body)]).toEqual([
        422,
        { ok: false, in: "query", path: "/nested/inner" },
      ]);
      const other = await send("GET", "/own/other");
      expect([other.status, other.body]).toEqual([400, '{"other":3}']);
      expect(issuesOf(await send("GET", "/undefined"))).toHaveLength(3);
    },
  );

  bothWays(
    "onError sees a ValidationError",
    () =>
      new Chopin()
        .onError((error) =>
          error instanceof ValidationError ? { issues: error.issues.length } : undefined,
        )
        .get("/", { query: User }, () => 1),
    async (send) => {
      const answer = await send("GET", "/");
      expect([answer.status, answer.body]).toEqual([422, '{"issues":3}']);
    },
  );

  bothWays(
    "no more issues than anybody reads",
    () => new Chopin().post("/", { body: t.Array(t.Integer()) }, () => 1),
    async (send) => {
      const answer = await sendJson(send, "POST", "/", Array(100_000).fill("x"));
      expect(issuesOf(answer)).toHaveLength(32);
    },
  );
});

describe("a route that no request could fit, or that cannot be compiled, is refused", () => {
  const faultOf = async (app: Chopin): Promise<string> => {
    try {
      await app.fetch(new Request("http://localhost/"));
    } catch (error) {
      expect([error instanceof ChopinError, (error as ChopinError).code]).toEqual([
        true,
        "invalid_route",
      ]);
      return (error as Error).message;
    }
    throw new Error("it was not refused");
  };

  test("a capture that the path does not have", async () => {
    const app = new Chopin().get("/:id", { params: t.Object({ uid: t.Integer() }) }, () => 1);
    expect(await faultOf(app)).toContain("asks for uid");
    const nested = new Chopin().get("/x", { params: t.Object({ tenant: t.Integer() }) }, () => 1);
    const response = await new Chopin()
      .nest("/:tenant", nested)
      .fetch(new Request("http://localhost/7/x"));
    expect(await response.text()).toBe("1");
  });

  test("a transform, an unknown kind, no schema at all, a key that no object has", async () => {
    const transform = t.Transform(t.String()).Decode(Number).Encode(String);
    expect(await faultOf(new Chopin().post("/", { body: transform }, () => 1))).toContain(
      "t.Date()",
    );
    const unsafe = t.Unsafe<string>({ type: "string" });
    expect(await faultOf(new Chopin().post("/", { body: unsafe }, () => 1))).toContain("compile");
    const none = { type: "string" } as unknown as ReturnType<typeof t.String>;
    expect(await faultOf(new Chopin().post("/", { body: none }, () => 1))).toContain(
      "Standard Schema",
    );
    const proto = t.Object({ ["__proto__"]: t.String() });
    expect(await faultOf(new Chopin().post("/", { body: proto }, () => 1))).toContain("__proto__");
    const app = new Chopin().get("/", { response: { 99: User } }, () => 1 as never);
    expect(await faultOf(app)).toMatch(/request\.test\.ts:\d+:\d+\): a response has a status/);
  });

  test("a body that has a schema and is streamed", () => {
    expect(() => new Chopin().post("/", { body: User, streamBody: true }, () => 1)).toThrow(
      "streamBody",
    );
  });
});
