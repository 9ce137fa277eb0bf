/** The page of `app.openapi` in a browser: it shows operations, sends one, and asks nobody else. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Chopin, type Server, t } from "../../src/index.ts";
import { secureHeaders } from "../../src/middleware/index.ts";
import { Browser, chromium } from "./_browser.ts";

const User = t.Object({ id: t.Integer(), name: t.String({ examples: ["Kim"] }) }, { $id: "User" });

/** Nested, behind a policy that allows nothing. */
function shop(description: string): Chopin {
  const api = new Chopin()
    .get("/users/:id", { params: t.Object({ id: t.Integer() }), response: User }, ({ params }) => ({
      id: params.id,
      name: `user ${params.id}`,
    }))
    .post("/users", { body: User, response: { 201: User } }, (ctx) => ctx.json(ctx.body, 201))
    .delete("/users/:id", { deprecated: true, response: { 204: null } }, () => null)
    .openapi({
      info: { title: "Shop", description },
      docs: "/internal/docs",
    });
  const contentSecurityPolicy = { "default-src": ["'none'"] };
  return new Chopin().layer(secureHeaders({ contentSecurityPolicy })).nest("/api", api);
}

setDefaultTimeout(60_000);

describe.skipIf(chromium === undefined)("the page in Chromium (needs chromium)", () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    server = await shop("What a *shop* can do.").serve("127.0.0.1:0");
    browser = await Browser.start(chromium ?? "");
    await browser.appear(1280, 900, "light");
    await browser.open(at("/api/internal/docs"));
    await browser.until('document.querySelectorAll(".opblock").length === 3');
  }, 120_000);

  afterAll(async () => {
    await browser?.stop();
    await server?.stop();
  });

  const at = (path: string): string => new URL(path, server.url).href;

  /** The text of the first element that a selector finds. */
  const text = (selector: string) =>
    browser.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText`);

  async function press(selector: string): Promise<void> {
    const found = `document.querySelector(${JSON.stringify(selector)})`;
    await browser.until(`${found} !== null`);
    await browser.evaluate(`${found}.click()`);
  }

  test("shows the title and lists the operations", async () => {
    expect(await browser.evaluate("document.title")).toBe("Shop");
    expect(await text(".info .title")).toStartWith("Shop");
    const selector = ".opblock-summary-method, .opblock-summary [data-path]";
    const listed = await browser.evaluate(
      `[...document.querySelectorAll("${selector}")].map((one) => one.innerText).join(" ")`,
    );
    // Places where a long path may be broken have no width.
    expect(String(listed).replaceAll("\u200b", "")).toBe(
      "GET /api/users/{id} DELETE /api/users/{id} POST /api/users",
    );
  });

  test("sends a request, and shows the server's answer", async () => {
    const operation = "#operations-default-getApiUsersById";
    await press(`${operation} .opblock-summary-control`);
    await press(`${operation} .try-out__btn`);
    await browser.type(`${operation} input`, "42");
    await press(`${operation} .execute`);
    const answer = `${operation} .live-responses-table`;
    await browser.until(`document.querySelector("${answer}") !== null`);
    expect(await text(answer)).toMatch(/200.*"id": 42,\s+"name": "user 42"/s);
    expect(browser.requested).toContain(at("/api/users/42"));
  });

  test("sends the example of a body", async () => {
    const operation = "#operations-default-postApiUsers";
    await press(`${operation} .opblock-summary-control`);
    await press(`${operation} .try-out__btn`);
    await press(`${operation} .execute`);
    const answer = `${operation} .live-responses-table`;
    await browser.until(`document.querySelector("${answer}") !== null`);
    expect(await text(answer)).toMatch(/201.*"name": "Kim"/s);
  });

  test("is dark where the browser is", async () => {
    const shade = "getComputedStyle(document.body).backgroundColor";
    expect(await browser.evaluate(shade)).toBe("rgb(250, 250, 250)");
    await browser.appear(1280, 900, "dark");
    await browser.until(`${shade} === "rgb(28, 32, 34)"`);
    const method = 'document.querySelector(".opblock-deprecated .opblock-summary-method")';
    await browser.until(`getComputedStyle(${method}).backgroundColor === "rgb(184, 184, 184)"`);
  });

  test("fits a narrow screen", async () => {
    await browser.appear(390, 844, "light");
    await browser.until("innerWidth === 390");
    await browser.until("document.documentElement.scrollWidth <= 390");
  });

  test("asked nobody else, and broke no rule of its policy", async () => {
    const elsewhere = browser.requested.filter(
      (url) => !url.startsWith(at("/")) && !url.startsWith("data:"),
    );
    expect(elsewhere).toEqual([]);
    expect(browser.complaints).toEqual([]);
    // What is not allowed would have been noticed.
    await browser.evaluate('fetch("http://localhost:9/").catch(() => undefined)');
    expect(browser.complaints.join()).toContain("Content Security Policy");
  });

  test("runs nothing that a text of the document says", async () => {
    const hostile = await shop('<img src="x" onerror="hacked = 1">Hello').serve("127.0.0.1:0");
    try {
      await browser.open(new URL("/api/internal/docs", hostile.url).href);
      await browser.until('document.querySelector(".info .description")?.innerText === "Hello"');
      expect(await browser.evaluate("typeof hacked")).toBe("undefined");
    } finally {
      await hostile.stop();
    }
  });
});
