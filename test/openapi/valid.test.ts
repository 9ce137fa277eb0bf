/** Documents under validators from elsewhere, and real answers under the schemas of a document. */
import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { type OpenApiDocument, openApiDocument, openApiYaml } from "../../src/openapi/index.ts";
import { withServer } from "../_setup.ts";
import { faultOf, judgeOf, schemasIn } from "./_valid.ts";
import { wideApp, wideOptions } from "./_wide.ts";

type Json = Record<string, Record<string, Record<string, never>>>;

const document = openApiDocument(wideApp(), wideOptions);

describe("the document of an application with everything", () => {
  test("is valid", async () => {
    expect(await faultOf(document)).toBeUndefined();
    expect(schemasIn(document).length).toBeGreaterThan(50);
  });

  test("is valid without the options that nothing asks for", async () => {
    const options = { securitySchemes: wideOptions.securitySchemes! };
    expect(await faultOf(openApiDocument(wideApp(), options))).toBeUndefined();
  });

  test("is the same as YAML", () => {
    expect(parse(openApiYaml(document))).toEqual(document);
  });

  test("has nothing of TypeBox's own, and no reference that is not its own", () => {
    const text = JSON.stringify(document);
    expect(text).not.toMatch(/"\$id"|"\$defs"|"(?:Date|Uint8Array|undefined|bigint|RegExp)"/);
    for (const [, reference] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
      expect(reference).toMatch(/^#\/components\/(?:schemas|responses)\/[\w.-]+$/);
    }
  });
});

describe("a broken document is refused", () => {
  const tree = "/tree";
  const breaks: Record<string, (paths: Json, broken: Record<string, Json>) => void> = {
    "a reference to nothing": (paths) => {
      Object.assign(paths[tree]!.get!.responses!, { 200: { $ref: "#/components/responses/No" } });
    },
    "one operationId twice": (paths) => {
      Object.assign(paths[tree]!.get!, { operationId: "addItem" });
    },
    "a capture without a parameter": (paths) => {
      Object.assign(paths["/files/{path}"]!.get!, { parameters: [] });
    },
    "two paths of one shape": (paths) => {
      paths["/files/{other}"] = paths["/proxy/{rest}"]!;
    },
    "an answer without a description": (paths) => {
      Object.assign(paths[tree]!.get!.responses!, { 200: {} });
    },
    "a security scheme that is not defined": (paths) => {
      Object.assign(paths[tree]!.get!, { security: [{ none: [] }] });
    },
    "a type that JSON has not": (_, { components }) => {
      Object.assign(components!.schemas!, { Tree: { type: "Date" } });
    },
    "a tuple of 2019": (_, { components }) => {
      Object.assign(components!.schemas!, { Tree: { items: [{}] } });
    },
    "a component whose name is none": (_, { components }) => {
      Object.assign(components!.schemas!, { "a b": {} });
    },
  };
  for (const [name, breakIt] of Object.entries(breaks)) {
    test(name, async () => {
      const broken = structuredClone(document) as unknown as Record<string, Json>;
      breakIt(broken.paths as unknown as Json, broken);
      expect(await faultOf(broken as unknown as OpenApiDocument)).toBeString();
    });
  }
});

describe("answers of the running application", () => {
  const judge = judgeOf(document);
  const sent = {
    id: 9,
    price: { amount: 5 },
    added: "2026-01-02T03:04:05Z",
    kind: "book",
    labels: {},
    size: [1, 2],
  };
  const json = { "Content-Type": "application/json" };
  const post = (body: unknown, headers = {}): RequestInit => ({
    method: "POST",
    headers: { ...json, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const items = "/shops/{shop}/items";
  const cases: [status: number, path: string, template: string, init?: RequestInit][] = [
    [200, "/shops/a/items?page=2&tag=x&tag=y", items],
    [422, "/shops/a/items?page=0", items],
    [200, "/shops/a/items/7", `${items}/{id}`],
    [404, "/shops/a/items/8", `${items}/{id}`],
    [201, "/shops/a/items", items, post(sent, { Cookie: "sid=1" })],
    [401, "/shops/a/items", items, post(sent)],
    [400, "/shops/a/items", items, post("{", { Cookie: "sid=1" })],
    [415, "/shops/a/items", items, post("x", { Cookie: "sid=1", "Content-Type": "text/plain" })],
    [422, "/shops/a/items", items, post({ id: "x", price: {} }, { Cookie: "sid=1" })],
    [204, "/shops/a/items/7", `${items}/{id}`, { method: "DELETE" }],
    [200, "/tree", "/tree"],
    [200, "/shop", "/shop", post({ owner: { name: "a", friends: [] }, since: sent.added })],
    [200, "/owners", "/owners", post({ pets: [{ name: "Rex" }], born: "2000-01-01T00:00:00Z" })],
    [422, "/owners", "/owners", post({ pets: [{}] })],
    [200, "/categories", "/categories"],
    [200, "/folders", "/folders"],
    [202, "/valibot", "/valibot", post({ email: "kim@example.org" })],
    [422, "/valibot", "/valibot", post({ email: "kim" })],
    [200, "/arktype?q=text", "/arktype"],
    [422, "/arktype", "/arktype"],
    [200, "/either", "/either"],
    [200, "/bytes", "/bytes"],
    [200, "/constant", "/constant"],
  ];

  test("are as it says", () =>
    withServer(wideApp(), async (server) => {
      for (const [status, path, template, init] of cases) {
        const answer = await fetch(new URL(path, server.url), init);
        const named = `${init?.method ?? "GET"} ${path}: ${status}`;
        expect(`${init?.method ?? "GET"} ${path}: ${answer.status}`).toBe(named);
        await expectDescribed(template, (init?.method ?? "GET").toLowerCase(), answer, named);
      }
    }));

  test("and what is sent fits the schema of the body", () => {
    const body = pointerOf(["paths", items, "post", "requestBody"]);
    const fits = judge(`${body}/content/application~1json/schema`);
    expect(fits(sent)).toBe(true);
    expect(fits({ ...sent, price: { amount: "5" } })).toBe(false);
  });

  async function expectDescribed(path: string, method: string, answer: Response, named: string) {
    const bytes = await answer.bytes();
    let at = pointerOf(["paths", path, method, "responses", String(answer.status)]);
    const told = valueAt(at) as { $ref?: string; content?: Record<string, unknown> };
    expect(told, named).toBeDefined();
    if (told.$ref !== undefined) at = told.$ref.slice(1);
    const content = (valueAt(at) as { content?: Record<string, unknown> }).content;
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    expect(Object.keys(content ?? {}), named).toEqual(
      content === undefined ? [] : expect.arrayContaining([type]),
    );
    if (content === undefined) return expect(bytes.length, named).toBe(0);
    if (type === "application/octet-stream") return;
    const text = new TextDecoder().decode(bytes);
    const fits = judge(`${at}/content/${type.replaceAll("/", "~1")}/schema`);
    fits(type.endsWith("json") ? JSON.parse(text) : text);
    expect(fits.errors ?? [], named).toEqual([]);
  }
});

function pointerOf(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function valueAt(pointer: string): unknown {
  let found: unknown = document;
  for (const part of pointer.slice(1).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = (found as Record<string, unknown> | undefined)?.[key];
  }
  return found;
}
