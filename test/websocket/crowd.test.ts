/** Thousands of WebSockets at a time: each gets what is its own, and nothing is left of them. */
import { expect, test } from "bun:test";
import { Chopin } from "../../src/index.ts";
import { withNative } from "../http/_native.ts";
import { until } from "./_peer.ts";

const count = 2000;

test(`${count} WebSockets`, async () => {
  let opened = 0;
  let closed = 0;
  const app = new Chopin().websocket("/:name", {
    upgrade: ({ params }) => params.name,
    open(ws) {
      opened += 1;
      ws.subscribe("all");
      ws.subscribe(`of ${Number(ws.data) % 10}`);
    },
    message: (ws, message) => {
      if (message === "all") ws.publish("all", `from ${ws.data}`);
      else ws.send(`${ws.data}: ${message}`);
    },
    close: () => {
      closed += 1;
    },
  });
  await withNative(app, async (server) => {
    const got = Array.from({ length: count }, (): unknown[] => []);
    const clients: WebSocket[] = [];
    for (let at = 0; at < count; at++) {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}/${at}`);
      ws.onmessage = ({ data }) => got[at]!.push(data);
      clients.push(ws);
      // Those who come faster than they are accepted are the kernel's to keep.
      if (at % 100 === 99) await until(() => opened === at + 1);
    }
    expect(server.websocketsOpen()).toBe(count);
    for (const [at, ws] of clients.entries()) ws.send(`hello ${at}`);
    await until(() => got.every((messages) => messages.length === 1));
    expect(got.every(([message], at) => message === `${at}: hello ${at}`)).toBe(true);
    clients[7]!.send("all");
    await until(() => got.filter((messages) => messages.length === 2).length === count - 1);
    expect(got[7]).toHaveLength(1);
    for (const [at, ws] of clients.entries()) {
      if (at % 2 === 0) ws.close();
      else ws.terminate();
    }
    await until(() => closed === count);
    await until(() => server.websocketsOpen() === 0 && server.connectionsOpen() === 0);
  });
}, 60_000);
