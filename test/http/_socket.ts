/** A client that does what well-behaved ones do not: stops reading, ends its half, resets. */
import { connect, type Socket } from "node:net";

/** Where a server listens. */
export interface Place {
  readonly port: number;
}

export class WireClient {
  /** One character for each byte. */
  text = "";
  /** The server ended its half. */
  ended = false;
  /** Both halves are gone. */
  closed = false;
  error: Error | undefined;
  readonly #socket: Socket;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      this.text += bytes.toString("latin1");
      this.#changed();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#changed();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  static async connect({ port }: Place): Promise<WireClient> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new WireClient(socket);
  }

  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Everything that came so far, once `enough` says so of it or the server ended its half. */
  async read(enough: (text: string) => boolean = () => false): Promise<string> {
    while (!this.ended && !this.closed && !enough(this.text)) await this.#change();
    return this.text;
  }

  stopReading(): void {
    this.#socket.pause();
  }

  readAgain(): void {
    this.#socket.resume();
  }

  /** Says that no more will come; what the server says is still read. */
  endHalf(): void {
    this.#socket.end();
  }

  /** Leaves with a reset, so that nothing that was sent is of use to anybody. */
  async reset(): Promise<void> {
    this.#socket.resetAndDestroy();
    while (!this.closed) await this.#change();
  }

  /** Ends the half that is left, and waits until the connection is gone. */
  async close(): Promise<void> {
    this.#socket.end();
    this.#socket.resume();
    while (!this.closed) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}
