/** What the tests of WebSockets share: a peer that sends any bytes, and servers to send them to. */
import { connect, type Socket } from "node:net";
import type { Server } from "../../src/index.ts";

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame that came. */
export interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface FrameOptions {
  readonly fin?: boolean;
  /** Three bits, RSV1 is 4. */
  readonly rsv?: number;
  readonly masked?: boolean;
  /** In place of the payload's own. */
  readonly length?: number;
}

/** A frame as a client sends it. */
export function frame(
  kind: number,
  payload: string | Uint8Array,
  options: FrameOptions = {},
): Buffer {
  const { fin = true, rsv = 0, masked = true } = options;
  const bytes = Buffer.from(payload as Uint8Array);
  const { length = bytes.length } = options;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | kind];
  const mask = masked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff);
  else {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(length));
    head.push(mask | 127, ...size);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), bytes]);
  const key = [0x12, 0x34, 0x56, 0x78];
  return Buffer.concat([
    Buffer.from([...head, ...key]),
    bytes.map((byte, at) => byte ^ key[at & 3]!),
  ]);
}

/** A close frame's payload. */
export function closing(code: number, reason = ""): Buffer {
  const bytes = Buffer.from(`  ${reason}`);
  bytes.writeUInt16BE(code);
  return bytes;
}

export const key = "dGhlIHNhbXBsZSBub25jZQ==";

/** The request of a handshake. */
export function handshake(path: string, fields: Readonly<Record<string, string>> = {}): string {
  const all: Record<string, string> = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A client that speaks frames by hand. */
export class Peer {
  /** Of the answers before the frames. */
  head = "";
  readonly frames: Frame[] = [];
  /** How the connection ended. */
  end: "open" | "finished" | "reset" = "open";
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #taken = 0;
  #upgraded = false;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#took(Buffer.from(data)));
    socket.on("end", () => this.#over("finished"));
    socket.on("close", () => this.#over("finished"));
    socket.on("error", () => this.#over("reset"));
  }

  /** Connects without asking for anything. */
  static async connect(server: Pick<Server, "hostname" | "port" | "unix">): Promise<Peer> {
    const { hostname, port, unix } = server;
    const socket = unix === undefined ? connect({ host: hostname, port }) : connect(unix);
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    socket.setNoDelay(true);
    return new Peer(socket);
  }

  /** Connects, and waits for the 101. */
  static async open(
    server: Pick<Server, "hostname" | "port" | "unix">,
    path: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<Peer> {
    const peer = await Peer.connect(server);
    peer.raw(handshake(path, fields));
    const head = await peer.upgraded();
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
    return peer;
  }

  raw(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  send(kind: number, payload: string | Uint8Array, options?: FrameOptions): void {
    this.raw(frame(kind, payload, options));
  }

  /** All heads up to the last one that is complete, which is that of the 101 if one came. */
  async upgraded(): Promise<string> {
    await this.until(() => this.head.includes("\r\n\r\n"));
    return this.head;
  }

  /** The next frame that nobody has asked for; undefined when the connection ended. */
  async next(): Promise<Frame | undefined> {
    await this.until(() => this.frames.length > this.#taken);
    return this.frames[this.#taken++];
  }

  /** The text of the next frame, or the code and reason of a close. */
  async said(): Promise<string | undefined> {
    const next = await this.next();
    if (next === undefined) return undefined;
    const { payload } = next;
    if (next.opcode === opcode.text) return payload.toString();
    if (next.opcode !== opcode.close) return `${next.opcode}: ${payload.toString("latin1")}`;
    if (payload.length === 0) return "close";
    return `close ${payload.readUInt16BE()} ${payload.toString("utf8", 2)}`.trim();
  }

  async ended(): Promise<"finished" | "reset"> {
    await this.until(() => false);
    return this.end as "finished" | "reset";
  }

  /** Waits for a condition, or for the end. */
  async until(condition: () => boolean): Promise<void> {
    while (this.end === "open" && !condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Bytes that were written and that the system has not taken. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  leave(): void {
    this.#socket.destroy();
  }

  #took(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    if (!this.#upgraded) this.#readHeads();
    if (this.#upgraded) this.#readFrames();
    this.#changed();
  }

  #readHeads(): void {
    const text = this.#unread.toString("latin1");
    const start = text.search(/HTTP\/1\.1 101 /);
    const end = start === -1 ? -1 : text.indexOf("\r\n\r\n", start);
    if (end === -1) {
      // Answers before it, or in its place.
      if (start === -1) this.head = text;
      return;
    }
    this.head = text.slice(0, end + 4);
    this.#upgraded = true;
    this.#unread = this.#unread.subarray(end + 4);
  }

  #readFrames(): void {
    for (;;) {
      const bytes = this.#unread;
      if (bytes.length < 2) return;
      const short = bytes[1]! & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < start) return;
      const long = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      const length = short === 126 ? bytes.readUInt16BE(2) : long;
      if (bytes.length < start + length) return;
      const [first, second] = [bytes[0]!, bytes[1]!];
      if (second & 0x80) throw new Error("a server masks nothing");
      this.frames.push({
        fin: (first & 0x80) !== 0,
        rsv: (first >> 4) & 7,
        opcode: first & 0xf,
        payload: Buffer.from(bytes.subarray(start, start + length)),
      });
      this.#unread = bytes.subarray(start + length);
    }
  }

  #over(end: "finished" | "reset"): void {
    if (this.end === "open" || end === "reset") this.end = end;
    this.#changed();
  }
}

/** Waits for a condition that no event tells of; the test's own limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(1);
}

/** Events in their order, and waiting for some. */
export class Log {
  readonly entries: string[] = [];

  readonly add = (entry: string): void => void this.entries.push(entry);

  async has(entry: string): Promise<void> {
    await until(() => this.entries.includes(entry));
  }
}
