/** `bun --hot`: the next generation of a program goes on counting, under its own routes. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./_port.ts";
import { Reading } from "./_reading.ts";

const entry = join(import.meta.dir, "../../src/index.ts");

const program = (routes: readonly string[], port: number) => `
import { Chopin } from ${JSON.stringify(entry)};
const app = new Chopin().metrics({ port: ${port} }).health({ port: ${port} });
for (const route of ${JSON.stringify(routes)}) app.get(route, () => route);
const server = await app.serve("127.0.0.1:0");
console.log(server.url);
`;

test("counters and the port of their own outlive a reload", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-hot-metrics-"));
  const file = join(folder, "server.ts");
  const port = freePort();
  writeFileSync(file, program(["/old", "/both"], port));
  const child = Bun.spawn([process.execPath, "--hot", file], { stdout: "pipe", stderr: "inherit" });
  try {
    const lines = linesOf(child.stdout);
    const url = (await lines.next()).value ?? "";
    const ask = async (path: string) => (await fetch(new URL(path, url))).text();
    expect([await ask("/old"), await ask("/both")]).toEqual(["/old", "/both"]);
    // Other numbers for the same names.
    writeFileSync(file, program(["/new", "/both", "/newer"], port));
    await lines.next();
    expect([await ask("/both"), await ask("/newer")]).toEqual(["/both", "/newer"]);
    const reading = await Reading.of(`http://127.0.0.1:${port}`);
    const answers = (route: string) =>
      reading.value("chopin_answers_total", { method: "GET", route, class: "2xx" });
    expect(["/old", "/both", "/newer"].map(answers)).toEqual([1, 2, 1]);
    expect(reading.value("chopin_requests_total")).toBe(4);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true });
  }
}, 30_000);

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  return "";
}
