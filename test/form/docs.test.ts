/** The code of the guides to forms and events runs as it stands there. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Chopin } from "../../src/index.ts";
import { blocksIn, pageOf, withSources } from "../_pages.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-forms-guide-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith("video-")) rmSync(join(tmpdir(), name));
  }
});

/** The applications of a guide's blocks. */
function apps(guide: string): Promise<Chopin>[] {
  return blocksIn(pageOf(guide)).map(async (code, index) => {
    const file = join(folder, `${guide}-${index}.ts`);
    writeFileSync(file, `${withSources(code)}\nexport { app };\n`);
    return ((await import(file)) as { app: Chopin }).app;
  });
}

async function upload(app: Chopin, path: string, field: string): Promise<unknown> {
  const body = new FormData();
  body.append("name", "Kim");
  body.append("hobby", "chess");
  body.append("hobby", "go");
  body.append(field, new File(["content"], "a.txt", { type: "text/plain" }));
  const request = new Request(`http://a.test${path}`, { method: "POST", body });
  return (await app.fetch(request)).json();
}

describe("docs/forms.md", () => {
  const [profile, videos, digests] = apps("forms.md");

  test("a form", async () => {
    expect(await upload(await profile!, "/profile", "picture")).toEqual({
      name: "Kim",
      hobbies: ["chess", "go"],
      picture: { name: "a.txt", type: "text/plain;charset=utf-8", bytes: 7 },
    });
  });

  test("files on disk", async () => {
    const answer = (await upload(await videos!, "/videos", "video")) as Record<string, unknown>;
    const kept = join(tmpdir(), `video-${answer.id}`);
    expect([answer.bytes, await Bun.file(kept).text()]).toEqual([7, "content"]);
    expect(await upload(await videos!, "/videos", "other")).toEqual({ missing: "video" });
  });

  test("parts", async () => {
    expect(await upload(await digests!, "/digests", "f")).toEqual({
      "a.txt": new Bun.CryptoHasher("sha256").update("content").digest("hex"),
    });
  });
});

describe("docs/events.md", () => {
  const [countdown, chat] = apps("events.md");

  test("a generator", async () => {
    const headers = { "Last-Event-ID": "1" };
    const request = new Request("http://a.test/countdown", { headers });
    expect(await (await (await countdown!).fetch(request)).text()).toBe(
      'event: count\nid: 0\nretry: 1000\ndata: {"left":1}\n\ndata: lift-off\n\n',
    );
  });

  test("a function with a stream", async () => {
    const app = await chat!;
    const answer = await app.fetch(new Request("http://a.test/chat"));
    const reader = answer.body!.getReader();
    const first = reader.read();
    const request = { method: "POST", body: "hi" };
    await app.fetch(new Request("http://a.test/chat", request));
    const text = "event: message\ndata: hi\n\n";
    expect(Buffer.from((await first).value!).toString()).toBe(text);
    await reader.cancel();
  });
});
