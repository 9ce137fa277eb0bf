/** One connection, some requests in one write, as many answers: the client of the checks. */
import type { Request } from "./workloads.ts";

export interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  /** Bytes of the head, the empty line included. */
  readonly headBytes: number;
}

const answerLimitMs = 5_000;

function write(request: Request): string {
  const body = request.body ?? "";
  const fields =
    request.body === undefined
      ? ""
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${request.method} ${request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n${body}`;
}

/** The first answer in `bytes` and what follows it, or undefined while it is not whole. */
function takeAnswer(bytes: Buffer): { answer: Answer; rest: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const length = fields.get("content-length");
  if (length === undefined) throw new Error(`an answer without Content-Length: ${statusLine}`);
  const from = end + 4;
  const to = from + Number(length);
  if (bytes.length < to) return undefined;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const answer = { status, fields, body: bytes.toString("utf8", from, to), headBytes: from };
  return { answer, rest: bytes.subarray(to) };
}

/**
 * Sends all requests in one write and reads one answer for each.
 *
 * @throws Error when the connection ends early, stays silent, or an answer has no length
 */
export async function exchange(port: number, requests: readonly Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  let bytes = Buffer.alloc(0);
  const done = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_socket, data) {
        bytes = Buffer.concat([bytes, data]);
        try {
          while (answers.length < requests.length) {
            const taken = takeAnswer(bytes);
            if (taken === undefined) return;
            answers.push(taken.answer);
            bytes = Buffer.from(taken.rest);
          }
          done.resolve();
        } catch (error) {
          done.reject(error);
        }
      },
      close: () => done.reject(new Error("the connection was closed before the answer")),
      error: (_socket, error) => done.reject(error),
    },
  });
  const timer = setTimeout(() => done.reject(new Error("no answer in time")), answerLimitMs);
  try {
    socket.write(requests.map(write).join(""));
    await done.promise;
    if (bytes.length > 0) throw new Error("bytes behind the last answer");
    return answers;
  } finally {
    clearTimeout(timer);
    socket.end();
  }
}
