/** Topics against a naive model of them, and their way over a transport. */
import { describe, expect, spyOn, test } from "bun:test";
import type { Published } from "../../src/websocket/message.ts";
import { type Lane, type Member, Topics } from "../../src/websocket/topics.ts";
import type { TopicTransport } from "../../src/websocket/transport.ts";

/** Keeps who would have got what. */
class TestLane implements Lane {
  readonly sent: string[] = [];

  send(pairs: Uint32Array, count: number, { bytes }: Published): number {
    const text = new TextDecoder().decode(bytes);
    for (let at = 0; at < count; at++)
      this.sent.push(`${pairs[2 * at]}.${pairs[2 * at + 1]} ${text}`);
    return count;
  }
}

function member(slot: number, lane: Lane): Member {
  return { slot, generation: slot * 7 + 1, lane, places: new Map() };
}

const named = (one: Member, text: string) => `${one.slot}.${one.generation} ${text}`;

test("random subscriptions are those of a naive model", () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const topics = new Topics();
  const lanes = [new TestLane(), new TestLane(), new TestLane()];
  const members = Array.from({ length: 40 }, (_, slot) => member(slot, lanes[slot % 3]!));
  const model = new Map(members.map((one) => [one, new Set<string>()]));
  for (let step = 0; step < 20_000; step++) {
    const one = members[random(members.length)]!;
    const topic = `t${random(5)}`;
    const kind = random(20);
    if (kind < 8) {
      topics.subscribe(topic, one);
      model.get(one)!.add(topic);
    } else if (kind < 14) {
      topics.unsubscribe(topic, one);
      model.get(one)!.delete(topic);
    } else if (kind === 14) {
      topics.leave(one);
      model.get(one)!.clear();
    } else {
      const except = kind < 18 ? one : undefined;
      const wanted = members.filter((other) => model.get(other)!.has(topic) && other !== except);
      for (const lane of lanes) lane.sent.length = 0;
      expect(topics.publish(topic, `${step}`, except)).toBe(wanted.length);
      const sent = lanes.flatMap((lane) => lane.sent);
      expect(sent.toSorted()).toEqual(wanted.map((each) => named(each, `${step}`)).toSorted());
    }
    expect([...one.places.keys()].toSorted()).toEqual([...model.get(one)!].toSorted());
  }
});

/** Brings messages to all others, and to their senders too, as brokers do. */
class Broker {
  readonly delivers = new Set<(message: Uint8Array) => void>();

  transport(): TopicTransport {
    return {
      publish: (message) => {
        for (const deliver of this.delivers) deliver(Buffer.from(message));
      },
      subscribe: async (deliver) => {
        await Bun.sleep(0);
        this.delivers.add(deliver);
        return () => this.delivers.delete(deliver);
      },
    };
  }
}

describe("a transport", () => {
  test("brings messages to others, once, and no longer than it is connected", async () => {
    const broker = new Broker();
    const lane = new TestLane();
    const all = [new Topics(), new Topics(), new Topics()] as const;
    for (const [slot, topics] of all.entries()) {
      topics.subscribe("news", member(slot, lane));
      await topics.connect(broker.transport());
    }
    expect(all[0].publish("news", "1")).toBe(1);
    expect(lane.sent.toSorted()).toEqual(["0.1 1", "1.8 1", "2.15 1"]);
    expect(all[0].publish("other", "2")).toBe(0);
    expect(lane.sent).toHaveLength(3);
    await all[1].disconnect();
    expect(broker.delivers.size).toBe(2);
    lane.sent.length = 0;
    all[1].publish("news", "3");
    all[2].publish("news", "4");
    expect(lane.sent.toSorted()).toEqual(["0.1 4", "1.8 3", "2.15 4"]);
  });

  test("that fails is told of, and those here get the message", async () => {
    const printed = spyOn(console, "error").mockImplementation(() => {});
    try {
      const lane = new TestLane();
      const topics = new Topics();
      topics.subscribe("news", member(0, lane));
      const subscribe = () => undefined;
      await topics.connect({
        subscribe,
        publish() {
          throw new Error("broken");
        },
      });
      expect(topics.publish("news", "1")).toBe(1);
      await topics.connect({ subscribe, publish: () => Promise.reject(new Error("refused")) });
      expect(topics.publish("news", "2")).toBe(1);
      await Bun.sleep(0);
      expect(printed.mock.calls.map(([error]) => String(error))).toEqual([
        "Error: broken",
        "Error: refused",
      ]);
      const failing = { publish() {}, subscribe: () => Promise.reject(new Error("no broker")) };
      await expect(topics.connect(failing)).rejects.toThrow("no broker");
    } finally {
      printed.mockRestore();
    }
  });

  test("gets messages in the order in which they were published", async () => {
    const broker = new Broker();
    const [from, to] = [new Topics(), new Topics()];
    const lane = new TestLane();
    to.subscribe("n", member(0, lane));
    await from.connect(broker.transport());
    await to.connect(broker.transport());
    const count = 1000;
    for (let at = 0; at < count; at++) from.publish("n", String(at));
    expect(lane.sent).toEqual(Array.from({ length: count }, (_, at) => `0.1 ${at}`));
  });
});
