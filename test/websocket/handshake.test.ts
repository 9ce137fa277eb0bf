/** The handshake as a route: what stands around it, what refuses it, and what goes out with it. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { Chopin, extract, HTTPError, json, problems, t, websocket } from "../../src/index.ts";
import {
  compress,
  cors,
  etag,
  logger,
  requestId,
  secureHeaders,
} from "../../src/middleware/index.ts";
import { bothWays, exchange, withServer } from "../_setup.ts";
import { frame, handshake, key, Log, Peer, until } from "./_peer.ts";

let printed: ReturnType<typeof spyOn<Console, "error">>;
beforeEach(() => {
  printed = spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => printed.mockRestore());

const echo = () =>
  new Chopin().websocket("/echo", { message: (ws, message) => void ws.send(message) });

/** Status, code and fields of what one request is answered with. */
async function answerOf(app: Chopin, request: string): Promise<[number, string, string]> {
  let text = "";
  await withServer(app, async (server) => {
    text = await exchange(server, request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  });
  const end = text.indexOf("\r\n\r\n");
  const code = /"code":"(\w+)"/.exec(text.slice(end))?.[1] ?? "";
  return [Number(text.split(" ")[1]), code, text.slice(0, end)];
}

describe("a good handshake", () => {
  test("is answered as RFC 6455 says, and with nothing else", async () => {
    await withServer(echo(), async (server) => {
      const peer = await Peer.open(server, "/echo");
      expect(peer.head.replace(/^Date: .*\r\n/m, "")).toBe(
        "HTTP/1.1 101 Switching Protocols\r\n" +
          "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      );
      peer.send(1, "hello");
      expect(await peer.said()).toBe("hello");
      peer.leave();
    });
  });

  test("chooses a subprotocol, which the handlers see", async () => {
    const log = new Log();
    const app = new Chopin().websocket("/", {
      protocols: ["chat.v2", "chat.v1"],
      open: (ws) => log.add(ws.protocol),
    });
    await withServer(app, async (server) => {
      const offers = ["chat.v1, chat.v2", "chat.v1", "other"];
      for (const offer of offers) {
        const peer = await Peer.open(server, "/", { "Sec-WebSocket-Protocol": offer });
        const chosen = /^Sec-WebSocket-Protocol: (.*)\r$/m.exec(peer.head)?.[1] ?? "";
        await log.has(chosen);
        peer.leave();
      }
    });
    expect(log.entries).toEqual(["chat.v2", "chat.v1", ""]);
  });

  test("may be written as other browsers and proxies do", async () => {
    const forms: Record<string, string>[] = [
      { Connection: "keep-alive, Upgrade" },
      { Connection: "upgrade", Upgrade: "WebSocket" },
      { Connection: "keep-alive\r\nConnection: Upgrade" },
      { Upgrade: "websocket, h2c", "Content-Length": "0" },
    ];
    await withServer(echo(), async (server) => {
      for (const form of forms) {
        const peer = await Peer.connect(server);
        const request = handshake("/echo", form);
        peer.raw(request.replaceAll(/^[\w-]+:/gm, (name) => name.toLowerCase()));
        expect([form, (await peer.upgraded()).slice(9, 12)]).toEqual([form, "101"]);
        peer.leave();
      }
    });
  });

  test("comes behind pipelined requests, and frames behind it", async () => {
    const app = echo().get("/slow", async () => {
      await Bun.sleep(5);
      return "slow";
    });
    await withServer(app, async (server) => {
      const peer = await Peer.connect(server);
      const get = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";
      peer.raw(
        Buffer.concat([
          Buffer.from(get + get + handshake("/echo"), "latin1"),
          frame(1, "first"),
          frame(2, "second"),
        ]),
      );
      expect(await peer.said()).toBe("first");
      expect(await peer.said()).toBe("2: second");
      expect(peer.head.match(/HTTP\/1\.1 \d+/g)).toEqual([
        "HTTP/1.1 200",
        "HTTP/1.1 200",
        "HTTP/1.1 101",
      ]);
      peer.leave();
    });
  });

  test("over a unix socket, and as seen by a browser-like client", async () => {
    const unix = `/tmp/chopin-${process.pid}-websocket.sock`;
    const server = await echo().serve({ unix });
    const peer = await Peer.open(server, "/echo");
    peer.send(1, "by a path");
    expect(await peer.said()).toBe("by a path");
    peer.leave();
    await server.stop();
    await withServer(echo(), async ({ url }) => {
      const ws = new WebSocket(`${url.replace("http", "ws")}echo`);
      const said = Promise.withResolvers<unknown>();
      ws.onopen = () => ws.send("hello");
      ws.onmessage = ({ data }) => said.resolve(data);
      expect(await said.promise).toBe("hello");
      ws.close();
    });
  });
});

describe("what is wrong", () => {
  const without = (name: string) =>
    handshake("/echo").replace(new RegExp(`^${name}: .*\\r\\n`, "m"), "");
  const withField = (name: string, value: string) => handshake("/echo", { [name]: value });
  const rows: [name: string, request: string, status: number, code: string][] = [
    ["no upgrade", "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", 426, "upgrade_required"],
    ["no Upgrade", without("Upgrade"), 426, "upgrade_required"],
    ["another protocol", withField("Upgrade", "h2c"), 426, "upgrade_required"],
    ["no Connection", without("Connection"), 426, "upgrade_required"],
    ["another Connection", withField("Connection", "keep-alive"), 426, "upgrade_required"],
    ["HTTP/1.0", handshake("/echo").replace("HTTP/1.1", "HTTP/1.0"), 426, "upgrade_required"],
    ["a body", `${withField("Content-Length", "2")}{}`, 426, "upgrade_required"],
    ["no version", without("Sec-WebSocket-Version"), 426, "websocket_version_not_supported"],
    ["version 8", withField("Sec-WebSocket-Version", "8"), 426, "websocket_version_not_supported"],
    ["no key", without("Sec-WebSocket-Key"), 400, "bad_websocket_key"],
    ["a short key", withField("Sec-WebSocket-Key", "c2hvcnQ="), 400, "bad_websocket_key"],
    [
      "two keys",
      withField("Sec-WebSocket-Key", `${key}\r\nSec-WebSocket-Key: ${key}`),
      400,
      "bad_websocket_key",
    ],
    ["another origin", withField("Origin", "https://evil.example"), 403, "origin_not_allowed"],
    ["no origin in particular", withField("Origin", "null"), 403, "origin_not_allowed"],
    ["POST", handshake("/echo").replace("GET", "POST"), 405, "method_not_allowed"],
    ["another path", handshake("/other"), 404, "not_found"],
  ];
  for (const [name, request, status, code] of rows) {
    test(`${name}: ${status}`, async () => {
      const [found, problem, head] = await answerOf(echo(), request);
      expect([found, problem]).toEqual([status, code]);
      expect(/^Upgrade: websocket\r$/m.test(`${head}\r`)).toBe(status === 426);
      expect(/^Connection: Upgrade\r?$/m.test(head)).toBe(status === 426);
      const version = code === "websocket_version_not_supported";
      expect(/^Sec-WebSocket-Version: 13\r?$/m.test(head)).toBe(version);
      expect(problems[code as keyof typeof problems][0] as number).toBe(status);
    });
  }

  test("HEAD gets what GET without an upgrade gets, without its body", async () => {
    for (const request of [
      "HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n",
      handshake("/echo").replace("GET", "HEAD"),
    ]) {
      const [status, , head] = await answerOf(echo(), request);
      expect(status).toBe(426);
      expect(head).toContain("Upgrade: websocket");
    }
  });

  test("the connection goes on, and a later request may upgrade it", async () => {
    await withServer(echo(), async (server) => {
      const peer = await Peer.connect(server);
      peer.raw(handshake("/echo", { "Sec-WebSocket-Key": "no" }) + handshake("/echo"));
      await peer.until(() => peer.head.includes(" 101 "));
      expect(peer.head).toStartWith("HTTP/1.1 400 ");
      peer.send(1, "after all");
      expect(await peer.said()).toBe("after all");
      peer.leave();
    });
  });

  test("app.fetch has no socket", async () => {
    const fields = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    const headers = { ...fields, "sec-websocket-key": key };
    const app = echo();
    const asked = await app.fetch(new Request("http://localhost/echo", { headers }));
    expect([asked.status, (await asked.json()) as unknown]).toEqual([
      501,
      expect.objectContaining({ code: "websocket_unavailable" }),
    ]);
    const plain = await app.fetch(new Request("http://localhost/echo"));
    expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
  });
});

describe("origins", () => {
  /** The answer to a page of an origin. */
  async function status(app: Chopin, fields: Record<string, string>): Promise<string> {
    let head = "";
    await withServer(app, async (server) => {
      const peer = await Peer.connect(server);
      peer.raw(handshake("/", fields));
      head = await peer.upgraded();
      peer.leave();
    });
    return head.slice("HTTP/1.1 ".length, "HTTP/1.1 101".length);
  }

  test("are those of the option", async () => {
    type Row = ["any" | "same" | string[], origin: string, host: string, status: string];
    const rows: Row[] = [
      ["same", "https://localhost", "localhost", "101"],
      ["same", "http://app.example:8080", "app.example:8080", "101"],
      ["same", "http://app.example", "app.example:8080", "403"],
      ["any", "https://evil.example", "localhost", "101"],
      [["https://app.example"], "https://app.example", "localhost", "101"],
      [["https://app.example"], "https://localhost", "localhost", "403"],
    ];
    for (const [origins, Origin, Host, expected] of rows) {
      const app = new Chopin().websocket("/", { origins });
      expect([origins, Origin, await status(app, { Origin, Host })]).toEqual([
        origins,
        Origin,
        expected,
      ]);
    }
  });

  test("behind a proxy that is believed are those of the host that was asked", async () => {
    const app = new Chopin({ trustProxy: 1 }).websocket("/", {});
    const fields = { Origin: "https://public.example", "X-Forwarded-Host": "public.example" };
    expect(await status(app, fields)).toBe("101");
  });
});

describe("around the handshake", () => {
  test("middleware sees an answer with status 101, and what it adds goes out", async () => {
    const seen: unknown[] = [];
    const app = new Chopin()
      .layer(async (ctx, next) => {
        ctx.header("X-Before", "1");
        const answer = await next();
        seen.push(answer.status, answer.headers.get("x-own"), answer.bytes().length);
        answer.headers.set("X-After", "2");
        answer.headers.append("Set-Cookie", "a=b");
      })
      .websocket("/:room", {
        use: (_, next) => next(),
        upgrade: (ctx) => void ctx.header("X-Own", ctx.params.room),
      });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/r1");
      for (const line of ["X-Before: 1", "X-After: 2", "X-Own: r1", "Set-Cookie: a=b"]) {
        expect(peer.head).toContain(`\r\n${line}\r\n`);
      }
      peer.leave();
    });
    expect(seen).toEqual([101, "r1", 0]);
  });

  test("the ready-made middleware leaves it alone", async () => {
    const lines: object[] = [];
    const write = (fields: object) => void lines.push(fields);
    const app = new Chopin()
      .layer(logger({ sink: { info: write, warn: write, error: write } }))
      .layer(requestId())
      .layer(secureHeaders())
      .layer(cors())
      .layer(compress())
      .layer(etag())
      .merge(echo());
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/echo");
      expect(peer.head).toMatch(/^X-Request-ID: /im);
      expect(peer.head).not.toMatch(/^(content-|etag)/im);
      peer.send(1, "through all of them");
      expect(await peer.said()).toBe("through all of them");
      peer.leave();
    });
    expect(lines).toEqual([expect.objectContaining({ status: 101 })]);
  });

  test("middleware may refuse, before and after", async () => {
    const opened = new Log();
    const app = echo()
      .layerPath("/before", () => json({ no: 1 }, 401))
      .layerPath("/thrown", () => {
        throw new HTTPError(402);
      })
      .layerPath("/status", (ctx, next) => {
        next();
        ctx.status(403);
      })
      .layerPath("/changed", (_, next) => {
        const answer = next();
        if (!(answer instanceof Promise)) answer.status = 404;
        return answer;
      })
      .layerPath("/body", (_, next) => {
        const answer = next();
        if (!(answer instanceof Promise)) answer.body = "instead";
        return answer;
      })
      .websocket("/:any", { open: () => opened.add("opened") });
    const statuses: Record<string, number> = {};
    for (const path of ["before", "thrown", "status", "changed", "body"]) {
      statuses[path] = (await answerOf(app, handshake(`/${path}`)))[0];
    }
    expect(statuses).toEqual({ before: 401, thrown: 402, status: 403, changed: 404, body: 200 });
    expect(opened.entries).toEqual([]);
  });

  test("fields of the handshake itself are not the application's", async () => {
    const app = new Chopin().websocket("/", {
      upgrade: (ctx) => {
        ctx.header("Sec-WebSocket-Protocol", "mine");
        ctx.header("Sec-WebSocket-Accept", "mine");
      },
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/");
      expect(peer.head).not.toContain("mine");
      expect([...peer.head.matchAll(/^Sec-WebSocket-/gm)]).toHaveLength(1);
      peer.leave();
    });
  });

  test("schemas and extractors refuse before `upgrade` runs", async () => {
    const user = extract({ cookies: t.Object({ user: t.String() }) }, ({ cookies }) => {
      if (cookies.user === "eve") throw new HTTPError(403, "not_you");
      return cookies.user;
    });
    const log = new Log();
    const app = new Chopin().websocket("/rooms/:room", {
      params: t.Object({ room: t.Integer() }),
      query: t.Object({ since: t.Integer({ default: 7 }) }),
      extract: { user },
      upgrade: ({ params, query }, found) => ({ ...params, ...query, ...found }),
      open: (ws) => log.add(JSON.stringify(ws.data)),
    });
    const cookie = { Cookie: "user=ada" };
    expect((await answerOf(app, handshake("/rooms/x", cookie))).slice(0, 2)).toEqual([
      422,
      "validation_failed",
    ]);
    expect((await answerOf(app, handshake("/rooms/1?since=x", cookie)))[0]).toBe(422);
    expect((await answerOf(app, handshake("/rooms/1")))[0]).toBe(422);
    expect((await answerOf(app, handshake("/rooms/1", { Cookie: "user=eve" })))[1]).toBe("not_you");
    expect(log.entries).toEqual([]);
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/rooms/12?since=3", cookie);
      await log.has('{"room":12,"since":3,"user":"ada"}');
      peer.leave();
    });
  });
});

