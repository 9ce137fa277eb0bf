/** The code of the guide runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Chopin } from "../../src/index.ts";
import { blocksIn, pageOf } from "../_pages.ts";

const root = join(import.meta.dir, "../..");
const guide = pageOf("streams.md");
const blocks = blocksIn(guide);
const folder = mkdtempSync(join(tmpdir(), "chopin-guide-"));
afterAll(() => rmSync(folder, { recursive: true }));

const form = new FormData();
form.set("name", "Ada");
form.set("picture", new File(["png"], "a.png"));
const post = (body: RequestInit["body"]): RequestInit => ({ method: "POST", body: body ?? null });

/** What each block answers: path, request, body. */
const expected: readonly (readonly (readonly [string, RequestInit, string])[])[] = [
  [
    ["/numbers", {}, "1\n2\n3\n"],
    ["/table.csv", {}, "a,b\n1,2\n"],
    ["/web", {}, "one two"],
  ],
  [
    ["/prices", { headers: { "Last-Event-ID": "2" } }, 'event: price\nid: 3\ndata: {"amount":30}'],
    ["/ticks", {}, "data: first\n\n"],
  ],
  [
    ["/upload", post("x".repeat(100_000)), '{"bytes":100000}'],
    ["/echo", post("forte"), "forte"],
    ["/form", post(form), '{"name":"Ada","bytes":3}'],
  ],
];

describe("docs/streams.md", () => {
  test("has as many blocks as are known here", () => {
    expect(blocks.length).toBe(expected.length);
  });

  for (const [index, answers] of expected.entries()) {
    test(`block ${index + 1}`, async () => {
      const program = (blocks[index] ?? "").replaceAll(
        '"chopin"',
        JSON.stringify(join(root, "src/index.ts")),
      );
      const path = join(folder, `block-${index}.ts`);
      writeFileSync(path, `${program}\nexport { app };\n`);
      const { app } = (await import(path)) as { app: Chopin };
      const server = await app.serve({ hostname: "127.0.0.1", port: 0 });
      for (const [url, request, body] of answers) {
        const bySocket = await fetch(`${server.url}${url.slice(1)}`, request);
        const direct = await app.fetch(new Request(`http://localhost${url}`, request));
        for (const answer of [bySocket, direct]) {
          expect([url, answer.status]).toEqual([url, 200]);
          expect(await answer.text()).toContain(body);
        }
      }
      await server.stop();
    });
  }
});
