/**
 * The script's end of a wake-up. Native code sends a byte over a socket pair when a descriptor that
 * it watches becomes readable; Bun's event loop reads it and calls back. See `zig/wakeup.zig`.
 */
import type { Socket } from "bun";

/** Bun's types have the options with `fd`, but no overload of `connect` that takes them. */
const adopt = Bun.connect as unknown as (options: Bun.FdSocketOptions) => Promise<Socket>;

/**
 * Keeps the process alive until `close()`, as an open server does.
 *
 * @example
 * const wakeup = new Wakeup(fd, () => takeTurn());
 * wakeup.close();
 */
export class Wakeup {
  #socket: Socket | undefined;
  #closed = false;

  /**
   * Hands the descriptor, a non-blocking stream socket, over to Bun, which closes it from then on.
   * `onWake` is called from the event loop, once for all bytes that are there. Bun watches the
   * descriptor when this returns. One that cannot be watched ends in an unhandled rejection: a
   * server that is never woken must not go on.
   */
  constructor(fd: number, onWake: () => void) {
    void adopt({
      fd,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#closed) socket.terminate();
        },
        data: () => {
          if (!this.#closed) onWake();
        },
        // The native end goes first only when the server is destroyed without `close()`.
        end: (socket) => void socket.end(),
      },
    });
  }

  /** Closes the descriptor at once; no call of `onWake` follows. Closing again does nothing. */
  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }
}
