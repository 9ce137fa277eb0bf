/** Topics on sockets: who hears what is published, on what, by whom. */
import { describe, expect, test } from "bun:test";
import { Chopin, route, type Server, type TopicTransport, websocket } from "../../src/index.ts";
import { test as testing } from "../../src/testing/index.ts";
import { withServer } from "../_setup.ts";
import { closing, opcode, Peer, until } from "./_peer.ts";

/** A room whose messages are orders. */
const room = (app = new Chopin(), path = "/:room") =>
  app.websocket(path, {
    upgrade: ({ params }) => params as { readonly room: string },
    open(ws) {
      ws.subscribe(ws.data.room);
      ws.send("ready");
    },
    message(ws, message) {
      const [order, topic = "", text = ""] = String(message).split(" ");
      if (order === "subscribe") ws.subscribe(topic);
      if (order === "unsubscribe") ws.unsubscribe(topic);
      if (order === "publish") ws.send(`published ${ws.publish(topic, text)}`);
      if (order === "who") {
        ws.send(`${ws.subscriptions.join()} ${ws.isSubscribed("a")} ${ws.isSubscribed("x")}`);
      }
    },
  });

async function join(server: Pick<Server, "hostname" | "port">, path: string): Promise<Peer> {
  const peer = await Peer.open(server, path);
  expect(await peer.said()).toBe("ready");
  return peer;
}

/** Sends an order and waits until it was obeyed. */
async function obey(peer: Peer, text: string): Promise<void> {
  peer.send(1, text);
  peer.send(opcode.ping, text);
  expect(await peer.said()).toBe(`10: ${text}`);
}

describe("topics", () => {
  test("reach those who have subscribed, and not who publishes", async () => {
    await withServer(room(), async (server) => {
      const [one, two, other] = [
        await join(server, "/a"),
        await join(server, "/a"),
        await join(server, "/b"),
      ];
      one.send(1, "publish a hello");
      expect([await one.said(), await two.said()]).toEqual(["published 1", "hello"]);
      // Whoever has not subscribed may publish.
      other.send(1, "publish a from-b");
      expect(await other.said()).toBe("published 2");
      expect([await one.said(), await two.said()]).toEqual(["from-b", "from-b"]);
      one.send(1, "publish nobody hello");
      expect(await one.said()).toBe("published 0");
      await obey(other, "subscribe a");
      await obey(other, "subscribe a");
      two.send(1, "publish a twice?");
      expect([await two.said(), await other.said()]).toEqual(["published 2", "twice?"]);
      other.send(1, "who");
      expect(await other.said()).toBe("b,a true false");
      await obey(other, "unsubscribe a");
      await obey(other, "unsubscribe x");
      other.send(1, "who");
      expect(await other.said()).toBe("b false false");
      expect(await one.said()).toBe("twice?");
      for (const peer of [one, two, other]) {
        expect(peer.frames.filter(({ opcode: kind }) => kind === 1)).not.toContain("hello");
        peer.leave();
      }
    });
  });

  test("forget those who are gone", async () => {
    const app = room();
    await withServer(app, async (server) => {
      const peers = await Promise.all(Array.from({ length: 50 }, () => join(server, "/a")));
      expect(app.publish("a", "1")).toBe(50);
      for (const [at, peer] of peers.entries()) {
        if (at % 2 === 0) continue;
        if (at % 4 === 1) peer.reset();
        else peer.send(opcode.close, closing(1000));
      }
      await until(() => app.publish("a", "2") === 25);
      for (const peer of peers) peer.leave();
      await until(() => app.publish("a", "3") === 0);
    });
    expect(app.publish("a", "4")).toBe(0);
  });

  test("take every message, and nothing else", async () => {
    const app = room();
    await withServer(app, async (server) => {
      const peer = await join(server, "/a");
      app.publish("a", "");
      app.publish("a", new Uint8Array([1, 2]).buffer);
      app.publish("a", "ü\ud800".repeat(40_000));
      expect(await peer.said()).toBe("");
      expect(await peer.said()).toBe("2: \u0001\u0002");
      expect(await peer.said()).toBe("ü\ufffd".repeat(40_000));
      for (const wrong of [undefined, 7, {}]) {
        expect(() => app.publish("a", wrong as never)).toThrow("text or bytes");
      }
      peer.leave();
    });
  });
});

