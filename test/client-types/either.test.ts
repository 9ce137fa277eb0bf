/** Answers that a route and its extractors both give, in the written declarations. */
import { expect, test } from "bun:test";
import { clientTypes } from "../../src/client-types/declarations.ts";
import { Chopin, extract, t } from "../../src/index.ts";

test("what a route and its extractor answer with one status is either", () => {
  const refusing = extract(
    { response: { 401: t.Object({ code: t.String() }), 409: t.String() } },
    () => 1,
  );
  const response = { 200: t.String(), 401: null, 409: t.Integer() };
  const app = new Chopin().get("/", { extract: { refusing }, response }, () => "x");
  const text = clientTypes(app.routes());
  expect(text).toContain("401: { code: string };");
  expect(text).toContain("409: number | string;");
});
