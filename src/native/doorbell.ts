/**
 * The script's end of the wake-up of a server at rest: a listener to which native code connects.
 * See `zig/wakeup/bell.zig`.
 *
 * Any connected socket has Bun's loop wake five times in four seconds to look for time-outs; a
 * listener has not. A file that is read has not either, but it is lost where somebody runs the loop
 * within a callback: Bun has files watched for one event, and drops what it had yet to deliver.
 */
import type { UnixSocketListener } from "bun";

/**
 * Keeps the process alive until `close()`. Linux only: its name is an abstract one, new each time
 * and hard to guess. Who connects without being native code wakes the server, once.
 *
 * @example
 * const doorbell = new Doorbell(() => takeTurn());
 * doorbell.close();
 */
export class Doorbell {
  readonly name = `\0chopin-${crypto.randomUUID()}`;
  readonly #listener: UnixSocketListener<undefined>;
  #tried = false;
  #closed = false;

  /**
   * Bun watches the listener when this returns. `onRing` is called from the event loop for each
   * connection but the first, by which native code tries it. Throws where one cannot listen.
   */
  constructor(onRing: () => void) {
    this.#listener = Bun.listen({
      unix: this.name,
      socket: {
        open: (socket) => {
          socket.terminate();
          if (this.#closed) return;
          if (this.#tried) onRing();
          this.#tried = true;
        },
        data() {},
      },
    });
  }

  /** Stops listening at once; no call of `onRing` follows. Closing again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.stop(true);
  }
}
