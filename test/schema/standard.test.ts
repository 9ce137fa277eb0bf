/** Schemas of Zod, Valibot and ArkType, and of a library that waits. */
import { expect } from "bun:test";
import { type } from "arktype";
import * as v from "valibot";
import * as z from "zod";
import { Chopin, type StandardSchema } from "../../src/index.ts";
import { bothWays } from "../_setup.ts";
import { issuesOf, sendJson } from "./_send.ts";

const libraries = {
  Zod: z.object({ name: z.string().min(1), tags: z.array(z.string()).default([]) }),
  Valibot: v.object({
    name: v.pipe(v.string(), v.minLength(1)),
    tags: v.optional(v.array(v.string()), []),
  }),
  ArkType: type({ name: "string > 0", tags: type("string[]").default(() => []), "+": "delete" }),
};

for (const [name, schema] of Object.entries(libraries)) {
  bothWays(
    `${name} validates every part, and gives its output`,
    () => {
      const standard = schema as StandardSchema;
      return new Chopin()
        .post("/body", { body: standard }, ({ body }) => body as object)
        .get("/query", { query: standard }, ({ query }) => query as object)
        .get("/params/:name", { params: standard }, ({ params }) => params as object)
        .get("/headers", { headers: standard }, ({ headers }) => headers as object)
        .get("/cookies", { cookies: standard }, ({ cookies }) => cookies as object);
    },
    async (send) => {
      const whole = { name: "Kim", tags: [] };
      const sent = await sendJson(send, "POST", "/body", { name: "Kim", admin: true });
      expect(JSON.parse(sent.body)).toEqual(whole);
      const listed = await send("GET", "/query?name=Kim&tags=a&tags=b");
      expect(JSON.parse(listed.body)).toEqual({ name: "Kim", tags: ["a", "b"] });
      expect(JSON.parse((await send("GET", "/params/Kim")).body)).toEqual(whole);
      const field = await send("GET", "/headers", { headers: { Name: "Kim" } });
      expect(JSON.parse(field.body)).toEqual(whole);
      const cookie = await send("GET", "/cookies", { headers: { Cookie: "name=Kim" } });
      expect(JSON.parse(cookie.body)).toEqual(whole);

      const refused = issuesOf(await sendJson(send, "POST", "/body", { name: "", tags: [1] }));
      expect(refused.map((issue) => issue.split(" ", 2).join(" "))).toEqual([
        "body /name",
        "body /tags/0",
      ]);
    },
  );
}

/** Takes what a promise says. */
function later(verdict: (value: unknown) => boolean): StandardSchema {
  return {
    "~standard": {
      version: 1,
      vendor: "later",
      validate: async (value) => {
        await Bun.sleep(1);
        if (verdict(value)) return { value };
        return { issues: [{ message: "is taken", path: [{ key: "a" }, "b/c", 0] }] };
      },
    },
  };
}

bothWays(
  "a library that waits is waited for, and all parts are told of",
  () =>
    new Chopin().post(
      "/",
      {
        query: later((value) => (value as { a: string }).a === "1"),
        body: later((value) => value === 1),
      },
      ({ query, body }) => ({ query, body }),
    ),
  async (send) => {
    expect((await sendJson(send, "POST", "/?a=1", 1)).body).toBe('{"query":{"a":"1"},"body":1}');
    expect(issuesOf(await sendJson(send, "POST", "/?a=2", 2))).toEqual([
      "query /a/b~1c/0 is taken",
      "body /a/b~1c/0 is taken",
    ]);
    expect((await sendJson(send, "POST", "/?a=2", "{")).status).toBe(400);
  },
);
