/** Bodies that are too large, unread or only announced, and what ends a connection. */
import { describe, expect, test } from "bun:test";
import type { ServeOptions } from "../../src/index.ts";
import { RawClient, withServer } from "../_setup.ts";
import {
  answersTo,
  type Case,
  closed,
  get,
  kept,
  makeApp,
  ok,
  post,
  problem,
  readByServer,
  refused,
  streamed,
  testCases,
  withoutDate,
} from "./_cases.ts";

const chunkedLine = "Transfer-Encoding: chunked";
const hidden = get("/unseen");
const hiddenLength = `Content-Length: ${hidden.length}`;
const hiddenChunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
const notFound = problem(404, "not_found");
const ending = { connection: "close" } as const;

/** Whether its handler gets a body whole or as it comes. */
function testBoth(title: string, cases: readonly Case[]): void {
  testCases(title, cases);
  testCases(`${title}, where bodies are streamed`, streamed(cases));
}

testBoth("bodies above the limit", [
  refused(
    413,
    "body_too_large",
    "by length, before it comes",
    post(["Content-Length: 9"], "", "/small"),
  ),
  refused(
    413,
    "body_too_large",
    "by length, whole",
    post(["Content-Length: 9"], "123456789", "/small"),
  ),
  refused(413, "body_too_large", "one chunk", post([chunkedLine], "9\r\n123456789", "/small")),
  refused(
    413,
    "body_too_large",
    "several chunks",
    post([chunkedLine], "5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n", "/small"),
  ),
  refused(
    413,
    "body_too_large",
    "announced, no 100",
    post(["Expect: 100-continue", "Content-Length: 9"], "", "/small"),
  ),
  kept("as long as allowed", post(["Content-Length: 8"], "12345678", "/small"), ok("12345678")),
  kept(
    "as long as allowed, chunked",
    post([chunkedLine], "5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n", "/small"),
    ok("12345678"),
  ),
  refused(413, "body_too_large", "the usual limit", post(["Content-Length: 1048577"])),
]);

testBoth("bodies that nobody reads", [
  kept("no route", post([hiddenLength], hidden, "/none"), notFound),
  kept("no route, chunked", post([chunkedLine], hiddenChunks, "/none"), notFound),
  kept(
    "not for this method",
    post([hiddenLength], hidden, "/good"),
    problem(405, "method_not_allowed", { fields: "allow: GET, HEAD, OPTIONS\r\n" }),
  ),
  kept("bad path", post([hiddenLength], hidden, "/item/%zz"), problem(400, "bad_path")),
  kept("a constant", get("/constant", hiddenLength) + hidden, ok("constant")),
  kept("a handler that does not look", get("/good", hiddenLength) + hidden, ok("good")),
  kept("a handler, chunked", get("/good", chunkedLine) + hiddenChunks, ok("good")),
  closed(
    "more than is drained",
    post(["Content-Length: 300000"], hidden, "/none"),
    problem(404, "not_found", ending),
  ),
  closed(
    "more than is drained, chunked",
    post([chunkedLine], `80000\r\n${"x".repeat(0x80000)}\r\n0\r\n\r\n`, "/none"),
    notFound,
  ),
  closed("chunks that are none", post([chunkedLine], `5\r\nhelloXX${hidden}`, "/none"), notFound),
]);

const announced = ["Expect: 100-continue", "Content-Length: 5"];
const goOn = "HTTP/1.1 100 Continue\r\n\r\n";

testBoth("Expect", [
  {
    ...kept("the body is there", post(announced, "hello"), ok("POST hello")),
    interim: { at: post(announced).length, answer: goOn },
  },
  kept("no body", get("/good", "Expect: 100-continue"), ok("good")),
  closed("an early answer", post(announced, "", "/none"), problem(404, "not_found", ending)),
  closed(
    "an early answer, body sent",
    post(announced, "hello", "/none"),
    problem(404, "not_found", ending),
  ),
  ...["", "100", "200-ok", "100-continue, x", "100-continue;a=b"].map((value) =>
    refused(
      417,
      "expectation_failed",
      `Expect ${JSON.stringify(value)}`,
      post([`Expect: ${value}`, "Content-Length: 5"], "hello"),
    ),
  ),
  kept(
    "HTTP/1.0 has no expectations",
    "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: x\r\nContent-Length: 5\r\n\r\nhello",
    ok("POST hello", { connection: "keep-alive" }),
  ),
]);

