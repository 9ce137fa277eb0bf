/**
 * The script's end of a wake-up. Native code sends a byte over a socket pair when a descriptor that
 * it watches becomes readable; Bun's event loop reads it and calls back. See `zig/wakeup.zig`.
 *
 * It is read as a file. Adopted by `Bun.connect({ fd })` a wake-up costs 1.4 µs less, but as long
 * as Bun has any socket it wakes five times in four seconds to look for time-outs: a server without
 * requests is to sleep.
 */

/**
 * Keeps the process alive until `close()`, as an open server does.
 *
 * @example
 * const wakeup = new Wakeup(fd, () => takeTurn());
 * wakeup.close();
 */
export class Wakeup {
  readonly #cancel: () => void;
  #closed = false;

  /**
   * Lets Bun watch a duplicate of a descriptor, a non-blocking stream socket, which stays its
   * owner's. `onWake` is called from the event loop, once for all bytes that are there. Bun watches
   * when this returns. What cannot be watched ends in an unhandled rejection: a server that is
   * never woken must not go on.
   */
  constructor(fd: number, onWake: () => void) {
    const reader = Bun.file(fd).stream().getReader();
    this.#cancel = () => void reader.cancel();
    void this.#watch(() => reader.read(), onWake);
  }

  async #watch(read: () => Promise<{ readonly done: boolean }>, onWake: () => void): Promise<void> {
    for (;;) {
      const { done } = await read();
      // The native end goes first only when the server is destroyed without `close()`.
      if (done || this.#closed) return;
      onWake();
    }
  }

  /** Stops watching at once; no call of `onWake` follows. Closing again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
  }
}
