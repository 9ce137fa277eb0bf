/** What the types of the kit promise, and what they refuse. Checked by `tsc`, never run. */
import type { Call, ClientAnswer } from "../../src/client/index.ts";
import { Chopin, type RoutesOf, route, t } from "../../src/index.ts";
import type { CookiesState } from "../../src/middleware/index.ts";
import {
  type Clock,
  controlTime,
  expectOpenApi,
  type ServedClient,
  type SessionClient,
  type TestClient,
  test,
} from "../../src/testing/index.ts";
import { type Equal, same } from "./_same.ts";

const routes = {
  one: route.get("/users/:id", { params: t.Object({ id: t.Integer() }) }, ({ params }) => params),
  me: route.get("/me", { headers: t.Object({ authorization: t.String() }) }, () => "me" as string),
  make: route.post("/users", { body: t.Object({ name: t.String() }) }, () => 1),
};
type Api = RoutesOf<typeof routes>;
declare const app: Chopin;

const api = test<Api>(app, { ip: "::1", throwErrors: true });
same<Equal<typeof api, TestClient<Api>>>();
const answer = await api.get("/users/:id", { params: { id: 7 } });
if (answer.status === 200) same<Equal<typeof answer.body, { id: number }>>();
api.post("/users", { body: { name: "Kim" } });
// @ts-expect-error: no such route
api.get("/none");
// @ts-expect-error: a number
api.get("/users/:id", { params: { id: "seven" } });
// @ts-expect-error: the body is demanded
api.post("/users");
// @ts-expect-error: the field is demanded
api.get("/me");

// What the client sends by itself need not be said in calls.
test<Api, "authorization">(app, { headers: { authorization: "Bearer t" } }).get("/me");
const kim = api.session<"authorization">({ headers: { authorization: "Bearer t" } });
same<Equal<typeof kim, SessionClient<Api, "authorization">>>();
kim.get("/me");
same<Equal<Awaited<ReturnType<typeof kim.cookies>>, Record<string, string>>>();
// @ts-expect-error: cookies are of sessions
api.cookies();
// @ts-expect-error: a client is served, a session is not
kim.serve();

const served = await api.serve({ bodyLimit: 10 });
same<Equal<typeof served, ServedClient<Api>>>();
same<Equal<typeof served.url, string>>();
served.get("/users/:id", { params: { id: 7 } });
// @ts-expect-error: it is served already
served.serve();

// A module of routes does as it is, and so do applications whose state has a type.
test<typeof routes>(app).get("/users/:id", { params: { id: 7 } });
test<Api>(new Chopin<CookiesState>());

// Without types any path is taken, and nothing is known of bodies.
const any = test(app);
same<Equal<ReturnType<typeof any.get>, Call<ClientAnswer>>>();
any.get("/users/7", { query: { a: 1, b: ["x", "y"] } });
any.post("/users", { body: { name: "Kim" }, headers: { a: "b" }, as: "text" });
for await (const event of any.events("/events")) same<Equal<typeof event.data, unknown>>();
// @ts-expect-error: unknown
any.get("/").then(({ body }) => body.id);
// @ts-expect-error: a misspelt option
test(app, { throwError: true });
// @ts-expect-error: not an application
test({});

using clock = controlTime({ now: new Date() });
same<Equal<typeof clock, Clock>>();
const given = await clock.until(api.get("/users/:id", { params: { id: 7 } }));
same<Equal<typeof given, typeof answer>>();
same<Equal<ReturnType<typeof clock.advance>, Promise<void>>>();
await expectOpenApi(app, new URL("openapi.json", import.meta.url), { info: { title: "Shop" } });
