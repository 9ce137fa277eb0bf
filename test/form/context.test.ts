/** Forms through contexts: by fetch and through sockets, gathered and streamed. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin, type Form } from "../../src/index.ts";
import { bothWays, RawClient, withServer } from "../_setup.ts";
import { body, boundary, entriesOf, multipart, part, urlencoded } from "./_form.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-context-"));
afterAll(() => rmSync(folder, { recursive: true }));

const upload = body(
  part("form-data; name=title", "Über"),
  part("form-data; name=f; filename=x.txt", "content", "Content-Type: text/plain\r\n"),
);
const bytes = new Uint8Array(upload);
const headers = { "Content-Type": multipart };

async function told(form: Form) {
  const file = form.file("f");
  const path = file?.path;
  const there = path !== undefined && existsSync(path);
  return { title: form.get("title"), name: file?.name, text: await file?.text(), path, there };
}

const make = () => {
  const app = new Chopin();
  app.post("/memory", async (ctx) => told(await ctx.form()));
  app.post("/disk", async (ctx) => told(await ctx.form({ files: "disk", folder })));
  app.post("/twice", async (ctx) => {
    const [first, second] = [await ctx.form(), await ctx.form()];
    return { same: first === second };
  });
  app.post("/fields", async (ctx) => (await ctx.form()).fields);
  app.post("/parts", { streamBody: true, bodyLimit: 2 ** 30 }, async (ctx) => {
    const seen: unknown[] = [];
    for await (const one of ctx.parts({ fileBytesMax: 2 ** 30, totalBytesMax: 2 ** 30 })) {
      let total = 0;
      for await (const chunk of one) total += chunk.length;
      seen.push([one.name, one.filename ?? null, total]);
    }
    return seen;
  });
  app.post("/upload", { streamBody: true, bodyLimit: 2 ** 30 }, async (ctx) => {
    return told(await ctx.form({ files: "disk", folder }));
  });
  app.post("/first", { streamBody: true, bodyLimit: 2 ** 30 }, async (ctx) => {
    for await (const one of ctx.parts()) return { first: one.name };
    return null;
  });
  return app;
};

describe("ctx.form", () => {
  bothWays("in memory", make, async (send) => {
    const answer = await send("POST", "/memory", { headers, body: bytes });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      { title: "Über", name: "x.txt", text: "content", there: false },
    ]);
  });

  bothWays("on disk, until the answer is sent", make, async (send) => {
    const answer = await send("POST", "/disk", { headers, body: bytes });
    const { path, there } = JSON.parse(answer.body) as { path: string; there: boolean };
    expect([path.startsWith(folder), there]).toEqual([true, true]);
    expect(await entriesOf(folder, 0)).toEqual([]);
  });

  bothWays("urlencoded, and once for all who ask", make, async (send) => {
    const fields = { "Content-Type": urlencoded };
    const answer = await send("POST", "/fields", { headers: fields, body: "a=1&a=2&b=%C3%A4" });
    expect(JSON.parse(answer.body)).toEqual({ a: "1", b: "ä" });
    const twice = await send("POST", "/twice", { headers: fields, body: "a=1" });
    expect(JSON.parse(twice.body)).toEqual({ same: true });
  });

  bothWays("errors", make, async (send) => {
    const json = { "Content-Type": "application/json" };
    const other = await send("POST", "/memory", { headers: json, body: "{}" });
    expect([other.status, JSON.parse(other.body).code]).toEqual([415, "unsupported_media_type"]);
    expect(other.headers.get("accept")).toContain("multipart/form-data");
    const cut = await send("POST", "/disk", { headers, body: bytes.slice(0, -9) });
    expect([cut.status, JSON.parse(cut.body).code]).toEqual([400, "invalid_form"]);
    const many = "a&".repeat(1000);
    const fields = { "Content-Type": urlencoded };
    const refused = await send("POST", "/fields", { headers: fields, body: many });
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([413, "too_many_parts"]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test("a client that leaves in the middle of a file leaves nothing on disk", () =>
  withServer(make(), async (server) => {
    const client = await RawClient.connect(server);
    const head = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: ${multipart}\r\n`;
    client.send(`${head}Content-Length: 1000000\r\n\r\n`);
    client.send(upload.toString("latin1", 0, upload.indexOf("content") + 3));
    expect(await entriesOf(folder, 1)).toHaveLength(1);
    client.close();
    expect(await entriesOf(folder, 0)).toEqual([]);
  }));

describe("ctx.parts", () => {
  bothWays("on a route that streams", make, async (send) => {
    const answer = await send("POST", "/parts", { headers, body: bytes });
    expect(JSON.parse(answer.body)).toEqual([
      ["title", null, 5],
      ["f", "x.txt", 7],
    ]);
  });

  test("with FormData as fetch sends it, through a socket", () =>
    withServer(make(), async (server) => {
      const form = new FormData();
      form.set("title", "x");
      form.set("f", new File([new Uint8Array(5 * 2 ** 20)], 'a"b\n.bin'));
      const answer = await fetch(new URL("/parts", server.url), { method: "POST", body: form });
      expect(await answer.json()).toEqual([
        ["title", null, 1],
        ["f", "a%22b%0A.bin", 5 * 2 ** 20],
      ]);
    }));

  test("arrive while the rest is still to come", () =>
    withServer(make(), async (server) => {
      const client = await RawClient.connect(server);
      client.send(
        `POST /first HTTP/1.1\r\nHost: a\r\nContent-Type: ${multipart}\r\n` +
          "Content-Length: 1000000\r\n\r\n" +
          `--${boundary}\r\nContent-Disposition: form-data; name=early\r\n\r\nx`,
      );
      const answer = await client.read((text) => text.includes("}"));
      expect(answer).toContain('{"first":"early"}');
      client.close();
    }));
});
