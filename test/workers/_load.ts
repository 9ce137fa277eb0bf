/**
 * A client that keeps connections busy and checks every answer: one request at a time on each, by
 * the rules of RFC 9112 9.3, so that it connects anew after `Connection: close` only. Whatever else
 * ends a connection is a failure.
 */

/** What a connection of the load is about. */
interface Exchange {
  /** The process that answered last on this connection; 0 before the first answer. */
  pid: number;
  token: string;
  answer: string;
  closing: boolean;
}

/** A request that was not answered as it should. */
export interface Failure {
  readonly what: string;
  /** The process that had accepted the connection, as far as it is known. */
  readonly pid: number;
}

export class Load {
  readonly failures: Failure[] = [];
  /** Processes that answered. */
  readonly pids = new Set<number>();
  answered = 0;
  connected = 0;
  readonly #hostname: string;
  readonly #port: number;
  readonly #pauseMs: number;
  #ending = false;
  readonly #clients: Promise<void>[];

  /** `pauseMs`: between an answer and the next request, at most. */
  constructor(url: string, clients: number, pauseMs = 0) {
    const { hostname, port } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
    this.#pauseMs = pauseMs;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#client(index));
  }

  /** No more requests; resolves when the last one was answered. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#clients);
  }

  async #client(index: number): Promise<void> {
    for (let requests = 0; !this.#ending; ) requests = await this.#connection(index, requests);
  }

  /** Requests on one connection until it ends, or all does; how many there were by then. */
  async #connection(index: number, before: number): Promise<number> {
    const over = Promise.withResolvers<void>();
    const exchange: Exchange = { pid: 0, token: "", answer: "", closing: false };
    let requests = before;
    let waiting = false;
    const fail = (what: string): void => {
      this.failures.push({ what, pid: exchange.pid });
    };
    const ask = (socket: Bun.Socket): void => {
      requests += 1;
      exchange.token = `${index}-${requests}`;
      exchange.answer = "";
      waiting = true;
      socket.write(`GET /echo/${exchange.token} HTTP/1.1\r\nHost: load\r\n\r\n`);
    };
    const next = (socket: Bun.Socket): void => {
      if (exchange.closing || this.#ending) socket.end();
      else if (this.#pauseMs === 0) ask(socket);
      else {
        setTimeout(() => {
          if (!exchange.closing) ask(socket);
        }, Math.random() * this.#pauseMs);
      }
    };
    try {
      await Bun.connect({
        hostname: this.#hostname,
        port: this.#port,
        socket: {
          open: (socket) => {
            this.connected += 1;
            ask(socket);
          },
          data: (socket, data) => {
            exchange.answer += data.toString("latin1");
            if (!isWhole(exchange.answer)) return;
            waiting = false;
            this.#check(exchange, fail);
            next(socket);
          },
          error: () => {},
          end: (socket) => void socket.end(),
          close: () => {
            if (waiting) fail(`closed before the answer to ${exchange.token} was whole`);
            else if (!exchange.closing && !this.#ending) fail("closed without a word");
            exchange.closing = true;
            over.resolve();
          },
        },
      });
      await over.promise;
    } catch (error) {
      fail(`not connected: ${error}`);
      await Bun.sleep(1);
    }
    return requests;
  }

  #check(exchange: Exchange, fail: (what: string) => void): void {
    this.answered += 1;
    const { answer, token } = exchange;
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    exchange.closing = /\r\nconnection: close/i.test(head);
    const found = /^\{"pid":(\d+),"token":"([^"]*)"\}$/.exec(body);
    if (!head.startsWith("HTTP/1.1 200 OK\r\n") || found?.[2] !== token) {
      fail(`wrong answer to ${token}: ${answer.slice(0, 200)}`);
      return;
    }
    const pid = Number(found[1]);
    // A connection belongs to one process to its end.
    if (exchange.pid !== 0 && exchange.pid !== pid) fail(`answered by ${pid} too`);
    exchange.pid = pid;
    this.pids.add(pid);
  }
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
  return end > 0 && answer.length >= end + 4 + Number(length);
}
