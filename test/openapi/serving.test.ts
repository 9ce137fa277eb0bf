/** `app.openapi`: where the document and its page are, and where they are not. */
import { afterEach, describe, expect, test } from "bun:test";
import { Chopin, extract } from "../../src/index.ts";
import { compress, secureHeaders } from "../../src/middleware/index.ts";
import { type OpenApiDocument, openApiDocument } from "../../src/openapi/index.ts";
import { bothWays, type Send, withServer } from "../_setup.ts";

const environment = process.env.CHOPIN_ENV;
afterEach(() => {
  if (environment === undefined) delete process.env.CHOPIN_ENV;
  else process.env.CHOPIN_ENV = environment;
});

const files = ["swagger-ui.js", "swagger-ui.css", "start.js", "page.css", "licences.txt"];

function shop(): Chopin {
  return new Chopin().get("/items/:id", { summary: "One item" }, ({ params }) => params.id);
}

async function get(app: Chopin, path: string, headers: Record<string, string> = {}) {
  return app.fetch(new Request(`http://localhost${path}`, { headers }));
}

async function pathsAt(app: Chopin, path: string): Promise<string[]> {
  const document = (await (await get(app, path)).json()) as OpenApiDocument;
  return Object.keys(document.paths);
}

bothWays(
  "the document, as JSON and YAML, and the page are there",
  () =>
    shop()
      .openapi({ info: { title: "A <b>shop</b>" } })
      .metrics()
      .health(),
  async (send: Send) => {
    const json = await send("GET", "/openapi.json");
    expect([json.status, json.headers.get("content-type")]).toEqual([200, "application/json"]);
    const document = JSON.parse(json.body) as OpenApiDocument;
    expect(document.info.title).toBe("A <b>shop</b>");
    // Not those of the document itself, of metrics and of health.
    expect(Object.keys(document.paths)).toEqual(["/items/{id}"]);
    const yaml = await send("GET", "/openapi.yaml");
    expect(yaml.headers.get("content-type")).toBe("application/yaml");
    expect(Bun.YAML.parse(yaml.body)).toEqual(document);
    const page = await send("GET", "/docs");
    expect([page.status, page.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    expect(page.body).toContain("<title>A &lt;b>shop&lt;/b></title>");
    for (const name of files) expect((await send("GET", `/docs/${name}`)).status).toBe(200);
    const known = await send("GET", "/openapi.json", {
      headers: { "If-None-Match": json.headers.get("etag") ?? "" },
    });
    expect([known.status, known.body]).toEqual([304, ""]);
    const head = await send("HEAD", "/docs");
    expect([head.status, head.body]).toEqual([200, ""]);
  },
);

describe("in production", () => {
  test("there is nothing of it", async () => {
    process.env.CHOPIN_ENV = "production";
    const app = shop().openapi();
    const ways = ["/openapi.json", "/openapi.yaml", "/docs", ...files.map((one) => `/docs/${one}`)];
    const absent = await (await get(app, "/no-such-path")).text();
    for (const path of ways) {
      const answer = await get(app, path);
      expect([answer.status, await answer.text()]).toEqual([404, absent]);
    }
    expect(app.routes().map(({ path }) => path)).toEqual(["/items/:id"]);
    // A route of the program's own takes the path as if nothing else had been declared.
    expect(await (await get(app.get("/docs", "mine"), "/docs")).text()).toBe("mine");
  });

  test("it is there when it is asked for", async () => {
    process.env.CHOPIN_ENV = "production";
    expect(await pathsAt(shop().openapi({ production: true }), "/openapi.json")).toEqual([
      "/items/{id}",
    ]);
  });
});

describe("paths", () => {
  test("are options", async () => {
    const options = { json: "/api.json", yaml: false, docs: "/internal/docs" } as const;
    const app = shop().openapi(options);
    expect(await pathsAt(app, "/api.json")).toEqual(["/items/{id}"]);
    const page = await (await get(app, "/internal/docs")).text();
    expect(page).toContain('data-document="../api.json"');
    expect(page).toContain('src="./docs/start.js"');
    expect((await get(app, "/openapi.yaml")).status).toBe(404);
    const bare = shop().openapi({ docs: false });
    expect((await get(bare, "/docs")).status).toBe(404);
  });

  /** Where the links of a page lead, from where a browser has it. */
  async function linksOf(app: Chopin, path: string): Promise<string[]> {
    const page = await (await get(app, path)).text();
    const links = [...page.matchAll(/(?:src|data-document|rel="stylesheet" href)="([^"]*)"/g)];
    return links.map(([, link = ""]) => new URL(link, `http://localhost${path}`).pathname);
  }

  test("lead to what is there, at any prefix and with any slash", async () => {
    const make = (docs: string, trailingSlash: "strict" | "ignore") =>
      new Chopin({ trailingSlash }).nest(
        "/a%3Ab/:shop",
        shop().openapi({ docs, json: "/x/o.json" }),
      );
    for (const [docs, at] of [
      ["/docs", ["/a:b/q%20%25/docs"]],
      ["/", ["/a:b/caf%C3%A9"]],
      ["/x/y", ["/a:b/1/x/y", "/a:b/1/x/y/"]],
    ] as const) {
      const app = make(docs, at.length > 1 ? "ignore" : "strict");
      for (const path of at) {
        const links = await linksOf(app, path);
        expect(links.length).toBe(5);
        for (const link of links)
          expect(`${link} ${(await get(app, link)).status}`).toBe(`${link} 200`);
      }
    }
  });

  test("of a nested application are those of its document", async () => {
    const api = shop().nest("/inner", shop()).openapi();
    const app = new Chopin()
      .get("/elsewhere", () => 1)
      .nest("/v1", api)
      .nest("/v2", api)
      .openapi();
    expect(await pathsAt(app, "/v1/openapi.json")).toEqual([
      "/v1/items/{id}",
      "/v1/inner/items/{id}",
    ]);
    expect((await pathsAt(app, "/v2/openapi.json"))[0]).toBe("/v2/items/{id}");
    expect(await pathsAt(app, "/openapi.json")).toEqual([
      "/elsewhere",
      "/v1/items/{id}",
      "/v1/inner/items/{id}",
      "/v2/items/{id}",
      "/v2/inner/items/{id}",
    ]);
  });

  test("of a merged application are as if it had been declared here", async () => {
    const app = new Chopin().get("/elsewhere", () => 1).merge(shop().openapi());
    expect(await pathsAt(app, "/openapi.json")).toEqual(["/elsewhere", "/items/{id}"]);
  });

  test("twice are a duplicate route", async () => {
    expect(get(shop().openapi().openapi(), "/docs")).rejects.toThrow(
      /GET \/openapi\.json \(.*serving/,
    );
  });
});

test("middleware of `use` is before all of it", async () => {
  const seen: string[] = [];
  const app = shop().openapi({
    use: (ctx, next) => {
      seen.push(ctx.path);
      return ctx.path === "/docs" ? ctx.text("no", 403) : next();
    },
  });
  expect((await get(app, "/docs")).status).toBe(403);
  const others = ["/openapi.json", "/openapi.yaml", ...files.map((name) => `/docs/${name}`)];
  for (const path of others) await get(app, path);
  expect(seen).toEqual(["/docs", ...others]);
  expect((await get(app, "/items/1")).status).toBe(200);
});

test("files are compressed for who reads that, once", async () => {
  const app = shop().layer(compress()).openapi();
  const plain = await get(app, "/docs/swagger-ui.js");
  const packed = await get(app, "/docs/swagger-ui.js", { "Accept-Encoding": "gzip, br" });
  expect([plain.headers.get("content-encoding"), packed.headers.get("content-encoding")]).toEqual([
    null,
    "gzip",
  ]);
  const [whole, gzip] = [await plain.arrayBuffer(), await packed.arrayBuffer()];
  expect(gzip.byteLength).toBeLessThan(whole.byteLength / 3);
  expect(Buffer.from(Bun.gunzipSync(gzip)).equals(Buffer.from(whole))).toBe(true);
  expect(plain.headers.get("vary")).toContain("Accept-Encoding");
  const etag = packed.headers.get("etag") ?? "";
  const again = await get(app, "/docs/swagger-ui.js", {
    "Accept-Encoding": "gzip",
    "If-None-Match": `"other", W/${etag}`,
  });
  expect(again.status).toBe(304);
  const known = ["*", `"a" , ${etag}`, `"a,b", "c"`];
  const statuses = known.map(async (list) => {
    const fields = { "Accept-Encoding": "gzip", "If-None-Match": list };
    return (await get(app, "/docs/swagger-ui.js", fields)).status;
  });
  expect(await Promise.all(statuses)).toEqual([304, 304, 200]);
});

test("the page has a policy of its own, which names the servers of the document", async () => {
  const csp = { "default-src": ["'none'"] };
  const app = shop()
    .layer(secureHeaders({ contentSecurityPolicy: csp }))
    .openapi({
      servers: [
        { url: "/v1" },
        {
          url: "https://{region}.example.org:8443/v1",
          variables: { region: { default: "eu", enum: ["eu", "us"] } },
        },
        { url: "https://bücher.example; script-src *" },
        { url: "https://bücher.example" },
      ],
      securitySchemes: {
        oauth: {
          type: "oauth2",
          flows: { clientCredentials: { tokenUrl: "https://login.example.org/t", scopes: {} } },
        },
        connect: { type: "openIdConnect", openIdConnectUrl: "https://id.example.org" },
      },
    });
  const policy = (await get(app, "/docs")).headers.get("content-security-policy") ?? "";
  expect(policy).toContain(
    "connect-src 'self' https://eu.example.org:8443 https://us.example.org:8443 " +
      "https://xn--bcher-kva.example https://login.example.org;",
  );
  expect(policy).toContain("script-src 'self';");
  const other = await get(app, "/items/1");
  expect(other.headers.get("content-security-policy")).toBe("default-src 'none'");
});

test("a document that cannot be made is an error that says why, each time", async () => {
  const session = extract({ security: [{ session: [] }] }, () => 1);
  const app = shop()
    .get("/me", { extract: { session } }, () => 1)
    .onError((error) => ({ told: String(error) }))
    .openapi();
  for (let time = 0; time < 2; time++) {
    const answer = await get(app, "/openapi.json");
    expect(answer.status).toBe(500);
    expect(await answer.text()).toMatch(/GET \/me .* asks for the security scheme/);
  }
  expect((await get(app, "/items/1")).status).toBe(200);
});

test("wrong options are refused where they are written", () => {
  const wrong: [unknown, RegExp][] = [
    [null, /openapi: options are an object/],
    [{ path: "/docs" }, /openapi: "path" is no option; there are info, .*, json, .*, production/],
    [{ docs: "docs" }, /openapi: docs is a path like/],
    [{ json: "/:id" }, /openapi: json is a path like/],
    [{ json: false, docs: "/docs" }, /docs shows what json gives/],
    [{ production: "yes" }, /production is true or false/],
    [{ info: null }, /info: options are an object/],
    [{ info: { titel: "x" } }, /info: "titel" is no option/],
    [{ info: { version: 1 } }, /info: version is a text/],
    [{ info: { license: null } }, /license: options are an object/],
    [{ info: { license: {} } }, /license: name is a text/],
    [{ info: { license: { name: "a", identifier: "MIT", url: "b" } } }, /not both/],
    [{ info: { contact: { mail: "a" } } }, /contact: "mail" is no option/],
    [{ tags: [{ name: "a" }, { name: "a" }] }, /two tags are called "a"/],
    [{ tags: [{ name: "a", desc: "b" }] }, /tag: "desc" is no option; there are name, /],
    [{ tags: {} }, /tags is a list/],
    [{ servers: "https://a" }, /servers is a list/],
    [{ servers: [null] }, /server: options are an object/],
    [{ servers: [{}] }, /server: url is a text/],
    [{ servers: [{ url: "https://{a}.b", variables: {} }] }, /needs a among its variables/],
    [{ servers: [{ url: "/{a}", variables: { a: {} } }] }, /variable: default is a text/],
    [{ externalDocs: {} }, /externalDocs: url is a text/],
    [{ securitySchemes: { a: null } }, /one of the types apiKey/],
    [{ securitySchemes: { a: { type: "constructor" } } }, /one of the types apiKey/],
    [{ securitySchemes: { "a b": { type: "mutualTLS" } } }, /the name of a security scheme/],
    [{ securitySchemes: { a: { type: "basic" } } }, /one of the types apiKey/],
    [{ securitySchemes: { a: { type: "http" } } }, /the security scheme a has scheme/],
  ];
  for (const [options, message] of wrong) {
    expect(() => new Chopin().openapi(options as never)).toThrow(message);
  }
  expect(() => openApiDocument(shop(), { title: "x" } as never)).toThrow(
    /openApiDocument: "title" is no option/,
  );
  const tags = [{ name: "a", "x-displayName": "A" }];
  expect(openApiDocument(shop(), { tags }).tags).toEqual(tags);
});

test("the document takes the options that the application was given", () => {
  const app = shop().openapi({ info: { title: "Shop" }, use: (_, next) => next() });
  expect(openApiDocument(app).info).toEqual({ title: "Shop", version: "0.0.0" });
  expect(openApiDocument(app, {}).info.title).toBe("API");
});

test("through a socket the page is there for several clients at once", () =>
  withServer(shop().openapi(), async (server) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fetch(new URL("/docs/swagger-ui.js", server.url))),
    );
    for (const answer of answers) expect((await answer.text()).length).toBeGreaterThan(1e6);
    expect(await (await fetch(new URL("/openapi.json", server.url))).json()).toHaveProperty(
      "paths",
    );
  }));

test("a schema is not asked for before the first request, and then once", async () => {
  let asked = 0;
  const schema = {
    "~standard": {
      version: 1,
      vendor: "own",
      validate: (value: unknown) => ({ value }),
      types: undefined as { input: string; output: string } | undefined,
      jsonSchema: {
        output: () => {
          asked++;
          return { type: "object" };
        },
      },
    },
  } as const;
  const app = new Chopin().get("/", { response: schema }, () => "text").openapi();
  expect((await get(app, "/")).status).toBe(200);
  const counted = [asked];
  for (const path of ["/openapi.json", "/docs", "/openapi.yaml"]) {
    await get(app, path);
    counted.push(asked);
  }
  expect(counted).toEqual([0, 1, 1, 1]);
});
