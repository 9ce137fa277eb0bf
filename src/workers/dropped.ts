/** Tells of published messages that somebody does not get, because it reads too slowly. */

const intervalMs = 1000;

export class Dropped {
  readonly #whom: string;
  #count = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(whom: string) {
    this.#whom = whom;
  }

  /** One more; told at most once in a second. */
  count(): void {
    this.#count += 1;
    const now = performance.now();
    if (now - this.#toldMs < intervalMs) return;
    const count = this.#count;
    const messages = count === 1 ? "a published message was" : `${count} published messages were`;
    console.warn(`chopin: ${this.#whom} is too far behind: ${messages} dropped`);
    this.#toldMs = now;
    this.#count = 0;
  }
}
