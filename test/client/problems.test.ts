/** The types of problems are what servers send: of errors, and of requests that do not fit. */
import { expect, test } from "bun:test";
import * as z from "zod";
import {
  createClient,
  type Problem,
  type ValidationIssue,
  type ValidationProblem,
} from "../../src/client/index.ts";
import { Chopin, HTTPError, type RoutesOf, route, t } from "../../src/index.ts";
import { withServer } from "../_setup.ts";

/** Of each member that a type names: what `typeof` says of it, and whether it is always there. */
type Told<T> = {
  readonly [Name in keyof T as string extends Name ? never : Name]-?: readonly [
    kind: T[Name] extends number
      ? "number"
      : T[Name] extends string | undefined
        ? "string"
        : "object",
    always: Record<never, never> extends Pick<T, Name> ? false : true,
  ];
};
type Members = Readonly<Record<string, readonly [kind: string, always: boolean]>>;
const problem: Told<Problem> = {
  type: ["string", true],
  title: ["string", true],
  status: ["number", true],
  code: ["string", true],
  detail: ["string", false],
};
const validation: Told<ValidationProblem> = { ...problem, errors: ["object", true] };
const issue: Told<ValidationIssue> = {
  in: ["string", true],
  pointer: ["string", true],
  message: ["string", true],
  expected: ["string", false],
};

/** Holds a value to its type: with members that need not be there, or without them. */
function expectAs(value: object | undefined, told: Members, whole: boolean): void {
  const members = Object.entries(told)
    .filter(([, [, always]]) => whole || always)
    .map(([name, [kind]]) => [name, kind]);
  const kinds = Object.entries(value ?? {}).map(([name, one]) => [name, typeof one]);
  expect(Object.fromEntries(kinds)).toEqual(Object.fromEntries(members));
}

const routes = {
  plain: route.get("/plain", () => {
    throw new HTTPError(409, "taken");
  }),
  detailed: route.get("/detailed", () => {
    throw new HTTPError(409, "taken", "It is taken.");
  }),
  fit: route.get("/fit", { query: t.Object({ page: t.Integer() }) }, () => 1),
  zod: route.get(
    "/zod",
    { query: z.object({ page: z.coerce.number().refine((page) => page > 1) }) },
    () => 1,
  ),
  body: route.post("/body", { body: t.Object({ a: t.Integer() }) }, () => 1),
};

test("problems have the members of their types, and no other", () =>
  withServer(new Chopin().mount(routes), async ({ url }) => {
    const api = createClient<RoutesOf<typeof routes>>(url);
    expectAs((await api.get("/plain")).problem, problem, false);
    expectAs((await api.get("/detailed")).problem, problem, true);
    // Of the native library.
    expectAs((await api.get("/nowhere" as "/plain")).problem, problem, false);
    const broken = { body: "{" as never, headers: { "content-type": "application/json" } };
    for (const sent of [broken, { ...broken, headers: { "content-type": "text/plain" } }]) {
      const answer = await api.post("/body", sent);
      if (answer.status !== 400 && answer.status !== 415) throw new Error(`${answer.status}`);
      expectAs(answer.body, problem, answer.body.detail !== undefined);
    }
  }));

test("requests that do not fit have the issues of their types, and no other", () =>
  withServer(new Chopin().mount(routes), async ({ url }) => {
    const api = createClient<RoutesOf<typeof routes>>(url);
    const typed = await api.get("/fit", { query: { page: "a" as unknown as number } });
    const other = await api.get("/zod", { query: { page: "1" } });
    if (typed.status !== 422 || other.status !== 422) throw new Error(`${typed.status}`);
    for (const [{ body }, whole] of [
      [typed, true],
      [other, false],
    ] as const) {
      expectAs(body, validation, true);
      expectAs(body.errors[0], issue, whole);
    }
  }));
