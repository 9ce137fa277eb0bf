/** Answers with a schema: stripped always, checked in development. */
import { afterEach, describe, expect, test } from "bun:test";
import * as z from "zod";
import { Chopin, HTTPError, json, t } from "../../src/index.ts";
import { bothWays } from "../_setup.ts";

const User = t.Object({ id: t.Integer(), name: t.String(), at: t.Optional(t.Date()) });
const row = { id: 7, name: "Kim", password: "secret" };

afterEach(() => {
  delete process.env.CHOPIN_ENV;
});

/** One application in development and one in production. */
function bothModes(name: string, make: () => Chopin, check: Parameters<typeof bothWays>[2]): void {
  for (const mode of ["development", "production"]) {
    const makeIn = () => {
      process.env.CHOPIN_ENV = mode;
      return make();
    };
    bothWays(`${name}, in ${mode}`, makeIn, check);
  }
}

bothModes(
  "keys that the schema does not name are left out",
  () =>
    new Chopin()
      .get("/one", { response: User }, () => row)
      .get("/later", { response: User }, async () => Bun.sleep(1).then(() => row))
      .get("/async", { response: User }, async () => row)
      .get("/created", { response: { 201: User } }, (ctx) => ctx.json(row, 201))
      .get("/drafted", { response: { 201: User } }, (ctx) => {
        ctx.status(201);
        return row;
      })
      .get("/list", { response: t.Array(User) }, () => [row, { ...row, at: new Date(0) }])
      .get("/deep", { response: t.Object({ users: t.Record(t.String(), User) }) }, () => ({
        users: { kim: row },
      }))
      .get("/union", { response: t.Union([t.Object({ a: t.String() }), User]) }, () => row)
      .get("/class", { response: User }, () => new Row())
      .get(
        "/open",
        { response: t.Object({ id: t.Integer() }, { additionalProperties: true }) },
        () => row,
      )
      .get("/zod", { response: z.object({ id: z.number() }) }, () => row)
      .get("/shared", { response: User }, () => shared),
  async (send) => {
    const read = async (path: string) => JSON.parse((await send("GET", path)).body);
    const plain = { id: 7, name: "Kim" };
    for (const path of ["/one", "/later", "/async", "/created", "/drafted", "/union", "/class"]) {
      expect([path, await read(path)]).toEqual([path, plain]);
    }
    expect((await send("GET", "/created")).status).toBe(201);
    expect((await send("GET", "/drafted")).status).toBe(201);
    expect(await read("/list")).toEqual([plain, { ...plain, at: "1970-01-01T00:00:00.000Z" }]);
    expect(await read("/deep")).toEqual({ users: { kim: plain } });
    expect(await read("/open")).toEqual(row);
    expect(await read("/zod")).toEqual({ id: 7 });
    for (let round = 0; round < 2; round++) expect(await read("/shared")).toEqual(plain);
    expect(shared.body).toBe(row);
  },
);

class Row {
  readonly #name = "Kim";
  readonly password = "secret";

  get id(): number {
    return 7;
  }

  get name(): string {
    return this.#name;
  }
}

const shared = json(row);

function* pieces(): Generator<string> {
  yield* ["{", "}"];
}

bothWays(
  "answers of other statuses and forms are left alone",
  () =>
    new Chopin()
      .get("/none", { response: { 200: User, 204: null } }, () => null)
      .get("/text", { response: { 200: User, 404: t.String() } }, (ctx) => ctx.text("none", 404))
      .get("/error", { response: User }, () => {
        throw new HTTPError(404, "no_user");
      })
      .get("/response", { response: User }, () => Response.json(row))
      .get("/redirect", { response: User }, (ctx) => ctx.redirect("/one"))
      .get("/stream", { response: User }, (ctx) => ctx.stream(pieces())),
  async (send) => {
    const read = async (path: string) => {
      const { status, body } = await send("GET", path);
      return [status, body];
    };
    expect(await read("/none")).toEqual([204, ""]);
    expect(await read("/text")).toEqual([404, "none"]);
    expect((await read("/error"))[0]).toBe(404);
    expect(await read("/response")).toEqual([200, JSON.stringify(row)]);
    expect((await read("/redirect"))[0]).toBe(302);
    expect(await read("/stream")).toEqual([200, "{}"]);
  },
);

describe("an answer that does not fit", () => {
  const app = () =>
    new Chopin()
      .onError((error) => (error as Error).message)
      // A key that is undefined is none, in JSON as in what is said of it.
      .get("/wrong", { response: User }, () => ({ id: "7", name: "Kim", at: undefined }) as never)
      .get("/later", { response: User }, async () => Bun.sleep(1).then(() => ({ id: 7 }) as never))
      .get("/json", { response: { 201: User } }, (ctx) => ctx.json({} as never, 201))
      .get(
        "/strict",
        { response: t.Object({ id: t.Integer() }, { additionalProperties: false }) },
        () => row,
      )
      .get("/zod", { response: z.object({ id: z.string() }) }, () => row as never);
  const read = async (path: string) => {
    const response = await app().fetch(new Request(`http://localhost${path}`));
    return `${response.status} ${await response.text()}`;
  };

  test("is an error in development that names the route and the fields", async () => {
    process.env.CHOPIN_ENV = "development";
    const wrong = await read("/wrong");
    expect(wrong).toMatch(
      /^500 The answer of GET \/wrong \(.+answers\.test\.ts:\d+:\d+\) does not fit/,
    );
    expect(wrong).toEndWith(" its response schema: /id must be an integer.");
    expect(await read("/later")).toContain("/name is missing");
    expect(await read("/json")).toContain("/id is missing; /name is missing");
    expect(await read("/strict")).toContain("/name is not known; /password is not known");
    expect(await read("/zod")).toContain("/id ");
  });

  test("is sent in production, stripped all the same", async () => {
    process.env.CHOPIN_ENV = "production";
    expect(await read("/wrong")).toBe('200 {"id":"7","name":"Kim"}');
    expect(await read("/strict")).toBe('200 {"id":7}');
    expect(await read("/zod")).toStartWith("500 ");
  });
});
