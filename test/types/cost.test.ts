/**
 * What routes cost the compiler, in instantiations: they are the same on every machine, where time
 * is not. `bench/types` measures the time.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "../../bench/harness/tools.ts";
import { nativeCompiler } from "../../bench/types/compilers.ts";
import { settings, writeDeclarations } from "../../bench/types/workspace.ts";

/** 389 with TypeScript 7.0.2. Above this, something is computed that nobody asked for. */
const instantiationsMax = 450;
const limitMs = 120_000;
const folder = mkdtempSync(join(tmpdir(), "chopin-cost-"));
let declarations = "";
beforeAll(async () => {
  declarations = await writeDeclarations();
}, limitMs);
afterAll(() => {
  for (const made of [folder, declarations]) rmSync(made, { recursive: true });
});

/** A module of routes that have nothing in common, a map of it, and a call of its client. */
function programOf(count: number): Readonly<Record<string, string>> {
  const routes = Array.from({ length: count }, (_, at) => {
    const body = `t.Object({ name${at}: t.String(), tags: t.Array(t.String()) })`;
    const schemas = `{ params: t.Object({ id: t.Integer() }), body: ${body} }`;
    const handler = `({ params, body }) => ({ id: params.id, name: body.name${at} })`;
    return `export const r${at} = post("/items${at}/:id", ${schemas}, ${handler});`;
  });
  const call = '"/items0/:id", { params: { id: 1 }, body: { name0: "a", tags: [] } }';
  return {
    "routes.ts": ['import { post, t } from "chopin";', ...routes].join("\n"),
    "client.ts": [
      'import type { RoutesOf } from "chopin";',
      'import { createClient } from "chopin/client";',
      'const api = createClient<RoutesOf<typeof import("./routes")>>("/");',
      `export const { name }: { name: string } = await api.post(${call}).orThrow();`,
    ].join("\n"),
  };
}

async function instantiations(count: number): Promise<number> {
  const place = join(folder, String(count));
  mkdirSync(place);
  writeFileSync(join(place, "tsconfig.json"), settings(declarations));
  for (const [name, text] of Object.entries(programOf(count))) {
    writeFileSync(join(place, name), text);
  }
  const flags = ["--project", place, "--extendedDiagnostics", "--singleThreaded"];
  const said = await runTool([...nativeCompiler().command, ...flags]);
  return Number(/^Instantiations:\s+(\d+)$/m.exec(said)?.[1]);
}

test(
  "a route costs as much among hundreds as among few",
  async () => {
    const [few, some, many] = [
      await instantiations(100),
      await instantiations(200),
      await instantiations(400),
    ];
    const among = { few: (some - few) / 100, many: (many - some) / 200 };
    expect(among.few).toBeLessThan(instantiationsMax);
    expect(among.many / among.few).toBeLessThan(1.05);
  },
  limitMs,
);
