/** Answers of every kind, and of servers that do not keep to what they say. */
import { describe, expect, test } from "bun:test";
import { type Client, createClient } from "../../src/client/index.ts";
import { Chopin, HTTPError, type RoutesOf, route, t } from "../../src/index.ts";
import { clients, failure } from "./_both-ways.ts";
import { says, withRawServer, writes } from "./_raw-server.ts";

const routes = {
  json: route.get("/json", () => ({ a: [1, null], at: new Date(0) })),
  text: route.get("/text", () => "é" as string),
  html: route.get("/html", (ctx) => ctx.html("<p>")),
  bytes: route.get("/bytes", () => new Uint8Array([1, 255])),
  csv: route.get("/csv", () => new Response("a,b", { headers: { "content-type": "text/csv" } })),
  svg: route.get(
    "/svg",
    () => new Response("<svg/>", { headers: { "content-type": "image/svg+xml" } }),
  ),
  patch: route.get(
    "/patch",
    () => new Response("[1]", { headers: { "content-type": "Application/Merge-Patch+JSON" } }),
  ),
  empty: route.get("/empty", { response: { 200: null } }, (ctx) => ctx.status(200) && null),
  none: route.get("/none", () => null),
  made: route.post("/made", { response: t.Object({ id: t.Integer() }) }, (ctx) =>
    ctx.json({ id: 1, secret: "not sent" }, 201),
  ),
  lines: route.get("/lines", async function* () {
    for (let line = 1; line <= 3; line++) {
      yield `${line}\n`;
      await Bun.sleep(1);
    }
  }),
  conditional: route.get("/conditional", (ctx) => {
    ctx.header("ETag", '"a"');
    return ctx.header("if-none-match") === '"a"' ? ctx.status(304) && null : { a: 1 };
  }),
  moved: route.get("/moved", (ctx) => ctx.redirect("/json", 307)),
  problem: route.get("/problem", () => {
    throw new HTTPError(409, "taken", "It is taken.", { members: { by: "Kim" } });
  }),
  plain: route.get("/plain", (ctx) => ctx.text("no", 418)),
};
type Api = RoutesOf<typeof routes>;
const make = () => new Chopin().mount(routes);

describe("answers", () => {
  clients<Api>("by their Content-Type", make, async (api) => {
    const json = await api.get("/json").orThrow();
    expect(json).toEqual({ a: [1, null], at: "1970-01-01T00:00:00.000Z" });
    expect(await api.get("/text").orThrow()).toBe("é");
    expect(await api.get("/html").orThrow()).toBe("<p>");
    expect(await api.get("/csv").orThrow()).toBe("a,b");
    expect(await api.get("/svg").orThrow()).toBe("<svg/>");
    expect(await api.get("/patch").orThrow()).toEqual([1]);
    expect(await api.get("/bytes").orThrow()).toEqual(new Uint8Array([1, 255]));
    expect(await api.get("/lines").orThrow()).toBe("1\n2\n3\n");
  });

  clients<Api>("as they are asked for", make, async (api) => {
    expect(await api.get("/json", { as: "text" }).orThrow()).toStartWith('{"a":');
    const bytes = await api.get("/text", { as: "bytes" }).orThrow();
    expect(bytes).toEqual(new Uint8Array([0xc3, 0xa9]));
    const blob = await api.get("/html", { as: "blob" }).orThrow();
    expect([blob.type, await blob.text()]).toEqual(["text/html;charset=utf-8", "<p>"]);
    expect(await api.get("/text", { as: "json" }).catch((error) => error.code)).toBe(
      "invalid_answer",
    );
    const stream = await api.get("/lines", { as: "stream" }).orThrow();
    if (!(stream instanceof ReadableStream)) throw new Error("no stream");
    expect(await new Response(stream).text()).toBe("1\n2\n3\n");
  });

  clients<Api>("without a body", make, async (api) => {
    expect(await api.get("/none").orThrow()).toBeNull();
    for (const as of ["auto", "json", "text", "bytes", "blob", "stream"] as const) {
      const none = await api.get("/none", { as });
      expect([none.status, none.body]).toEqual([204, null]);
    }
    const empty = await api.get("/empty");
    expect([empty.status, empty.body]).toEqual([200, null]);
    const stream = await api.get("/empty", { as: "stream" });
    if (stream.status !== 200) throw new Error(`${stream.status}`);
    expect(await new Response(stream.body).text()).toBe("");
    const typed = await api.get("/empty", { as: "json" });
    expect([typed.status, typed.body]).toEqual([200, null]);
    const head = await api.head("/json");
    expect([head.status, head.body, head.headers.get("content-length")]).toEqual([200, null, "46"]);
    const fields = { "if-none-match": '"a"' };
    const same = await api.get("/conditional", { headers: fields });
    expect([same.status, same.ok, same.body]).toEqual([304, false, null]);
  });

  clients<Api>("of failure are read, however a success would be", make, async (api) => {
    for (const as of ["auto", "json", "text", "bytes", "stream", "events"] as const) {
      const answer = await api.get("/problem", { as });
      if (answer.status !== 409) throw new Error(`${answer.status}`);
      expect(answer.problem).toMatchObject({ code: "taken", detail: "It is taken.", by: "Kim" });
      expect(answer.body).toEqual(answer.problem);
    }
    const plain = await api.get("/plain");
    expect([plain.status, plain.body, plain.problem]).toEqual([418, "no", undefined]);
    const error = await failure(api.get("/plain").orThrow());
    expect([error.code, error.status, error.body]).toEqual(["unexpected_status", 418, "no"]);
    expect(error.message).toEndWith("/plain: 418");
    expect(error.response?.headers.get("content-type")).toStartWith("text/plain");
  });

  clients<Api>("of every success have one schema", make, async (api) => {
    const answer = await api.post("/made");
    if (answer.status !== 201) throw new Error(`${answer.status}`);
    expect(answer.body).toEqual({ id: 1 });
  });

  test("redirections are followed, unless told", async () => {
    const server = await make().serve("127.0.0.1:0");
    const api = createClient<Api>(server.url);
    const followed = await api.get("/moved");
    expect([followed.status, followed.response.redirected]).toEqual([200, true]);
    const told = await api.get("/moved", { init: { redirect: "manual" } });
    expect(told.status as number).toBe(307);
    const never = createClient<Api>(server.url, { init: { redirect: "error" } });
    await expect(never.get("/moved")).rejects.toMatchObject({ code: "network_error" });
    await server.stop({ timeoutMs: 1000 });
  });
});