describe("who publishes", () => {
  test("an application, a server, a nested application, and a route", async () => {
    const nested = room(new Chopin(), "/rooms/:room");
    const merged = new Chopin();
    const made = route.websocket("/made/:room", {
      open(ws) {
        ws.subscribe("a");
        ws.send("ready");
      },
    });
    const app = room().nest("/nested", nested).merge(merged).mount({ made });
    app.post("/say", () => ({ count: made.publish("a", "by HTTP") }));
    await withServer(app, async (server) => {
      const peers = [
        await join(server, "/a"),
        await join(server, "/nested/rooms/a"),
        await join(server, "/made/x"),
      ];
      const all = async (text: string) => {
        for (const peer of peers) expect(await peer.said()).toBe(text);
      };
      for (const publisher of [app, server, nested, merged, made]) {
        expect(publisher.publish("a", "hello")).toBe(3);
        await all("hello");
      }
      const answer = await fetch(`${server.url}say`, { method: "POST" });
      expect(await answer.json()).toEqual({ count: 3 });
      await all("by HTTP");
      for (const peer of peers) peer.leave();
    });
    for (const publisher of [app, nested, merged, made])
      expect(publisher.publish("a", "x")).toBe(0);
  });

  test("a route of a module, once it is mounted", async () => {
    const news = websocket("/news", {
      open(ws) {
        ws.subscribe("news");
        ws.send("ready");
      },
    });
    expect(news.publish("news", "too early")).toBe(0);
    await withServer(new Chopin().mountAllRoutes(), async (server) => {
      const peer = await join(server, "/news");
      expect(news.publish("news", "extra!")).toBe(1);
      expect(await peer.said()).toBe("extra!");
      peer.leave();
    });
  });

  test("each of two servers has topics of its own, and an application may have both", async () => {
    const [one, other] = [room(), room()];
    await withServer(one, async (first) => {
      await withServer(other, async (second) => {
        const peers = [await join(first, "/a"), await join(second, "/a")] as const;
        expect(one.publish("a", "for one")).toBe(1);
        expect(other.publish("a", "for the other")).toBe(1);
        expect(await peers[0].said()).toBe("for one");
        expect(await peers[1].said()).toBe("for the other");
        for (const peer of peers) peer.leave();
      });
    });
    // A server of tests is one of the application too.
    const served = await testing(one).serve();
    const peer = await join(served, "/a");
    for (const publisher of [one, served]) {
      expect(publisher.publish("a", "in a test")).toBe(1);
      expect(await peer.said()).toBe("in a test");
    }
    peer.leave();
    await served.stop();
    expect(served.errors).toEqual([]);
  });
});

test("a transport joins servers, also those of other machines", async () => {
  const delivers = new Set<(message: Uint8Array) => void>();
  const transport = (): TopicTransport => ({
    publish(message) {
      for (const deliver of delivers) deliver(message);
    },
    subscribe(deliver) {
      delivers.add(deliver);
      return () => delivers.delete(deliver);
    },
  });
  const [one, other] = [room(), room()];
  await withServer(
    one,
    (first) =>
      withServer(
        other,
        async (second) => {
          const peers = [await join(first, "/a"), await join(second, "/a")] as const;
          expect(one.publish("a", "for all")).toBe(1);
          peers[1].send(1, "publish a too");
          expect(await peers[0].said()).toBe("for all");
          expect([await peers[1].said(), await peers[1].said()]).toEqual([
            "for all",
            "published 0",
          ]);
          expect(await peers[0].said()).toBe("too");
          for (const peer of peers) peer.leave();
        },
        { topicTransport: transport() },
      ),
    { topicTransport: transport() },
  );
  expect(delivers.size).toBe(0);
  const failing = { publish() {}, subscribe: () => Promise.reject(new Error("no broker")) };
  const options = { hostname: "127.0.0.1", port: 0, topicTransport: failing };
  await expect(room().serve(options)).rejects.toThrow("no broker");
});