describe("Expect, the body later", () => {
  const bodies: [name: string, head: string, parts: string[]][] = [
    ["in one piece", post([...announced, "Connection: close"]), ["hello"]],
    ["in pieces", post([...announced, "Connection: close"]), ["h", "ell", "o"]],
    [
      "chunked",
      post(["expect: 100-Continue", chunkedLine, "Connection: close"]),
      ["5\r\nhel", "lo\r\n", "0\r\n\r\n"],
    ],
  ];
  for (const [name, head, parts] of bodies) {
    test(`one 100, ${name}`, () =>
      withServer(makeApp(), async (server) => {
        expect(await answersTo(server, get("/good") + head, ...parts)).toBe(
          `${ok("good")}${goOn}${ok("POST hello", ending)}`,
        );
        const client = await RawClient.connect(server);
        client.send(head);
        expect(await client.read((text) => text.endsWith("\r\n\r\n"))).toBe(goOn);
        client.send(parts.join(""));
        expect(withoutDate(await client.read())).toBe(goOn + ok("POST hello", ending));
      }));
  }

  test("none to HTTP/1.0", () =>
    withServer(makeApp(), async (server) => {
      const head = "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
      expect(await answersTo(server, head, "hello")).toBe(ok("POST hello", ending));
    }));
});

const upgrade = ["Connection: Upgrade", "Upgrade: websocket"];

testBoth("Upgrade is ignored where nothing speaks another protocol", [
  kept("WebSocket", get("/good", ...upgrade, "Sec-WebSocket-Version: 13"), ok("good")),
  kept("with a body", post([...upgrade, "Content-Length: 5"], "hello"), ok("POST hello")),
  kept("bytes behind it", get("/good", ...upgrade) + get("/constant"), ok("good"), ok("constant")),
  kept(
    "HTTP/2",
    get("/good", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"),
    ok("good"),
  ),
]);

testBoth("Connection", [
  closed("close", get("/good", "Connection: close"), ok("good", ending)),
  closed("Close, in a list", get("/good", "Connection: x, Close"), ok("good", ending)),
  closed(
    "close, on one of two lines",
    get("/good", "Connection: keep-alive", "Connection: close"),
    ok("good", ending),
  ),
  closed("close, no route", get("/none", "Connection: close"), problem(404, "not_found", ending)),
  closed("close, a constant", get("/constant", "Connection: close"), ok("constant", ending)),
  closed(
    "close, with a body",
    post(["Connection: close", hiddenLength], hidden),
    ok(`POST ${hidden}`, ending),
  ),
  kept("closed is another word", get("/good", "Connection: closed"), ok("good")),
  kept(
    "hides no length",
    post(["Connection: content-length", hiddenLength], hidden),
    ok(`POST ${hidden}`),
  ),
  kept(
    "hides no coding",
    post(["Connection: transfer-encoding", chunkedLine], "5\r\nhello\r\n0\r\n\r\n"),
    ok("POST hello"),
  ),
  kept("hides no Host", get("/host", "Connection: host"), ok("h")),
]);

const timeout = problem(408, "request_timeout", ending);

/** What is said to bytes that stop, and that it is not said before its time. */
async function expectTimeout(options: ServeOptions, wanted: string, ...pieces: string[]) {
  await withServer(
    makeApp(),
    async (server) => {
      const since = performance.now();
      expect(await answersTo(server, ...pieces)).toBe(wanted);
      expect(performance.now() - since).toBeGreaterThan(95);
    },
    options,
  );
}

describe("deadlines", () => {
  const head = { headTimeoutMs: 100 };
  const body = { bodyTimeoutMs: 100 };
  test("a head that stops", () => expectTimeout(head, timeout, "GET /go"));
  test("a head behind a request", () =>
    expectTimeout(head, ok("good") + timeout, `${get("/good")}GET /`));
  test("a head without its last byte", () =>
    expectTimeout(head, timeout, get("/good").slice(0, -1)));
  test("a body that stops", () =>
    expectTimeout(body, timeout, post(["Content-Length: 5"], "hell")));
  test("a body that never begins", () => expectTimeout(body, timeout, post(["Content-Length: 5"])));
  test("a chunked body that stops", () =>
    expectTimeout(body, timeout, post([chunkedLine], "5\r\nhello\r\n0\r\n")));
  test("a body that is only dropped", () =>
    expectTimeout(body, notFound, post(["Content-Length: 5"], "hell", "/none")));
  test("no request at all", () => expectTimeout({ idleTimeoutMs: 100 }, "", ""));
  test("no further request", () => expectTimeout({ idleTimeoutMs: 100 }, ok("good"), get("/good")));

  test("a head that comes byte by byte has no more time", () =>
    withServer(
      makeApp(),
      async (server) => {
        const client = await RawClient.connect(server);
        client.send("GET /");
        while (!client.closed) {
          client.send("a");
          await readByServer(server);
        }
        expect(withoutDate(client.text)).toBe(timeout);
      },
      head,
    ));
});
