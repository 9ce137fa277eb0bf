/** The application that most tests of the kit call, and its routes as a type. */

import { test } from "bun:test";
import { Chopin, HTTPError, type RoutesOf, route, t } from "../../src/index.ts";
import type { ServedClient, TestClient } from "../../src/testing/index.ts";
import { test as client } from "../../src/testing/index.ts";

const User = t.Object({ id: t.Integer(), name: t.String({ minLength: 1 }) });

export const routes = {
  one: route.get(
    "/users/:id",
    {
      params: t.Object({ id: t.Integer() }),
      response: { 200: User, 404: t.Object({ why: t.String() }) },
    },
    (ctx) => {
      if (ctx.params.id !== 7) return ctx.json({ why: "unknown" }, 404);
      return { id: 7, name: "Kim" };
    },
  ),
  create: route.post("/users", { body: t.Omit(User, ["id"]), response: User }, (ctx) =>
    ctx.json({ id: 8, ...ctx.body }, 201),
  ),
  who: route.get("/who", ({ ip, secure, host }) => ({ ip, secure, host })),
  echo: route.post("/echo", (ctx) => ctx.text()),
  fields: route.get("/fields", ({ headers }) => ({
    agent: headers.get("x-agent") ?? null,
    token: headers.get("authorization") ?? null,
  })),
  moved: route.get("/moved", (ctx) => ctx.redirect("/users/7")),
  fails: route.get("/fails", () => {
    throw new Error("the disk is full");
  }),
  late: route.get("/late", async () => {
    await null;
    throw new Error("the disk is full, later");
  }),
  huge: route.get("/huge", () => ({ size: 1n }) as object),
  refuses: route.get("/refuses", () => {
    throw new HTTPError(503, "closed", "Come back tomorrow.");
  }),
  numbers: route.get("/numbers", async function* () {
    yield "1\n";
    yield "2\n";
  }),
  ticks: route.get("/ticks", (ctx) =>
    ctx.events(async function* () {
      yield { event: "tick", data: 1 };
      yield { event: "tick", data: 2 };
    }),
  ),
};

export type Api = RoutesOf<typeof routes>;

export const shop = (): Chopin => new Chopin().mount(routes);

/** One test in process and one over a socket, for behaviour that must not differ. */
export function bothWays(
  name: string,
  check: (api: TestClient<Api> | ServedClient<Api>) => Promise<void>,
  make: () => Chopin = shop,
): void {
  test(`${name} (in process)`, () => check(client<Api>(make())));
  test(`${name} (socket)`, async () => {
    await using served = await client<Api>(make()).serve();
    await check(served);
  });
}
