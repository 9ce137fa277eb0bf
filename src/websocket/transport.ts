/**
 * Brings what is published to other processes: those of other machines, by a broker such as Redis.
 * The workers of one service need none: their primary passes it on. Messages are opaque bytes, and
 * a transport keeps those of one publisher in their order.
 *
 * @example
 * const subscriber = await redis.duplicate();
 * const topicTransport: TopicTransport = {
 *   publish: (message) => redis.publish("chopin", message.toBase64()),
 *   subscribe: (deliver) =>
 *     subscriber.subscribe("chopin", (text) => deliver(Uint8Array.fromBase64(text))),
 * };
 */
export interface TopicTransport {
  /** Brings a message to all others; it may also come back. What it throws is printed. */
  publish(message: Uint8Array<ArrayBuffer>): unknown;
  /**
   * From now on, or once the promise is fulfilled, hands over every message of others. May return
   * a function, or a promise of one, that ends it. What it throws ends the start of the server.
   */
  subscribe(deliver: (message: Uint8Array) => void): unknown;
}
