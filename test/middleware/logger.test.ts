/** logger: lines, levels, redaction, pretty lines and wrong options. */
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { Chopin, HTTPError } from "../../src/index.ts";
import { type LoggerOptions, logger, requestId } from "../../src/middleware/index.ts";
import { prettyLine } from "../../src/middleware/support/pretty-line.ts";
import { bothWays } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const printed = spyOn(console, "error");
beforeAll(() => printed.mockImplementation(() => {}));
afterAll(() => printed.mockRestore());

const lines: string[] = [];
const destination = { write: (line: string) => lines.push(line) };

/** The only line since the last call. */
function line(): Record<string, unknown> {
  const [text = "", ...others] = lines.splice(0);
  expect([text.endsWith("\n"), others]).toEqual([true, []]);
  return JSON.parse(text) as Record<string, unknown>;
}

const make =
  (options: LoggerOptions = {}) =>
  () => {
    const app = new Chopin().layer(logger({ destination, ...options })).layer(requestId());
    app.get("/", () => ({ é: 1 }));
    app.get("/text", () => "é");
    app.get("/empty", () => null);
    app.get("/refused", () => {
      throw new HTTPError(409);
    });
    app.get("/fails", () => {
      throw new Error("broken");
    });
    app.get("/circular", () => {
      const value: Record<string, unknown> = {};
      value.value = value;
      return value;
    });
    return app;
  };

describe("lines", () => {
  bothWays("say what was asked and answered", make(), async (send) => {
    await send("GET", "/?token=secret", { headers: { "X-Request-Id": "one" } });
    const { time, duration_ms: duration, ...rest } = line();
    expect(rest).toEqual({
      level: "info",
      method: "GET",
      path: "/",
      status: 200,
      bytes: 8,
      request_id: "one",
      ip: "127.0.0.1",
      msg: "request",
    });
    expect(String(time)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(duration).toBeNumber();
  });

  bothWays("bytes are those of the body that is sent", make(), async (send) => {
    for (const [method, path, status, bytes] of [
      ["GET", "/text", 200, 2],
      ["HEAD", "/text", 200, 0],
      ["GET", "/empty", 204, 0],
    ] as const) {
      const answer = await send(method, path);
      expect(line()).toMatchObject({ method, path, status, bytes });
      expect(answer.body.length).toBe(bytes === 2 ? 1 : 0);
    }
    expect((await send("GET", "/")).headers.get("content-type")).toBe("application/json");
    lines.length = 0;
  });

  bothWays("levels go by the status, and errors are told", make(), async (send) => {
    await send("GET", "/refused");
    expect(line()).toMatchObject({ level: "warn", status: 409 });
    await send("GET", "/missing");
    expect(line()).toMatchObject({ level: "warn", status: 404 });
    await send("GET", "/fails");
    const failed = line();
    expect(failed).toMatchObject({ level: "error", status: 500, err: { message: "broken" } });
    expect((failed.err as { stack: string }).stack).toContain("logger.test.ts");
    expect((await send("GET", "/circular")).status).toBe(500);
    expect(line()).toMatchObject({ level: "error", status: 500, err: { type: "TypeError" } });
  });

  bothWays(
    "further fields, without credentials",
    make({
      requestHeaders: ["User-Agent", "Authorization", "cookie", "X-Not-There"],
      fields: (ctx) => ({ user: { name: "kim", email: ctx.header("x-email") } }),
      redact: ["user.email"],
      skip: (ctx) => ctx.path === "/text",
    }),
    async (send) => {
      const headers = { "User-Agent": "t", Authorization: "s1", Cookie: "s2", "X-Email": "s3" };
      await send("GET", "/text", { headers });
      await send("GET", "/", { headers });
      expect(line()).toMatchObject({
        request_headers: { "user-agent": "t", authorization: "[redacted]", cookie: "[redacted]" },
        user: { name: "kim", email: "[redacted]" },
      });
    },
  );

  test("go to a sink that the application has", async () => {
    const taken: [level: string, fields: object, message: string][] = [];
    const take = (level: string) => (fields: object, message: string) => {
      taken.push([level, fields, message]);
    };
    const sink = { info: take("info"), warn: take("warn"), error: take("error") };
    const app = new Chopin().layer(logger({ sink })).get("/", () => "x");
    await app.fetch(new Request("http://a.test/"));
    expect(taken).toMatchObject([["info", { status: 200, bytes: 1 }, "request"]]);
  });
});

describe("lines for people", () => {
  const json = JSON.stringify({
    level: "info",
    time: "2026-01-02T03:04:05.678Z",
    method: "GET",
    path: "/a\x1b[2J\n",
    status: 503,
    duration_ms: 1.5,
    bytes: 12,
    request_id: "one",
    ip: "::1",
    err: { stack: "Error: a\n    at b\x07" },
    msg: "request",
  });
  const plain =
    "03:04:05.678 GET /a\\x1b[2J\\x0a 503 1.5 ms 12 B request_id=one\nError: a\n    at b\\x07\n";

  test("show nothing that a terminal would obey", () => {
    expect(prettyLine(json, false)).toBe(plain);
  });

  test("have colours where the terminal does", () => {
    const colored = prettyLine(json, true);
    expect(colored).toContain("\x1b[31m503\x1b[0m");
    expect(Bun.stripANSI(colored)).toBe(plain);
  });

  test("are written when they are asked for", async () => {
    await make({ pretty: true })().fetch(new Request("http://a.test/text"), { ip: "1.1.1.1" });
    const [text = ""] = lines.splice(0);
    expect(text).toMatch(/^[\d:.]{12} GET \/text 200 [\d.]+ ms 2 B request_id=[\da-f-]{36}\n$/);
  });
});

test("standard output takes lines when nothing else is told", async () => {
  const index = JSON.stringify(new URL("../../src/index.ts", import.meta.url).href);
  const middleware = JSON.stringify(new URL("../../src/middleware/index.ts", import.meta.url).href);
  const program = `
    const { Chopin } = await import(${index});
    const { logger } = await import(${middleware});
    const app = new Chopin().layer(logger()).get("/", () => "x");
    await app.fetch(new Request("http://a.test/"));
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
  const text = await child.stdout.text();
  expect([await child.stderr.text(), await child.exited]).toEqual(["", 0]);
  expect(JSON.parse(text)).toMatchObject({ level: "info", path: "/", status: 200, bytes: 1 });
});

test("wrong options", () => {
  expectFault(() => logger({ requestHeaders: ["a b"] }), "requestHeaders is a list of names");
  expectFault(() => logger({ skip: true as never }), "skip is a function");
  expectFault(() => logger({ sink: {} as never }), "sink has functions");
  const sink = { info() {}, warn() {}, error() {} };
  expectFault(() => logger({ sink, redact: ["a"] }), "settings of the sink");
  expectFault(() => logger({ destination, redact: ["a[["] }), "redact:");
});
