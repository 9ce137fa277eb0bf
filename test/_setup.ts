/**
 * Helpers of the tests: an application behind a socket and by `fetch`, and a client that sends raw
 * bytes.
 */
import { test } from "bun:test";
import type { Chopin, ServeOptions, Server } from "../src/index.ts";

/** What a request was answered with; without the fields that only a socket has. */
export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export type Send = (method: string, path: string, sent?: Sent) => Promise<Received>;

/** One test by `app.fetch` and one through a socket, for behaviour that must not differ. */
export function bothWays(
  name: string,
  make: () => Chopin,
  check: (send: Send) => Promise<void>,
): void {
  test(`${name} (fetch)`, async () => {
    const app = make();
    await check(async (method, path, sent = {}) => {
      const request = new Request(`http://localhost${path}`, { method, ...sent });
      return received(await app.fetch(request, { ip: "127.0.0.1" }));
    });
  });
  test(`${name} (socket)`, () =>
    withServer(make(), (server) =>
      check(async (method, path, sent = {}) => {
        const body = Buffer.from(sent.body ?? "");
        const fields = { Host: "localhost", Connection: "close", ...sent.headers };
        let head = `${method} ${path} HTTP/1.1\r\n`;
        for (const [field, value] of Object.entries(fields)) head += `${field}: ${value}\r\n`;
        if (sent.body !== undefined) head += `Content-Length: ${body.length}\r\n`;
        return parsed(await exchange(server, `${head}\r\n${body.toString("latin1")}`), method);
      }),
    ));
}

/** An answer as it came, with a body to the end of the connection. */
function parsed(text: string, method: string): Promise<Received> {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  const chunked = headers.get("transfer-encoding") === "chunked" && method !== "HEAD";
  headers.delete("transfer-encoding");
  const rest = text.slice(end + 4);
  const body = Buffer.from(chunked ? unchunked(rest) : rest, "latin1");
  const status = Number(first.split(" ")[1]);
  const empty = body.length === 0;
  return received(new Response(empty ? null : body, { status, headers }));
}

/** The content of a chunked body; throws when its last chunk is missing. */
export function unchunked(text: string): string {
  let content = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (line === -1 || Number.isNaN(size)) throw new Error("the chunked body was cut off");
    if (size === 0) return content;
    content += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

/** Serves on a port of the system's choice while `run` runs. */
export async function withServer(
  app: Chopin,
  run: (server: Server) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  const server = await app.serve({ hostname: "127.0.0.1", port: 0, ...options });
  try {
    await run(server);
  } finally {
    await server.stop({ timeoutMs: 1000 });
  }
}

async function received(response: Response): Promise<Received> {
  const { status, headers } = response;
  for (const name of ["date", "connection", "keep-alive"]) headers.delete(name);
  return { status, headers, body: await response.text() };
}

/** A connection on which a test writes and reads bytes itself. */
export class RawClient {
  text = "";
  closed = false;
  readonly #socket: Bun.Socket<undefined>;
  #changed: () => void = () => {};
  #unsent: Buffer = Buffer.alloc(0);

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket;
  }

  static async connect(server: Server): Promise<RawClient> {
    let client: RawClient | undefined;
    const socket = await Bun.connect({
      hostname: server.hostname,
      port: server.port,
      socket: {
        data(_, data) {
          client?.took(data.toString("latin1"));
        },
        drain() {
          client?.send("");
        },
        close() {
          client?.ended();
        },
      },
    });
    client = new RawClient(socket);
    return client;
  }

  took(text: string): void {
    this.text += text;
    this.#changed();
  }

  ended(): void {
    this.closed = true;
    this.#changed();
  }

  /** One byte for each character; what the socket does not take now goes when it drains. */
  send(text: string): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text, "latin1")]);
    const count = this.#socket.write(this.#unsent);
    this.#unsent = this.#unsent.subarray(Math.max(count, 0));
  }

  /** Everything that came so far, once `enough` says so of it or the server closed. */
  async read(enough: (text: string) => boolean = () => false): Promise<string> {
    while (!this.closed && !enough(this.text)) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this.text;
  }

  close(): void {
    this.#socket.end();
  }
}

/** What a server sends for raw bytes, to the end of the connection. */
export async function exchange(server: Server, text: string): Promise<string> {
  const client = await RawClient.connect(server);
  client.send(text);
  const answer = await client.read();
  client.close();
  return answer;
}
