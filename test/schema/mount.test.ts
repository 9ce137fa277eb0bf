/** Routes as values, mounted from objects and modules. */
import { expect, test } from "bun:test";
import { Chopin, get, route, t } from "../../src/index.ts";

test("an object of routes is mounted, its other members are left alone", async () => {
  const routes = {
    one: route.get(
      "/users/:id",
      { params: t.Object({ id: t.Integer() }) },
      ({ params }) => params.id,
    ),
    all: route.all("/any", "any"),
    helper: () => 1,
    nothing: undefined,
  };
  const app = new Chopin().nest("/api", new Chopin().mount(routes));
  expect(app.routes().map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /api/users/:id",
    "* /api/any",
  ]);
  expect(await (await app.fetch(new Request("http://x/api/users/7"))).text()).toBe("7");
  expect([routes.one.method, routes.one.path]).toEqual(["GET", "/users/:id"]);
  expect(app.routes()[0]?.place).toContain("mount.test.ts");
});

test("what is mounted as a value is not mounted again with all routes", () => {
  const taken = get("/taken", "taken");
  const left = get("/left", "left");
  const app = new Chopin().mount({ taken });
  app.mountAllRoutes();
  expect(app.routes().map(({ path }) => path)).toEqual([taken.path, left.path]);
  expect(new Chopin().mountAllRoutes().routes()).toEqual([]);
});
