/** One connection, some requests in one write, as many answers: the client of the checks. */
import { type Answer, takeAnswer } from "./answer.ts";
import type { Request } from "./workloads.ts";

const answerLimitMs = 10_000;

function write(request: Request): Buffer {
  const { method, path, accept, body = "", uploadBytes } = request;
  const length = uploadBytes ?? Buffer.byteLength(body);
  const usual = uploadBytes === undefined ? "application/json" : "application/octet-stream";
  const fields = [
    "Host: 127.0.0.1",
    ...(accept === undefined ? [] : [`Accept-Encoding: ${accept}`]),
    ...(length === 0
      ? []
      : [`Content-Type: ${request.type ?? usual}`, `Content-Length: ${length}`]),
  ];
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
  const content = uploadBytes === undefined ? Buffer.from(body) : Buffer.alloc(uploadBytes, "x");
  return Buffer.concat([head, content]);
}

/**
 * Sends all requests at once and reads one answer for each.
 *
 * @throws Error when the connection ends early, stays silent, or an answer has no end
 */
export async function exchange(port: number, requests: readonly Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  const parts: Buffer[] = [];
  let unsent: Buffer = Buffer.concat(requests.map(write));
  const done = Promise.withResolvers<void>();
  const take = () => {
    let bytes: Buffer = Buffer.concat(parts);
    parts.length = 0;
    while (answers.length < requests.length) {
      const taken = takeAnswer(bytes);
      if (taken === undefined) break;
      answers.push(taken.answer);
      bytes = taken.rest;
    }
    if (bytes.length > 0) parts.push(bytes);
    if (answers.length === requests.length) done.resolve();
  };
  const send = (socket: Bun.Socket) => {
    if (unsent.length > 0) unsent = unsent.subarray(socket.write(unsent));
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_socket, data) {
        parts.push(Buffer.from(data));
        try {
          take();
        } catch (error) {
          done.reject(error);
        }
      },
      drain: send,
      close: () => done.reject(new Error("the connection was closed before the answer")),
      error: (_socket, error) => done.reject(error),
    },
  });
  const timer = setTimeout(() => done.reject(new Error("no answer in time")), answerLimitMs);
  try {
    send(socket);
    await done.promise;
    if (parts.length > 0) throw new Error("bytes behind the last answer");
    return answers;
  } finally {
    clearTimeout(timer);
    socket.end();
  }
}
