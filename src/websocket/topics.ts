/**
 * Who has subscribed to which topic on one server, and the way of a published message: to each of
 * them in one native call for those that get the same bytes, and to other processes. Called by
 * `native/websocket.ts` and by `audience.ts`.
 */
import { reportUnlessLeft } from "../stream.ts";
import { newSender, type Published, pack, published, unpack } from "./message.ts";
import type { TopicTransport } from "./transport.ts";
import type { Message } from "./types.ts";

/** Those that get the same bytes for the same message. */
export interface Lane {
  /** `pairs` are a slot and a generation each. Returns how many took it. */
  send(pairs: Uint32Array, count: number, message: Published): number;
}

/** A WebSocket that subscribes. */
export interface Member {
  readonly slot: number;
  readonly generation: number;
  readonly lane: Lane;
  /** Its place in the group of each topic. */
  readonly places: Map<string, number>;
}

/** Members of one topic and one lane, as native code takes them: removing one moves the last. */
class Group {
  readonly #members: Member[] = [];
  #pairs = new Uint32Array(8);

  get size(): number {
    return this.#members.length;
  }

  add(topic: string, member: Member): void {
    const at = this.#members.length;
    this.#members.push(member);
    if (2 * at === this.#pairs.length) {
      const larger = new Uint32Array(4 * at);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#place(topic, member, at);
  }

  remove(topic: string, member: Member): void {
    this.#toLast(topic, member);
    this.#members.pop();
    member.places.delete(topic);
  }

  send({ lane }: Member, message: Published, except: Member | undefined): number {
    if (except !== undefined) this.#toLast(message.topic, except);
    const count = this.#members.length - (except === undefined ? 0 : 1);
    return count === 0 ? 0 : lane.send(this.#pairs, count, message);
  }

  /** One of the members. */
  get any(): Member {
    return this.#members[0]!;
  }

  #toLast(topic: string, member: Member): void {
    const at = member.places.get(topic)!;
    const last = this.#members.length - 1;
    const other = this.#members[last]!;
    this.#place(topic, other, at);
    this.#place(topic, member, last);
  }

  #place(topic: string, member: Member, at: number): void {
    this.#members[at] = member;
    this.#pairs[2 * at] = member.slot;
    this.#pairs[2 * at + 1] = member.generation;
    member.places.set(topic, at);
  }
}

export class Topics {
  readonly #groups = new Map<string, Map<Lane, Group>>();
  readonly #sender = newSender();
  #transport: TopicTransport | undefined;
  #disconnect: (() => unknown) | undefined;

  subscribe(topic: string, member: Member): void {
    if (member.places.has(topic)) return;
    let lanes = this.#groups.get(topic);
    if (lanes === undefined) {
      lanes = new Map();
      this.#groups.set(topic, lanes);
    }
    let group = lanes.get(member.lane);
    if (group === undefined) {
      group = new Group();
      lanes.set(member.lane, group);
    }
    group.add(topic, member);
  }

  unsubscribe(topic: string, member: Member): void {
    if (!member.places.has(topic)) return;
    const lanes = this.#groups.get(topic)!;
    const group = lanes.get(member.lane)!;
    group.remove(topic, member);
    if (group.size > 0) return;
    lanes.delete(member.lane);
    if (lanes.size === 0) this.#groups.delete(topic);
  }

  /** It is over. */
  leave(member: Member): void {
    for (const topic of [...member.places.keys()]) this.unsubscribe(topic, member);
  }

  /**
   * Sends to all members but one, here and in other processes. Returns how many took it here.
   *
   * @throws ChopinError `invalid_message`.
   */
  publish(topic: string, message: Message, except?: Member): number {
    const whole = published(topic, message);
    if (this.#transport !== undefined) this.#tell(this.#transport, whole);
    return this.#deliver(whole, except);
  }

  /** Takes part in what other processes publish. */
  async connect(transport: TopicTransport | undefined): Promise<void> {
    if (transport === this.#transport) return;
    await this.disconnect();
    this.#transport = transport;
    const end: unknown = await transport?.subscribe((packed) => {
      const message = unpack(this.#sender, packed);
      if (message !== undefined && this.#transport === transport) this.#deliver(message, undefined);
    });
    if (typeof end === "function") this.#disconnect = end as () => unknown;
  }

  /** The server stops. */
  async disconnect(): Promise<void> {
    const end = this.#disconnect;
    this.#transport = undefined;
    this.#disconnect = undefined;
    await end?.();
  }

  #deliver(message: Published, except: Member | undefined): number {
    let count = 0;
    for (const [lane, group] of this.#groups.get(message.topic) ?? []) {
      const within = except?.lane === lane && except.places.has(message.topic);
      count += group.send(group.any, message, within ? except : undefined);
    }
    return count;
  }

  /** What is wrong with a transport is no fault of who publishes. */
  #tell(transport: TopicTransport, message: Published): void {
    try {
      const told: unknown = transport.publish(pack(this.#sender, message));
      if (told instanceof Promise) told.catch(reportUnlessLeft);
    } catch (error) {
      reportUnlessLeft(error);
    }
  }
}
