/** The errors of refused requests: made for those who ask, and the same for all of them. */
import { expect, spyOn, test } from "bun:test";
import * as z from "zod";
import { Chopin, extract, HTTPError, t, ValidationError } from "../../src/index.ts";
import { bothWays, type Send } from "../_setup.ts";
import { sendJson } from "./_send.ts";

const User = t.Object(
  { name: t.String({ minLength: 1 }), tags: t.Array(t.Object({ id: t.Integer() })) },
  { additionalProperties: false },
);
const wrong = { name: "", tags: [{ id: 1 }, { id: "x" }], 'q"ü\\\n/~': 1 };
const wrongBody =
  '{"type":"about:blank","title":"Unprocessable Content","status":422,"code":"validation_failed",' +
  '"detail":"The request does not fit the schemas of its route.","errors":[' +
  '{"in":"query","pointer":"/page","message":"must be an integer","expected":"integer"},' +
  '{"in":"body","pointer":"/name","message":"must be a string of at least 1 character",' +
  '"expected":"string of at least 1 character"},' +
  '{"in":"body","pointer":"/tags/1/id","message":"must be an integer","expected":"integer"},' +
  '{"in":"body","pointer":"/q\\"ü\\\\\\n~1~0","message":"is not known"}]}';

const usual = () =>
  new Chopin().post("/", { query: t.Object({ page: t.Integer() }), body: User }, () => "taken");
const ask = (send: Send, path = "/") => sendJson(send, "POST", `${path}?page=x`, wrong);

/** Every way in which one request for `usual` is refused: what is sent, its status and code. */
const refusals = [
  [{ headers: { "Content-Type": "application/json" }, body: "{" }, 400, "invalid_json"],
  [{ headers: { "Content-Type": "text/plain" }, body: "{}" }, 415, "unsupported_media_type"],
  [{ headers: { "Content-Type": "application/json" }, body: "{}" }, 422, "validation_failed"],
] as const;

bothWays("the body says all that is wrong, byte for byte", usual, async (send) => {
  const answer = await ask(send);
  expect([answer.status, answer.body]).toEqual([422, wrongBody]);
});

bothWays(
  "onInvalid, onError and middleware see the same issues and the same error",
  () => {
    const seen: unknown[] = [];
    const app = usual()
      .onInvalid((issues) => {
        seen.push(issues);
        return undefined;
      })
      .onError((error) => {
        seen.push(error);
        return undefined;
      });
    app.layer(async (ctx, next) => {
      const answer = await next();
      const error = answer.error as ValidationError;
      const same = seen[0] === error.issues && seen[1] === error && answer.error === error;
      ctx.header("X-Same", String(same));
    });
    return app;
  },
  async (send) => {
    const answer = await ask(send);
    expect([answer.body, answer.headers.get("x-same")]).toEqual([wrongBody, "true"]);
  },
);

bothWays(
  "middleware sees the error of every refusal where no hook did",
  () =>
    new Chopin()
      .layer(async (ctx, next) => {
        const answer = await next();
        const error = answer.error as HTTPError;
        if (!(error instanceof HTTPError) || answer.error !== error) throw new Error("no error");
        return ctx.text(`${error.name} ${error.status} ${error.code}`, answer.status);
      })
      .merge(usual()),
  async (send) => {
    for (const [sent, status, code] of refusals) {
      const name = status === 422 ? "ValidationError" : "HTTPError";
      const answer = await send("POST", "/?page=1", sent);
      expect([answer.status, answer.body]).toEqual([status, `${name} ${status} ${code}`]);
    }
  },
);

bothWays(
  "what onError throws again, or throws instead, is answered",
  () =>
    usual().onError((error, ctx) => {
      if (ctx.header("x-instead") !== undefined) throw new HTTPError(409, "instead");
      throw error;
    }),
  async (send) => {
    expect((await ask(send)).body).toBe(wrongBody);
    for (const [sent, status, code] of refusals) {
      const again = await send("POST", "/?page=1", sent);
      expect([again.status, JSON.parse(again.body).code]).toEqual([status, code]);
      const headers = { ...sent.headers, "X-Instead": "1" };
      const instead = await send("POST", "/?page=1", { ...sent, headers });
      expect([instead.status, JSON.parse(instead.body).code]).toEqual([409, "instead"]);
    }
  },
);

