/** The code of the guide runs as it stands there. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Chopin } from "../../src/index.ts";
import { blocksIn, pageOf } from "../_pages.ts";
import { makeFolder } from "./_folder.ts";

const guide = pageOf("files.md");
const blocks = blocksIn(guide);
const source = join(import.meta.dir, "../../src/index.ts");

const folder = makeFolder();
for (const name of ["a.txt", "logo.svg", "report.pdf", "terms.html", "404.html"]) {
  folder.write(`public/${name}`, name);
}
folder.write("site/index.html", "home");
folder.write("site/style.css", "style");

/** What each block answers: path, status, body. */
const expected: readonly (readonly (readonly [string, number, string])[])[] = [
  [
    ["/assets/a.txt", 200, "a.txt"],
    ["/", 200, "home"],
    ["/users/7", 200, "home"],
  ],
  [
    ["/logo", 200, "logo.svg"],
    ["/report", 200, "report.pdf"],
    ["/terms", 200, "terms.html"],
    ["/nothing", 404, "404.html"],
  ],
  [
    ["/", 200, "home"],
    ["/css/style.css", 200, "style"],
  ],
];

describe("docs/files.md", () => {
  test("has as many blocks as are known here", () => {
    expect(blocks.length).toBe(expected.length);
  });

  for (const [index, answers] of expected.entries()) {
    test(`block ${index + 1}`, async () => {
      // Only the folder in which the process runs is another one.
      const program = (blocks[index] ?? "")
        .replaceAll('"chopin"', JSON.stringify(source))
        .replaceAll(/"(public|site)(\/?[^"]*)"/g, (_, top, rest) =>
          JSON.stringify(folder.at(`${top}${rest}`)),
        );
      const path = folder.write(`block-${index}.ts`, `${program}\nexport { app };\n`);
      const { app } = (await import(path)) as { app: Chopin };
      for (const [url, status, body] of answers) {
        const response = await app.fetch(new Request(`http://localhost${url}`));
        expect([url, response.status, await response.text()]).toEqual([url, status, body]);
      }
    });
  }
});
