/** Server-sent events through contexts: by fetch, and over connections that stay and that break. */
import { expect, test } from "bun:test";
import { Chopin, HTTPError } from "../src/index.ts";
import { bothWays, RawClient, withServer } from "./_setup.ts";

const make = () => {
  const app = new Chopin();
  app.get("/", (ctx) =>
    ctx.events(async function* (stream) {
      yield { id: "1", data: { from: stream.lastEventId ?? null } };
      yield "two";
    }),
  );
  app.get("/fails", (ctx) =>
    ctx.events(() => {
      throw new HTTPError(409, "not_yet");
    }),
  );
  return app;
};

bothWays("events and their fields", make, async (send) => {
  const answer = await send("GET", "/", { headers: { "Last-Event-ID": "0" } });
  expect(answer.body).toBe('id: 1\ndata: {"from":"0"}\n\ndata: two\n\n');
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("x-accel-buffering")).toBe("no");
});

test("HEAD gets the fields, and no producer runs", () =>
  withServer(make(), async (server) => {
    for (const path of ["/", "/fails"]) {
      const head = await fetch(new URL(path, server.url), { method: "HEAD" });
      expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
        200,
        "text/event-stream",
        "",
      ]);
    }
  }));

test("each event comes when it is sent, heartbeats in between", async () => {
  const opened = Promise.withResolvers<void>();
  const left = Promise.withResolvers<boolean>();
  const app = new Chopin();
  app.get("/", (ctx) =>
    ctx.events(
      async (stream) => {
        stream.signal.addEventListener("abort", () => left.resolve(stream.signal.aborted));
        await stream.send("first");
        await opened.promise;
        await stream.send("second");
        await left.promise;
      },
      { heartbeatMs: 1 },
    ),
  );
  await withServer(app, async (server) => {
    const client = await RawClient.connect(server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.read((text) => text.includes("data: first\n\n") && text.includes(":\n\n"));
    expect(client.text).not.toContain("second");
    opened.resolve();
    await client.read((text) => text.includes("data: second\n\n"));
    client.close();
    expect(await left.promise).toBe(true);
  });
});

test("a generator ends when its client leaves", async () => {
  const ended = Promise.withResolvers<string>();
  const app = new Chopin();
  app.get("/", (ctx) =>
    ctx.events(async function* () {
      try {
        for (let at = 0; ; at++) yield `${at} ${"x".repeat(10_000)}`;
      } finally {
        ended.resolve("ended");
      }
    }),
  );
  await withServer(app, async (server) => {
    const client = await RawClient.connect(server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.read((text) => text.includes("data: 3 "));
    client.close();
    expect(await ended.promise).toBe("ended");
  });
});

test("what fails before the first event is an ordinary error", async () => {
  await withServer(make(), async (server) => {
    const answer = await fetch(new URL("/fails", server.url));
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: "not_yet" }]);
  });
});
