/** Ports for the servers under test. */

/**
 * Below the range from which Linux takes the ports of outgoing connections: inside it, a client
 * that connects again and again to a server that does not listen yet at last connects to itself.
 */
const from = 20_000;
const count = 10_000;

/** A port on 127.0.0.1 that nobody listens on. */
export function freePort(): number {
  for (;;) {
    const port = from + Math.floor(Math.random() * count);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // Taken: try another.
    }
  }
}