describe("upgrade", () => {
  const refusing = () =>
    new Chopin()
      .websocket("/thrown", {
        upgrade: () => {
          throw new HTTPError(401, "who_are_you");
        },
      })
      .websocket("/later", {
        upgrade: async () => {
          await Bun.sleep(1);
          throw new HTTPError(401, "who_are_you");
        },
      })
      .websocket("/answer", { upgrade: () => json({ code: "who_are_you" }, 401) })
      .websocket("/response", {
        upgrade: async () => Response.json({ code: "who_are_you" }, { status: 401 }),
      })
      .websocket("/returned", { upgrade: () => new HTTPError(401, "who_are_you") })
      .websocket("/failed", {
        upgrade: () => {
          throw new TypeError("of the program");
        },
      });

  test("refuses by throwing, or by returning an answer", async () => {
    for (const path of ["/thrown", "/later", "/answer", "/response", "/returned"]) {
      const [status, code] = await answerOf(refusing(), handshake(path));
      expect([path, status, code]).toEqual([path, 401, "who_are_you"]);
    }
    expect(printed).not.toHaveBeenCalled();
    expect((await answerOf(refusing(), handshake("/failed")))[0]).toBe(500);
    expect(printed).toHaveBeenCalledTimes(1);
  });

  test("may take its time, while frames come and the client leaves", async () => {
    const log = new Log();
    const gate = Promise.withResolvers<void>();
    const app = new Chopin().websocket("/", {
      upgrade: async (ctx) => {
        log.add("asked");
        ctx.signal.addEventListener("abort", () => log.add("left"));
        await gate.promise;
        return ctx.query.name;
      },
      open: (ws) => log.add(`open ${ws.data}`),
      message: (ws, message) => log.add(`${ws.data}: ${message}`),
      close: (ws, code) => log.add(`close ${ws.data} ${code}`),
    });
    await withServer(app, async (server) => {
      const [staying, leaving] = [await Peer.connect(server), await Peer.connect(server)];
      staying.raw(Buffer.concat([Buffer.from(handshake("/?name=ada")), frame(1, "hello")]));
      leaving.raw(handshake("/?name=bob"));
      await until(() => log.entries.length === 2);
      leaving.reset();
      await log.has("left");
      gate.resolve();
      await log.has("ada: hello");
      staying.send(8, "");
      await log.has("close ada 1005");
      expect(await staying.ended()).toBe("finished");
    });
    expect(log.entries).toEqual([
      "asked",
      "asked",
      "left",
      "open ada",
      "ada: hello",
      "close ada 1005",
    ]);
  });

  test("knows whom it is for", async () => {
    const log = new Log();
    const app = new Chopin({ trustProxy: 1 }).websocket("/", {
      open: (ws) => log.add(ws.remoteAddress),
    });
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/", { "X-Forwarded-For": "203.0.113.9" });
      await log.has("203.0.113.9");
      peer.leave();
    });
  });
});

