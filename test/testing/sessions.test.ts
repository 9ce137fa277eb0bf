/** Sessions: clients that are somebody, with cookies, fields and an address of their own. */
import { describe, expect, test as it } from "bun:test";
import { Chopin, extract, HTTPError, type RoutesOf, route, t } from "../../src/index.ts";
import { type CookiesState, cookies } from "../../src/middleware/index.ts";
import { controlTime, test } from "../../src/testing/index.ts";
import { type Api, bothWays, shop } from "./_shop.ts";

const names = new Map<string, string>();
const user = extract({ cookies: t.Object({ sid: t.Optional(t.String()) }) }, ({ cookies }) => {
  const name = names.get(cookies.sid ?? "");
  if (name === undefined) throw new HTTPError(401, "no_session");
  return name;
});
const routes = {
  enter: route.post("/login", { body: t.Object({ name: t.String() }) }, (ctx) => {
    const sid = `${ctx.body.name} & co`;
    names.set(sid, ctx.body.name);
    const value = encodeURIComponent(sid);
    ctx.header("set-cookie", `sid=${value}; Path=/; Max-Age=60; HttpOnly`);
    ctx.header("set-cookie", "theme=dark; Path=/theme", { append: true });
    return null;
  }),
  leave: route.post("/logout", (ctx) => {
    ctx.header("set-cookie", "sid=; Path=/; Max-Age=0");
    return null;
  }),
  me: route.get("/me", { extract: { user } }, (_, { user }) => ({ name: user })),
  sent: route.get("/sent", (ctx) => ({ cookie: ctx.header("cookie") ?? null })),
};
type Login = RoutesOf<typeof routes>;
const app = (): Chopin => new Chopin().mount(routes);

describe("a session", () => {
  it("keeps cookies, which other clients never see (in process and over a socket)", async () => {
    const api = test<Login>(app());
    await using served = await api.serve();
    for (const client of [api, served]) {
      const [kim, lou] = [client.session(), client.session()];
      await kim.post("/login", { body: { name: "kim" } });
      await lou.post("/login", { body: { name: "lou" } });
      expect((await kim.get("/me")).body).toEqual({ name: "kim" });
      expect((await lou.get("/me")).body).toEqual({ name: "lou" });
      expect((await client.get("/me")).status).toBe(401);
      expect(await kim.cookies()).toEqual({ sid: "kim & co" });
      expect(await kim.cookies("/theme")).toEqual({ sid: "kim & co", theme: "dark" });
      expect((await kim.fetch("/me")).status).toBe(200);
      await kim.post("/logout");
      expect((await kim.get("/me")).status).toBe(401);
      expect((await lou.get("/me")).status).toBe(200);
    }
  });

  it("has the cookies of the middleware, whose names begin with __Host-", async () => {
    const signed = new Chopin<CookiesState>()
      .layer(cookies({ signingSecrets: ["a secret of 32 characters, or more"] }))
      .post("/", ({ state }) => state.cookies.setSigned("__Host-user", "kim"))
      .get("/", ({ state }) => state.cookies.getSigned("__Host-user") ?? "nobody");
    const api = test(signed);
    await using served = await api.serve();
    for (const client of [api, served]) {
      const session = client.session();
      expect((await session.get("/")).body).toBe("nobody");
      await session.post("/");
      expect((await session.get("/")).body).toBe("kim");
    }
  });

  it("begins with the cookies that it is given; those of a call go before them", async () => {
    const session = test<Login>(app()).session({ cookies: { sid: "a;b", lang: "de" } });
    expect((await session.get("/sent")).body).toEqual({ cookie: "sid=a%3Bb; lang=de" });
    const { body } = await session.get("/sent", { cookies: { sid: "mine" } });
    expect(body).toEqual({ cookie: "lang=de; sid=mine" });
    expect(await session.cookies()).toEqual({ sid: "a;b", lang: "de" });
  });

  it("forgets cookies when their time is over", async () => {
    using clock = controlTime();
    const kim = test<Login>(app()).session();
    await kim.post("/login", { body: { name: "kim" } });
    await clock.advance(59_000);
    expect((await kim.get("/me")).status).toBe(200);
    await clock.advance(2_000);
    expect((await kim.get("/me")).status).toBe(401);
  });

  it("leaves out what a browser would refuse, and minds what is Secure", async () => {
    const make = (line: string) =>
      new Chopin()
        .get("/set", (ctx) => ctx.text("", { headers: { "set-cookie": line } }))
        .get("/sent", (ctx) => ctx.text(ctx.header("cookie") ?? ""));
    const sent = async (line: string, base: string) => {
      const session = test(make(line), { base }).session();
      await session.get("/set");
      return (await session.get("/sent")).body;
    };
    expect(await sent("a=1; Domain=example.com", "http://localhost")).toBe("");
    expect(await sent("a=1; Domain=example.com", "https://shop.example.com")).toBe("a=1");
    expect(await sent("__Host-a=1; Path=/; Secure", "https://shop.example.com")).toBe("__Host-a=1");
    expect(await sent("a=1; Secure", "http://shop.example.com")).toBe("");
    expect(await sent("a=1; Secure", "http://localhost")).toBe("a=1");
    expect(await sent("a=1; Path=/elsewhere", "http://localhost")).toBe("");
    expect(await sent("no cookie; at all", "http://localhost")).toBe("");
  });

  bothWays("has fields of its own over those of the client", async (api) => {
    const admin = api.session({ headers: { authorization: "Bearer a" } });
    expect((await admin.get("/fields")).body).toEqual({ agent: null, token: "Bearer a" });
    const tester = admin.session({ headers: async () => ({ "X-Agent": "tester" }) });
    expect((await tester.get("/fields")).body).toEqual({ agent: "tester", token: "Bearer a" });
    const other = tester.session({ headers: new Headers({ Authorization: "Bearer b" }) });
    expect((await other.get("/fields")).body).toEqual({ agent: "tester", token: "Bearer b" });
    const { body } = await other.get("/fields", { headers: { authorization: "Bearer c" } });
    expect(body).toMatchObject({ token: "Bearer c" });
  });

  it("has an address of its own", async () => {
    const api = test<Api>(shop());
    expect((await api.session({ ip: "192.0.2.1" }).get("/who")).body).toMatchObject({
      ip: "192.0.2.1",
    });
  });
});
