/** Values that JSON has not are refused when the application starts, not with every request. */
import { describe, expect, test } from "bun:test";
import { Chopin, type Schema, t } from "../../src/index.ts";

const request = new Request("http://localhost/", { method: "POST" });
const body = (schema: Schema) => new Chopin().post("/", { body: schema }, () => null as never);
const response = (schema: Schema) =>
  new Chopin().post("/", { response: schema }, () => null as never);

describe("a schema of what JSON has not", () => {
  const bigint = /POST \/ \(.+\): JSON has no BigInt: take t.Integer\(\), or t.String\(\)/;
  const bytes = /POST \/ \(.+\): JSON has no bytes: take t.String\(\) for base64/;
  const schemas: [name: string, schema: Schema, refused: RegExp][] = [
    ["BigInt", t.Object({ n: t.BigInt() }), bigint],
    ["BigInt of a list", t.Array(t.BigInt()), bigint],
    ["BigInt of a record", t.Record(t.String(), t.BigInt()), bigint],
    ["BigInt in a union", t.Union([t.String(), t.Tuple([t.BigInt()])]), bigint],
    ["Uint8Array", t.Object({ a: t.Optional(t.Uint8Array()) }), bytes],
  ];
  for (const [name, schema, refused] of schemas) {
    test(`${name}, in bodies and answers`, () => {
      expect(body(schema).fetch(request)).rejects.toThrow(refused);
      expect(response(schema).fetch(request)).rejects.toThrow(refused);
    });
  }

  test("bytes as a body", () => {
    expect(body(t.Uint8Array()).fetch(request)).rejects.toThrow(bytes);
  });
});

test("bytes are a whole answer, and a bigint may come as text", async () => {
  const app = new Chopin()
    .get("/bytes", { response: t.Uint8Array() }, () => new Uint8Array([1, 2]))
    .get("/:n", { params: t.Object({ n: t.BigInt() }) }, ({ params }) => typeof params.n);
  const answer = await app.fetch(new Request("http://localhost/bytes"));
  expect(await answer.bytes()).toEqual(new Uint8Array([1, 2]));
  expect(await (await app.fetch(new Request("http://localhost/7"))).text()).toBe("bigint");
});
