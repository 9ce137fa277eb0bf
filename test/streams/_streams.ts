/** What the tests of streams share: a client that can stop reading, and waiting for conditions. */
import { connect, type Socket } from "node:net";
import type { Server } from "../../src/index.ts";

/** Resolves once `condition` holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

/** Rounds of the event loop in which nothing more happens, after something has. */
export async function quiet(count: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 30; ) {
    await Bun.sleep(2);
    same = count() === before ? same + 1 : 0;
    before = count();
  }
}

/** A client that reads only when it is told to, and can leave in every way. */
export class Peer {
  text = "";
  /** How the connection ended. */
  end: "open" | "finished" | "reset" = "open";
  readonly #socket: Socket;
  #took = (data: Buffer): void => {
    this.text += data.toString("latin1");
  };

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#took(Buffer.from(data)));
    socket.on("end", () => {
      if (this.end === "open") this.end = "finished";
    });
    socket.on("error", () => {
      this.end = "reset";
    });
  }

  static async connect(server: Server): Promise<Peer> {
    const socket = connect({ host: server.hostname!, port: server.port! });
    const peer = new Peer(socket);
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    return peer;
  }

  /** Connects and sends a request without a body. */
  static async get(server: Server, path: string, fields = ""): Promise<Peer> {
    const peer = await Peer.connect(server);
    peer.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`);
    return peer;
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** Bytes that the socket has not taken. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Counts what comes from now on in place of keeping it. */
  count(took: (bytes: number) => void): void {
    this.#took = (data) => took(data.length);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends its own side. */
  finish(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  leave(): void {
    this.#socket.destroy();
  }

  async has(text: string): Promise<void> {
    await until(() => this.text.includes(text) || this.end !== "open");
  }

  async ended(): Promise<string> {
    await until(() => this.end !== "open");
    return this.text;
  }
}

/** What follows the head. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}
