/** Streams when their server stops, and when `bun --hot` gives it new routes. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin } from "../../src/index.ts";
import { Peer, until } from "./_streams.ts";

test("stop waits for streams, and ends those that are left when its time is over", async () => {
  const seen: string[] = [];
  const app = new Chopin()
    .get("/short", async function* () {
      yield "first";
      await Bun.sleep(30);
      yield "last";
    })
    .get("/endless", async function* (ctx) {
      try {
        yield "piece";
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      } finally {
        seen.push("ended");
      }
    })
    .post("/body", { streamBody: true }, async (ctx) => {
      try {
        for await (const _piece of ctx.body) seen.push("read");
      } catch (error) {
        seen.push((error as Error).name);
      }
    });
  const server = await app.serve({ hostname: "127.0.0.1", port: 0 });
  const short = await Peer.get(server, "/short");
  const endless = await Peer.get(server, "/endless");
  const body = await Peer.connect(server);
  body.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
  await Promise.all([short.has("first"), endless.has("piece"), until(() => seen.includes("read"))]);
  await server.stop({ timeoutMs: 200 });
  expect(await short.ended()).toEndWith("4\r\nlast\r\n0\r\n\r\n");
  expect(await endless.ended()).toEndWith("5\r\npiece\r\n");
  await until(() => seen.length === 3);
  expect(seen.toSorted()).toEqual(["AbortError", "ended", "read"]);
});

const entry = join(import.meta.dir, "../../src/index.ts");

/** The endless answer goes on in pieces that its reader, which is behind, has to make room for. */
const program = (generation: number) => `import { Chopin } from ${JSON.stringify(entry)};
const seen = (globalThis.seen ??= []);
const piece = new Uint8Array(256 * 1024);
const app = new Chopin()
  .get("/generation", () => "${generation}")
  .get("/seen", () => seen)
  .get("/stream", async function* () {
    try {
      for (let count = 0; count < 64; count++) yield piece;
      yield "the end";
      for (;;) {
        await Bun.sleep(5);
        yield ".";
      }
    } finally {
      seen.push("ended ${generation}");
    }
  });
const server = await app.serve("127.0.0.1:0");
console.log(server.port);
`;

test("bun --hot: streams of the generation before go on, and end with their clients", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-hot-"));
  const file = join(folder, "server.ts");
  writeFileSync(file, program(1));
  const child = Bun.spawn([process.execPath, "--hot", file], { stdout: "pipe", stderr: "inherit" });
  try {
    const lines = linesOf(child.stdout);
    const port = Number((await lines.next()).value);
    const url = `http://127.0.0.1:${port}`;
    const peer = await Peer.get({ hostname: "127.0.0.1", port } as never, "/stream");
    await until(() => peer.text.length > 0);
    peer.pause();
    writeFileSync(file, program(2));
    await lines.next();
    expect(await (await fetch(`${url}/generation`)).text()).toBe("2");
    peer.resume();
    await peer.has("the end");
    expect(peer.text).toContain("the end");
    peer.leave();
    for (let seen = ""; seen !== '["ended 1"]'; ) {
      await Bun.sleep(2);
      seen = await (await fetch(`${url}/seen`)).text();
    }
  } finally {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true });
  }
}, 30_000);

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, string> {
  let text = "";
  for await (const piece of stream) {
    text += Buffer.from(piece).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
  return text;
}