describe("declarations", () => {
  test("wrong options are told", () => {
    const wrong: [object, string][] = [
      [{ mesage() {} }, '"mesage" is no option'],
      [{ message: 7 }, "message is a function"],
      [{ upgrade: {} }, "upgrade is a function"],
      [{ protocols: "chat" }, "protocols is a list"],
      [{ protocols: ["a b"] }, "protocols is a list"],
      [{ origins: ["*"] }, "origins"],
      [{ messageLimit: 0 }, "messageLimit"],
      [{ backlogLimit: 1 }, "backlogLimit"],
      [{ idleTimeoutMs: -1 }, "idleTimeoutMs"],
      [{ compression: "yes" }, "compression is true or false"],
      [{ compressionThreshold: -1 }, "compressionThreshold"],
      [7 as unknown as object, "options are an object"],
    ];
    for (const [options, text] of wrong) {
      expect(() => new Chopin().websocket("/", options)).toThrow(text);
    }
    expect(() => new Chopin().websocket("no-slash", {})).toThrow("a path starts with a slash");
    expect(() => websocket("no-slash", {})).toThrow("a path starts with a slash");
  });

  test("a duplicate is one of GET", async () => {
    const app = echo().get("/echo", "constant");
    await expect(app.serve({ port: 0 })).rejects.toThrow("GET /echo");
  });

  test("they are no operations of an API", async () => {
    const { openApiDocument } = await import("../../src/openapi/index.ts");
    const app = echo().get("/json", () => ({}));
    expect(Object.keys(openApiDocument(app).paths ?? {})).toEqual(["/json"]);
    expect(app.routes().map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /echo",
      "GET /json",
    ]);
  });

  bothWays("OPTIONS and 405 name what there is", echo, async (send) => {
    expect((await send("OPTIONS", "/echo")).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect((await send("PUT", "/echo")).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });
});
