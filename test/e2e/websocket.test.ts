/** WebSockets of a page in a real browser. */
import { expect, test } from "bun:test";
import { Chopin, html } from "../../src/index.ts";
import { Browser, chromium } from "./_browser.ts";

function echo(): Chopin {
  const app = new Chopin();
  app.get("/", () => html("<!doctype html><title>page</title>"));
  return app.websocket("/socket", {
    compression: true,
    compressionThreshold: 0,
    protocols: ["echo.v1"],
    open: (ws) => ws.subscribe("all"),
    message: (ws, message) => (message === "all" ? ws.publish("all", "heard") : ws.send(message)),
  });
}

/** What a page does with a server; its last word is how each of its WebSockets was closed. */
const program = `
const open = (url, protocols) => new Promise((resolve) => {
  const ws = new WebSocket(url, protocols);
  ws.binaryType = "arraybuffer";
  ws.closed = new Promise((done) => {
    ws.onclose = ({ code, wasClean }) => done([code, wasClean]);
  });
  ws.onopen = ws.onerror = () => resolve(ws);
});
const next = (ws) => new Promise((resolve) => { ws.onmessage = ({ data }) => resolve(data); });
const say = (ws, data) => { const heard = next(ws); ws.send(data); return heard; };
async function talk(url) {
  const [one, other] = [await open(url, ["echo.v2", "echo.v1"]), await open(url)];
  const long = "é".repeat(300_000);
  const bytes = new Uint8Array(await say(one, new Uint8Array([0, 255, 7])));
  const told = [one.extensions, one.protocol, await say(one, "hi")];
  const same = (await say(one, long)) === long;
  const heard = next(other);
  one.send("all");
  globalThis.ends = Promise.all([one.closed, other.closed]);
  return [...told, same, [...bytes], await heard];
}`;

test.skipIf(!chromium)(
  "a page talks, and hears that the server stops (needs Debian's chromium)",
  async () => {
    const server = await echo().serve("127.0.0.1:0");
    const site = await echo().serve("127.0.0.1:0");
    const browser = await Browser.start(chromium!);
    try {
      await browser.open(server.url);
      await browser.until("document.title === 'page'");
      await browser.evaluate(program);
      const url = `${server.url.replace("http", "ws")}socket`;
      expect(await browser.evaluate(`talk(${JSON.stringify(url)})`)).toEqual([
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "echo.v1",
        "hi",
        true,
        [0, 255, 7],
        "heard",
      ]);
      // Pages of another host may not.
      const other = `${site.url.replace("http", "ws")}socket`;
      const refused = `open(${JSON.stringify(other)}).then(({ closed }) => closed)`;
      expect(await browser.evaluate(refused)).toEqual([1006, false]);
      await server.stop();
      expect(await browser.evaluate("ends")).toEqual([
        [1001, true],
        [1001, true],
      ]);
    } finally {
      await browser.stop();
      await Promise.all([server.stop(), site.stop()]);
    }
  },
  60_000,
);
