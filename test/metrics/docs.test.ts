/** The code of the guide runs as it stands there, and its tables say what there is. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, propagation, trace } from "@opentelemetry/api";
import type { Chopin } from "../../src/index.ts";
import { blocksIn, pageOf } from "../_pages.ts";
import { withServer } from "../_setup.ts";
import { freePort } from "./_port.ts";

const root = join(import.meta.dir, "../..");
const guide = pageOf("metrics.md");
const blocks = blocksIn(guide);
const folder = mkdtempSync(join(tmpdir(), "chopin-metrics-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
  trace.disable();
  context.disable();
  propagation.disable();
});

const sources: Readonly<Record<string, string>> = {
  chopin: join(root, "src/index.ts"),
  "chopin/middleware": join(root, "src/middleware/index.ts"),
};

/** The application of a block; imports are found from here, and a port is free. */
async function applicationOf(index: number, port: number): Promise<Chopin> {
  const file = join(folder, `block-${index}.ts`);
  const code = (blocks[index] ?? "")
    .replaceAll("9464", String(port))
    .replaceAll(/from "([^"]+)"/g, (_, name: string) => {
      return `from ${JSON.stringify(sources[name] ?? Bun.resolveSync(name, import.meta.dir))}`;
    });
  writeFileSync(file, `${code}\nexport { app };\n`);
  return ((await import(file)) as { app: Chopin }).app;
}

/** Of each block: where something is told, and what of it. */
const expected: readonly (readonly (readonly [path: string, status: number, part: string])[])[] = [
  [["/users/7", 200, '{"id":"7"}']],
  [
    ["/internal/metrics", 401, ""],
    ["/healthz", 200, '"ok"'],
  ],
  [["/readyz", 200, '{"database":"ok"}']],
  [["/users/7", 200, '"trace"']],
];

describe("docs/metrics.md", () => {
  test("has as many blocks as are known here", () => expect(blocks).toHaveLength(4));

  for (const [index, requests] of expected.entries()) {
    test(`block ${index + 1} serves`, async () => {
      const port = freePort();
      await withServer(await applicationOf(index, port), async ({ url }) => {
        for (const [path, status, part] of requests) {
          const answer = await fetch(new URL(path, url));
          expect([path, answer.status]).toEqual([path, status]);
          expect(await answer.text()).toContain(part);
        }
        if (index > 0) return;
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        // Every family is in the table, and nothing else.
        const told = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = ""]) => name);
        const table = /## What is counted\n(.*?)\n## /s.exec(guide)?.[1] ?? "";
        const named = [...table.matchAll(/`(chopin_\w+)`/g)].map(([, name = ""]) => name);
        expect(new Set(named)).toEqual(new Set(told));
      });
    });
  }

  const queries = [...guide.matchAll(/^\| [\w ]+ \| `(.*)` \|$/gm)].map(([, query = ""]) => query);

  test("queries name what is counted", () => {
    expect(queries.length).toBeGreaterThan(10);
    const table = /## What is counted\n(.*?)\n## /s.exec(guide)?.[1] ?? "";
    for (const query of queries) {
      for (const [name] of query.matchAll(/chopin_\w+/g)) {
        const family = name.replace(/_(bucket|sum|count)$/, "");
        expect([query, table.includes(`\`${family}\``)]).toEqual([query, true]);
      }
    }
  });

  const promtool = Bun.which("promtool") !== null;
  test.skipIf(!promtool)("promtool reads the queries (needs Debian's prometheus)", () => {
    const rules = queries.map((expr, at) => ({ record: `panel_${at}`, expr }));
    const file = join(folder, "rules.yml");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const child = Bun.spawnSync(["promtool", "check", "rules", file]);
    expect(child.stderr.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });
});