test("the error is a real one", async () => {
  const errors: HTTPError[] = [];
  const app = usual().onError((error) => {
    errors.push(error as HTTPError);
    return undefined;
  });
  const limit = Error.stackTraceLimit;
  for (const [sent] of refusals) {
    await app.fetch(new Request("http://localhost/?page=1", { method: "POST", ...sent }));
  }
  expect(Error.stackTraceLimit).toBe(limit);
  const [unparsable, unsupported, invalid] = errors as [HTTPError, HTTPError, ValidationError];
  for (const error of [unparsable, unsupported]) {
    expect([error instanceof HTTPError, error instanceof ValidationError]).toEqual([true, false]);
    expect(error.stack).toStartWith(`HTTPError: ${error.message}\n`);
  }
  const missing = {
    in: "body",
    pointer: "/name",
    message: "is missing",
    expected: "string of at least 1 character",
  } as const;
  expect(invalid).toBeInstanceOf(ValidationError);
  expect(invalid).toBeInstanceOf(HTTPError);
  expect(Object.prototype.toString.call(invalid)).toBe("[object Error]");
  expect(invalid.issues[0]).toEqual(missing);
  expect(invalid.members).toEqual({ errors: invalid.issues });
  expect(String(invalid)).toBe(
    "ValidationError: The request does not fit the schemas of its route.",
  );
  expect(Bun.inspect(invalid)).toContain("validation_failed");
  const copy = structuredClone<Error>(invalid);
  expect([copy instanceof Error, copy.message]).toEqual([true, invalid.message]);
  expect(Object.keys(invalid)).toEqual([
    "status",
    "code",
    "detail",
    "headers",
    "members",
    "name",
    "issues",
  ]);
});

bothWays(
  "an extractor refuses for its route: by its schemas and by throwing, now and later",
  () => {
    const query = t.Object({ page: t.Integer() });
    const taken = () => {
      throw new ValidationError([{ in: "query", pointer: "/page", message: "is taken" }]);
    };
    const now = extract({ query }, taken);
    const soon = extract({ query }, async () => taken());
    const later = extract({ query }, async () => Bun.sleep(1).then(taken));
    const slow = extract(
      { query: z.object({ page: z.string().refine(async () => true) }) },
      ({ query }) => query.page,
    );
    return new Chopin()
      .post("/now", { extract: { now } }, () => "done")
      .post("/soon", { extract: { soon } }, () => "done")
      .post("/later", { extract: { later } }, () => "done")
      .post("/slow", { extract: { slow, now } }, () => "done")
      .post("/body", { extract: { slow }, body: User }, () => "done")
      .onInvalid((issues, ctx) => ctx.json(issues[0]?.message, 400));
  },
  async (send) => {
    for (const path of ["/now", "/soon", "/later", "/slow"]) {
      for (const [page, message] of [
        ["1", "is taken"],
        ["x", "must be an integer"],
      ]) {
        const { status, body } = await send("POST", `${path}?page=${page}`);
        expect([path, status, JSON.parse(body)]).toEqual([path, 400, message]);
      }
    }
    expect((await send("POST", "/slow")).status).toBe(400);
    // What is no JSON is nothing for onInvalid.
    expect(JSON.parse((await sendJson(send, "POST", "/body?page=1", "{")).body).code).toBe(
      "invalid_json",
    );
  },
);

bothWays(
  "a body that cannot be read is refused behind a part that is awaited too",
  () => {
    const query = z.object({ page: z.string().refine(async () => Bun.sleep(1).then(() => true)) });
    return new Chopin().post("/", { query, body: User }, () => "taken");
  },
  async (send) => {
    for (const [sent, status, code] of refusals) {
      const answer = await send("POST", "/?page=1", sent);
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
    }
  },
);

bothWays(
  "ctx.json() throws what a handler can catch, and says when a body is no text",
  () =>
    new Chopin()
      .post("/caught", (ctx) => {
        try {
          return ctx.json();
        } catch (error) {
          const { name, code, stack } = error as HTTPError;
          return [name, code, stack?.includes("refused.test.ts")];
        }
      })
      .post("/streamed", { streamBody: true }, (ctx) => ctx.json()),
  async (send) => {
    expect((await send("POST", "/caught", { body: "{" })).body).toBe(
      '["HTTPError","invalid_json",true]',
    );
    using told = spyOn(console, "error").mockImplementation(() => {});
    const { status } = await send("POST", "/streamed", { body: "{}" });
    expect([status, (told.mock.calls[0]![0] as { code: string }).code]).toEqual([
      500,
      "body_is_streamed",
    ]);
  },
);
