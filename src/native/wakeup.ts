// The script's end of a wake-up. Native code sends a byte over a socket pair when a descriptor that
// it watches becomes readable; Bun's event loop reads it and calls back. See zig/wakeup.zig.

import type { Socket } from "bun";

/**
 * Keeps the process alive until `close()`, as an open server does.
 *
 * @example
 * const wakeup = await Wakeup.adopt(fd, () => takeTurn());
 * wakeup.close();
 */
export class Wakeup {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Hands the descriptor over to Bun, which closes it from then on; it must be a non-blocking stream
   * socket. `onWake` is called once for all bytes that are there, from the event loop and never
   * before the promise is settled.
   *
   * @throws (rejects with Bun's error) when the descriptor cannot be watched.
   */
  static async adopt(fd: number, onWake: () => void): Promise<Wakeup> {
    const socket = await Bun.connect({
      fd,
      socket: {
        data: onWake,
        // The native end is closed first only when the server is destroyed without `close()`.
        end: (ended) => void ended.end(),
      },
    });
    return new Wakeup(socket);
  }

  /** Closes the descriptor at once; no call to `onWake` follows. Closing again does nothing. */
  close(): void {
    this.#socket.terminate();
  }
}
