import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const entry = join(import.meta.dir, "../../src/index.ts");

function serverSaying(text: string, route: string): string {
  return `import { Chopin } from ${JSON.stringify(entry)};
const server = await new Chopin().get("${route}", () => "${text}").serve("127.0.0.1:0");
console.log(server.port);
`;
}

test("bun --hot gives a running server its new routes, on the same socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-hot-"));
  const file = join(folder, "server.ts");
  writeFileSync(file, serverSaying("first", "/a"));
  const child = Bun.spawn([process.execPath, "--hot", file], { stdout: "pipe", stderr: "inherit" });
  try {
    const ports = linesOf(child.stdout);
    const port = (await ports.next()).value;
    const url = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${url}/a`)).text()).toBe("first");
    writeFileSync(file, serverSaying("second", "/b"));
    expect((await ports.next()).value).toBe(port);
    expect(await (await fetch(`${url}/b`)).text()).toBe("second");
    expect((await fetch(`${url}/a`)).status).toBe(404);
  } finally {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true });
  }
}, 30_000);

const waiting = (generation: number) => `import { Chopin } from ${JSON.stringify(entry)};
const gate = (globalThis.gate ??= Promise.withResolvers());
const app = new Chopin()
  .get("/wait", async (ctx) => {
    await gate.promise;
    const before = ctx.header("x-name");
    for (let tick = 0; tick < 3; tick++) await undefined;
    return before + " " + ctx.header("x-name");
  })
  .get("/open", () => (gate.resolve(), "opened by ${generation}"));
const server = await app.serve("127.0.0.1:0");
console.log(server.port);
`;

test("requests of two generations read their own bytes when they wait together", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-hot-"));
  const file = join(folder, "server.ts");
  writeFileSync(file, waiting(1));
  const child = Bun.spawn([process.execPath, "--hot", file], { stdout: "pipe", stderr: "inherit" });
  try {
    const ports = linesOf(child.stdout);
    const url = `http://127.0.0.1:${(await ports.next()).value}`;
    const ask = async (name: string): Promise<string> =>
      (await fetch(`${url}/wait`, { headers: { "x-name": name } })).text();
    const old = ask("old");
    await fetch(`${url}/other`);
    writeFileSync(file, waiting(2));
    await ports.next();
    const young = ask("young");
    expect(await (await fetch(`${url}/open`)).text()).toBe("opened by 2");
    expect(await Promise.all([old, young])).toEqual(["old old", "young young"]);
  } finally {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true });
  }
}, 30_000);

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  return text;
}
