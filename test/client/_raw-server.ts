/** A server that answers with the bytes that a test says, and does what no good server does. */
import { createServer, type Socket } from "node:net";

/** One connection, once the head of its request is there. */
export interface RawRequest {
  readonly head: string;
  readonly socket: Socket;
}

/** What a raw server got, and where it is. */
export interface RawServer {
  readonly url: string;
  /** Heads of requests in order. */
  readonly heads: readonly string[];
}

/** Answers each connection by the next function of a list, the last one again and again. */
export async function withRawServer(
  answers: readonly ((request: RawRequest) => void)[],
  run: (server: RawServer) => Promise<void>,
): Promise<void> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      if (text.includes("\r\n\r\n")) return;
      text += data.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      heads.push(text);
      const answer = answers[Math.min(heads.length, answers.length) - 1]!;
      answer({ head: text, socket });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  try {
    await run({ url: `http://127.0.0.1:${port}`, heads });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A whole answer, and the end of the connection. */
export function says(
  status: number | string,
  body = "",
  fields: Readonly<Record<string, string>> = {},
): (request: RawRequest) => void {
  const all = { "Content-Length": String(Buffer.byteLength(body)), Connection: "close", ...fields };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return ({ socket }) => socket.end(`HTTP/1.1 ${status} S\r\n${lines.join("")}\r\n${body}`);
}

/** The bytes as they are; then the connection is closed, or stays. */
export function writes(text: string, then: "close" | "stay"): (request: RawRequest) => void {
  return ({ socket }) => {
    socket.write(text);
    if (then === "close") socket.end();
  };
}