interface Any {
  readonly "GET /": { readonly answers: { readonly 200: { readonly id: number } } };
}

/** What a client makes of raw bytes. */
async function answerTo(
  answer: Parameters<typeof withRawServer>[0][number],
  ask: (api: Client<Any>) => Promise<unknown>,
): Promise<void> {
  await withRawServer([answer], async ({ url }) => void (await ask(createClient<Any>(url))));
}

describe("answers that are not what they say", () => {
  const json = { "Content-Type": "application/json" };

  test("JSON that is none", () =>
    answerTo(says(200, '{"id":', json), async (api) => {
      const error = await failure(api.get("/"));
      expect([error.code, error.status, error.body]).toEqual(["invalid_answer", 200, '{"id":']);
      expect(error.message).toMatch(/^GET http:.*\/: 200: its body is not JSON\.$/);
    }));
  test("JSON without a body", () =>
    answerTo(says(200, "", json), async (api) => {
      await expect(api.get("/")).rejects.toMatchObject({ code: "invalid_answer" });
    }));
  test("a failure with JSON that is none is a failure all the same", () =>
    answerTo(says(502, "<html>", json), async (api) => {
      const answer = await api.get("/");
      expect([answer.status, answer.body]).toEqual([502, "<html>"]);
    }));
  test("a problem that is none", () =>
    answerTo(says(400, "null", { "Content-Type": "application/problem+json" }), async (api) => {
      const answer = await api.get("/");
      expect([answer.status, answer.body, answer.problem]).toEqual([400, null, undefined]);
    }));
  test("numbers beyond those of JavaScript are exact as text alone", () =>
    answerTo(says(200, '{"id":9007199254740993}', json), async (api) => {
      expect((await api.get("/").orThrow()).id).toBe(9007199254740992);
      expect(await api.get("/", { as: "text" }).orThrow()).toContain("9007199254740993");
    }));
  test("keys of prototypes are keys", () =>
    answerTo(says(200, '{"__proto__":{"id":1}}', json), async (api) => {
      const body = await api.get("/").orThrow();
      expect(Object.keys(body)).toEqual(["__proto__"]);
      expect(body.id).toBeUndefined();
    }));
  test("an unknown status", () =>
    answerTo(says(599, "x"), async (api) => {
      const answer = await api.get("/");
      expect([answer.status as number, answer.ok]).toEqual([599, false]);
    }));
  test("events are not waited for", () =>
    answerTo(
      writes("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", "stay"),
      async (api) => {
        const answer = api.get("/");
        await expect(answer).rejects.toThrow('200: events are read by events(), or as: "events".');
      },
    ));

  test("no answer at all", async () => {
    await answerTo(writes("", "close"), async (api) => {
      const error = await failure(api.get("/"));
      expect([error.name, error.code, error.status]).toEqual([
        "ClientError",
        "network_error",
        undefined,
      ]);
      expect(error.cause).toBeInstanceOf(Error);
    });
    const nobody = createClient<Any>("http://127.0.0.1:1");
    await expect(nobody.get("/").orThrow()).rejects.toMatchObject({ code: "network_error" });
  });
  test("what is no HTTP", () =>
    answerTo(writes("SSH-2.0-x\r\n", "close"), async (api) => {
      await expect(api.get("/")).rejects.toMatchObject({ code: "network_error" });
    }));

  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
  const cut = `${head}{"id"`;
  test("a body that breaks off", () =>
    answerTo(writes(cut, "close"), async (api) => {
      const error = await failure(api.get("/"));
      expect([error.code, error.status]).toEqual(["network_error", 200]);
      expect(error.message).toContain("/: the answer broke off: ");
    }));
  test("a stream that breaks off", () =>
    answerTo(writes(cut, "close"), async (api) => {
      const stream = await api.get("/", { as: "stream" }).orThrow();
      const error = await failure(new Response(stream).text());
      expect([error.code, error.status]).toEqual(["network_error", 200]);
    }));
  test("a chunked body that breaks off", () =>
    answerTo(
      writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "close"),
      async (api) => {
        await expect(api.get("/")).rejects.toMatchObject({ code: "network_error" });
      },
    ));
});
