/** The end of a server, and new routes of one that goes on, as its WebSockets see them. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chopin, type Server } from "../../src/index.ts";
import { closing, handshake, Log, opcode, Peer, until } from "./_peer.ts";

const telling = (log: Log) =>
  new Chopin().websocket("/", {
    open: () => log.add("open"),
    message: (_, message) => log.add(`message ${message}`),
    close: (_, code) => log.add(`close ${code}`),
  });
const place = { hostname: "127.0.0.1", port: 0 };

describe("stop", () => {
  test("says 1001, waits for the answers, and is over after the handlers", async () => {
    const log = new Log();
    const server = await telling(log).serve(place);
    const peers = [await Peer.open(server, "/"), await Peer.open(server, "/")];
    await until(() => log.entries.length === 2);
    const stopped = server.stop().then(() => log.add("stopped"));
    for (const peer of peers) {
      expect(await peer.said()).toBe("close 1001");
      peer.send(1, "too late");
      peer.send(opcode.close, closing(1001));
    }
    await stopped;
    expect(log.entries).toEqual(["open", "open", "close 1001", "close 1001", "stopped"]);
    for (const peer of peers) expect(await peer.ended()).toBe("finished");
    await expect(Peer.open(server, "/")).rejects.toThrow();
  });

  test("ends those that do not answer when its time is over", async () => {
    const log = new Log();
    const server = await telling(log).serve(place);
    const peer = await Peer.open(server, "/");
    await log.has("open");
    await server.stop({ timeoutMs: 50 });
    expect(log.entries).toEqual(["open", "close 1006"]);
    expect(await peer.said()).toBe("close 1001");
    await peer.ended();
  });

  test("without any time ends them at once", async () => {
    const log = new Log();
    const server = await telling(log).serve(place);
    const peer = await Peer.open(server, "/");
    await log.has("open");
    await server.stop({ timeoutMs: 0 });
    expect(log.entries).toEqual(["open", "close 1006"]);
    await peer.ended();
  });

  test("from a handler, which may still send", async () => {
    const log = new Log();
    const stopped = Promise.withResolvers<void>();
    const server: Server = await new Chopin()
      .websocket("/", {
        message(ws) {
          void server.stop().then(stopped.resolve);
          log.add(`${ws.send("stopping")}`);
        },
        close: (ws, code) => log.add(`close ${code} ${ws.send("gone")}`),
      })
      .serve(place);
    const peer = await Peer.open(server, "/");
    peer.send(1, "stop");
    expect([await peer.said(), await peer.said()]).toEqual(["stopping", "close 1001"]);
    peer.send(opcode.close, closing(1001));
    await stopped.promise;
    expect(log.entries).toEqual(["true", "close 1001 false"]);
  });

  test("meets handshakes that are under way", async () => {
    const log = new Log();
    const gate = Promise.withResolvers<void>();
    const server = await new Chopin()
      .websocket("/", {
        upgrade: async () => {
          log.add("asked");
          await gate.promise;
        },
        open: () => log.add("open"),
        close: () => log.add("close"),
      })
      .serve(place);
    const peer = await Peer.connect(server);
    peer.raw(handshake("/"));
    await log.has("asked");
    const stopped = server.stop();
    gate.resolve();
    await peer.ended();
    await stopped;
    // It was refused, and told that the server goes; or opened, and closed with that.
    expect(peer.head).toMatch(/^HTTP\/1\.1 (503 |101 )/);
    if (peer.head.startsWith("HTTP/1.1 503")) expect(log.entries).toEqual(["asked"]);
    else expect(log.entries).toEqual(["asked", "open", "close"]);
  });

  test("and serve again: nothing of the server before is left", async () => {
    const log = new Log();
    const app = telling(log);
    for (let round = 0; round < 3; round++) {
      const server = await app.serve(place);
      const peer = await Peer.open(server, "/");
      peer.send(1, `${round}`);
      await log.has(`message ${round}`);
      await server.stop({ timeoutMs: 0 });
      await peer.ended();
    }
  });
});

const entry = join(import.meta.dir, "../../src/index.ts");

const generation = (name: string, path = "/ws") => `
import { Chopin } from ${JSON.stringify(entry)};
const app = new Chopin().websocket("${path}", {
  open(ws) { ws.subscribe("t"); ws.send("open ${name}"); },
  message(ws, message) { ws.send("${name} " + message); app.publish("t", "to all by ${name}"); },
  close: (_, code) => console.log("close ${name}", code),
});
const server = await app.serve("127.0.0.1:0");
console.log(server.port);
`;

test("bun --hot: WebSockets stay open, and get the handlers of the new module", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-hot-"));
  const file = join(folder, "server.ts");
  writeFileSync(file, generation("first"));
  const child = Bun.spawn([process.execPath, "--hot", file], { stdout: "pipe", stderr: "inherit" });
  let text = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) text += Buffer.from(chunk).toString();
  })();
  const lines = (count: number) => until(() => text.split("\n").length > count);
  try {
    await lines(1);
    const server = { hostname: "127.0.0.1", port: Number(text) };
    const old = await Peer.open(server, "/ws");
    old.send(1, "hello");
    expect([await old.said(), await old.said(), await old.said()]).toEqual([
      "open first",
      "first hello",
      "to all by first",
    ]);
    writeFileSync(file, generation("second"));
    await lines(2);
    const young = await Peer.open(server, "/ws");
    expect(await young.said()).toBe("open second");
    old.send(1, "still there");
    expect([await old.said(), await old.said(), await young.said()]).toEqual([
      "second still there",
      "to all by second",
      "to all by second",
    ]);
    // Where the path is gone, they keep what they had.
    writeFileSync(file, generation("third", "/elsewhere"));
    await lines(3);
    old.send(1, "and now");
    expect(await old.said()).toBe("second and now");
    old.send(opcode.close, closing(1000));
    await until(() => text.includes("close second 1000"));
    young.leave();
  } finally {
    child.kill();
    await child.exited;
    await reading;
    rmSync(folder, { recursive: true });
  }
}, 30_000);
