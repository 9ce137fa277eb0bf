/**
 * The servers that an application or a WebSocket is part of: it may be nested in another, merged
 * into several, and served by a test of its own. What is published on it reaches all of them.
 */
import type { Topics } from "./topics.ts";
import type { Message } from "./types.ts";

export class Audience {
  readonly #servers = new Set<Topics>();

  join(topics: Topics): void {
    this.#servers.add(topics);
  }

  leave(topics: Topics): void {
    this.#servers.delete(topics);
  }

  /** How many took it. */
  publish(topic: string, message: Message): number {
    let count = 0;
    for (const topics of this.#servers) count += topics.publish(topic, message);
    return count;
  }
}
