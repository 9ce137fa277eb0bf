/** Extractors: run once, in order, with schemas and errors of their own. */
import { expect, test } from "bun:test";
import { Chopin, extract, HTTPError, t } from "../../src/index.ts";
import { bothWays } from "../_setup.ts";
import { issuesOf } from "./_send.ts";

const pagination = extract(
  {
    query: t.Object(
      { page: t.Integer({ default: 1, minimum: 1 }) },
      { additionalProperties: false },
    ),
  },
  ({ query }) => ({ offset: (query.page - 1) * 20 }),
);
let sessions = 0;
const session = extract({ cookies: t.Object({ session: t.String() }) }, async ({ cookies }) => {
  sessions++;
  await Bun.sleep(1);
  if (cookies.session === "old") throw new HTTPError(401, "session_expired");
  return { user: cookies.session };
});
const tenant = extract(
  { params: t.Object({ tenant: t.Integer() }), extract: { session } },
  ({ params, extracted }, ctx) => `${extracted.session.user}@${params.tenant} ${ctx.params.tenant}`,
);

const app = () =>
  new Chopin()
    .get(
      "/:tenant/list",
      {
        extract: { tenant, session, page: pagination },
        query: t.Object({ sort: t.String() }, { additionalProperties: false }),
      },
      ({ query, params }, { tenant, session, page }) => ({
        ...params,
        ...query,
        ...session,
        ...page,
        who: tenant,
      }),
    )
    .get("/page", { extract: { pagination } }, (_, { pagination }) => pagination.offset);

bothWays("give the handler its second argument", app, async (send) => {
  sessions = 0;
  const headers = { Cookie: "session=kim" };
  const answer = await send("GET", "/7/list?page=3&sort=name", { headers });
  expect(JSON.parse(answer.body)).toEqual({
    tenant: "7",
    who: "kim@7 7",
    user: "kim",
    offset: 40,
    sort: "name",
  });
  // Two extractors ask for the session.
  expect(sessions).toBe(1);
  expect((await send("GET", "/page?page=2")).body).toBe("20");
});

bothWays("refuse with their own errors, before the route's schemas", app, async (send) => {
  const expired = await send("GET", "/7/list", { headers: { Cookie: "session=old" } });
  expect([expired.status, JSON.parse(expired.body).code]).toEqual([401, "session_expired"]);
  expect(issuesOf(await send("GET", "/7/list"))).toEqual(["cookies /session is missing"]);
  const headers = { Cookie: "session=kim" };
  expect(issuesOf(await send("GET", "/x/list", { headers }))).toEqual([
    "params /tenant must be an integer",
  ]);
  expect(issuesOf(await send("GET", "/7/list?page=0", { headers }))).toEqual([
    "query /page must be an integer of at least 1",
  ]);
  // What neither the route nor its extractors name is refused, what one of them names is not.
  expect(issuesOf(await send("GET", "/7/list?sort=a&other=1", { headers }))).toEqual([
    "query /other is not known",
  ]);
});

test("need a function, and captures that the path has", async () => {
  expect(() => extract({}, undefined as never)).toThrow("function");
  const wrong = new Chopin().get("/", { extract: { tenant } }, () => 1);
  expect(wrong.fetch(new Request("http://localhost/"))).rejects.toThrow("asks for tenant");
});
