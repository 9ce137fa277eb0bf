/** The code of the page about the client compiles as it stands there, and runs against a server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Chopin, Server } from "../../src/index.ts";
import { blocksIn, compiled, pageOf } from "../_pages.ts";
import { finish } from "../e2e/_process.ts";

const root = join(import.meta.dir, "../..");
const folder = join(root, "node_modules/.cache/pages-client");
const page = pageOf("client.md");
const [program = "", ...blocks] = blocksIn(page);
/** What the blocks print, in their order; a message begins with the address of the server. */
const printed: readonly RegExp[] = [
  /^KIM\n$/,
  /^8 1970\nGET http.*\/secret: 403 not_yours: Nobody may see this\.\n$/,
  /^$/,
  /^a,b\n\n?1,2\n\n$/,
  /^1 10\n2 20\n3 30\n$/,
  /^$/,
  /^\[ "x" \]\n$/,
];
let server: Server;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "server.ts"), program);
  const { app } = (await import(join(folder, "server.ts"))) as { app: Chopin };
  server = await app.serve("127.0.0.1:0");
});
afterAll(async () => {
  await server.stop({ timeoutMs: 1000 });
  rmSync(folder, { recursive: true });
});

describe("docs/client.md", () => {
  test("shows as many blocks as are looked at here", () => {
    expect(blocks).toHaveLength(printed.length);
  });

  for (const [index, code] of blocks.entries()) {
    test(`block ${index + 1}`, async () => {
      const file = join(folder, `block-${index}.ts`);
      const base = new URL(server.url).origin;
      writeFileSync(file, `${code.replaceAll("https://api.example.org", base)}\nexport {};\n`);
      const ran = await finish([process.execPath, file], { cwd: folder });
      expect([ran.code, ran.stderr]).toEqual([0, ""]);
      expect(ran.stdout).toMatch(printed[index]!);
    });
  }

  test("every block has the types that it shows", async () => {
    for (const [index, code] of blocks.entries()) {
      writeFileSync(join(folder, `block-${index}.ts`), `${code}\nexport {};\n`);
    }
    expect(await compiled(folder, "*.ts")).toBe("");
  }, 60_000);

  test("names every option", () => {
    const options = readFileSync(join(root, "src/client/options.ts"), "utf8");
    const names = [...options.matchAll(/^ {2}readonly (\w+)\?/gm)].map(([, name = ""]) => name);
    const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(page));
    expect([names.length > 10, missing]).toEqual([true, []]);
  });
});
