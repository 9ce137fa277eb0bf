/** The protocol between `chopin openapi` and applications of any copy of the package. */
import { expect, test } from "bun:test";
import { type Describable, describing, type Form } from "../../src/collector.ts";
import { Chopin } from "../../src/index.ts";

const app = new Chopin().get("/a", "a") as unknown as Describable;

test("an application gives each form as text, by a symbol of the process", async () => {
  expect(describing as symbol).toBe(Symbol.for("chopin.describing"));
  expect(JSON.parse(await app[describing]("openapi")).paths["/a"].get).toBeDefined();
  expect(await app[describing]("client")).toContain('readonly "GET /a"');
});

test("a form that only a later version knows is refused", async () => {
  for (const form of ["graphql", "constructor"]) {
    const error = await app[describing](form as Form).catch((reason: unknown) => reason);
    expect(String(error)).toBe(
      `ChopinError: The program's version of chopin cannot give ${form}: install that of the command.`,
    );
  }
});

test("routes that could not be served are not described", async () => {
  const twice = new Chopin().get("/a", "a").get("/a", "b") as unknown as Describable;
  const error = await twice[describing]("openapi").catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "duplicate_route" });
});
