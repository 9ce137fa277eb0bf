/** What a client sends arrives, and what is answered is what its types say. */
import { describe, expect } from "bun:test";
import { Chopin, HTTPError, type RoutesOf, route, t } from "../../src/index.ts";
import { clients } from "./_both-ways.ts";

const User = t.Object({ id: t.Integer(), name: t.String(), born: t.Date() });
const routes = {
  health: route.get("/health", "fine"),
  one: route.get(
    "/users/:id",
    {
      params: t.Object({ id: t.Integer() }),
      query: t.Object({ full: t.Optional(t.Boolean()), tag: t.Optional(t.Array(t.String())) }),
      response: { 200: User, 404: t.Object({ reason: t.String() }) },
    },
    (ctx) => {
      if (ctx.params.id !== 7) return ctx.json({ reason: "there is no such user" }, 404);
      const name = `${ctx.query.full} ${ctx.query.tag?.join("+")}`;
      return { id: 7, name, born: new Date(0) };
    },
  ),
  create: route.post(
    "/users",
    { body: t.Object({ name: t.String({ minLength: 1 }), born: t.Date() }) },
    (ctx) => ctx.json({ name: ctx.body.name, year: ctx.body.born.getUTCFullYear() }, 201),
  ),
  own: route.post(
    "/own",
    {
      body: t.Object({ free: t.Boolean() }),
      response: { 204: null, 422: t.Object({ mine: t.String() }) },
    },
    (ctx) => (ctx.body.free ? null : ctx.json({ mine: "taken" }, 422)),
  ),
  remove: route.delete("/users/:id", () => null),
  secret: route.get("/secret", () => {
    throw new HTTPError(403, "not_yours", "Nobody may see this.");
  }),
};
type Api = RoutesOf<typeof routes>;
const make = () => new Chopin().mount(routes);

describe("round trips", () => {
  clients<Api>("params and query, and a body by status", make, async (api) => {
    const found = await api.get("/users/:id", {
      params: { id: 7 },
      query: { full: true, tag: ["a", "b&c"] },
    });
    expect([found.status, found.ok]).toEqual([200, true]);
    if (found.status === 200) {
      expect(found.body).toEqual({
        id: 7,
        name: "true a+b&c",
        born: "1970-01-01T00:00:00.000Z",
      });
    }
    const none = await api.get("/users/:id", { params: { id: 8 } });
    expect([none.status, none.ok]).toEqual([404, false]);
    if (none.status === 404) expect(none.body.reason).toBe("there is no such user");
  });

  clients<Api>("JSON bodies, and what does not fit", make, async (api) => {
    const made = await api.post("/users", { body: { name: "Kim", born: new Date(0) } });
    expect([made.status, made.body]).toEqual([201, { name: "Kim", year: 1970 }]);
    const refused = await api.post("/users", { body: { name: "", born: new Date(0) } });
    if (refused.status !== 422) throw new Error(`${refused.status}`);
    expect(refused.body.errors.map(({ in: part, pointer }) => [part, pointer])).toEqual([
      ["body", "/name"],
    ]);
    expect(refused.problem?.code).toBe("validation_failed");
  });

  clients<Api>("a refusal that the route declares, and that of the server", make, async (api) => {
    const said: unknown[] = [];
    for (const free of [false, "no" as unknown as boolean]) {
      const refused = await api.post("/own", { body: { free } });
      if (refused.status !== 422) throw new Error(`${refused.status}`);
      const { body } = refused;
      said.push("errors" in body ? body.errors.map(({ pointer }) => pointer) : body.mine);
    }
    expect(said).toEqual(["taken", ["/free"]]);
  });

  clients<Api>("text, and no body", make, async (api) => {
    expect(await api.get("/health").orThrow()).toBe("fine");
    const removed = await api.delete("/users/:id", { params: { id: 7 } });
    expect([removed.status, removed.body]).toEqual([204, null]);
    const head = await api.head("/health");
    expect([head.status, head.body, head.headers.get("content-length")]).toEqual([200, null, "4"]);
  });

  clients<Api>("orThrow tells a failure as the server does", make, async (api) => {
    const failed = api.get("/secret").orThrow();
    await expect(failed).rejects.toMatchObject({
      name: "ClientError",
      code: "not_yours",
      status: 403,
      message: expect.stringMatching(/^GET http:.*\/secret: 403 not_yours: Nobody may see this\.$/),
    });
    const missing = api.get("/users/:id", { params: { id: 8 } }).orThrow();
    await expect(missing).rejects.toMatchObject({
      code: "unexpected_status",
      status: 404,
      body: { reason: "there is no such user" },
      problem: undefined,
    });
  });
});
