/**
 * Answers beyond what the shared memory holds at one time: nothing may be lost, cut or mixed up.
 */
import { describe, expect, spyOn, test } from "bun:test";
import { Chopin, type Server } from "../src/index.ts";
import { RawClient, withServer } from "./_setup.ts";

const connections = 16;
const pipelined = 64;

/** Asks for `/kind/number` many times at once; the bodies that came, by connection and in order. */
async function flood(server: Server, kind: string): Promise<string[][]> {
  const clients = await Promise.all(
    Array.from({ length: connections }, () => RawClient.connect(server)),
  );
  for (const [at, client] of clients.entries()) {
    let text = "";
    for (let nth = 0; nth < pipelined; nth++) {
      const last = nth === pipelined - 1 ? "Connection: close\r\n" : "";
      text += `GET /${kind}/${at * pipelined + nth} HTTP/1.1\r\nHost: h\r\n${last}\r\n`;
    }
    client.send(text);
  }
  return Promise.all(clients.map(async (client) => bodiesOf(await client.read())));
}

function bodiesOf(text: string): string[] {
  const bodies: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n\r\n", at) + 4;
    const head = text.slice(at, end);
    expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
    const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(head)?.[1]);
    const body = text.slice(end, end + length);
    const field = /\r\nX-Large: ([^\r]*)\r\n/.exec(head)?.[1];
    bodies.push(field === undefined ? body : `${body} ${field.length}`);
    at = end + length;
  }
  return bodies;
}

const numbers = Array.from({ length: connections }, (_, at) =>
  Array.from({ length: pipelined }, (_, nth) => at * pipelined + nth),
);

const large = (id: string): string => id.padEnd(20_000, id);

describe("a flood of requests", () => {
  const app = new Chopin();
  const waiting: (() => void)[] = [];
  app.get("/small/:id", ({ params }) => params.id);
  app.get("/large/:id", ({ params }) => large(params.id));
  app.get("/bytes/:id", ({ params }) => Buffer.from(large(params.id)));
  app.get("/fields/:id", (ctx) => ctx.header("X-Large", "f".repeat(15_000)).text(ctx.params.id));
  app.get("/late/:id", async ({ params }) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === connections * pipelined) for (const release of waiting) release();
    });
    return large(params.id);
  });
  app.get("/late-fields/:id", async (ctx) => {
    await Bun.sleep(1);
    return ctx.header("X-Large", "f".repeat(15_000)).text(ctx.params.id);
  });
  app.get("/mixed/:id", ({ params }) =>
    Number(params.id) % 3 === 0 ? Bun.sleep(1).then(() => params.id) : params.id,
  );

  for (const [kind, body] of Object.entries<(id: string) => string>({
    small: (id) => id,
    large,
    bytes: large,
    fields: (id) => `${id} 15000`,
    late: large,
    "late-fields": (id) => `${id} 15000`,
    mixed: (id) => id,
  })) {
    test(`${kind} answers`, () =>
      withServer(app, async (server) => {
        const bodies = await flood(server, kind);
        expect(bodies).toEqual(numbers.map((ids) => ids.map((id) => body(String(id)))));
      }));
  }
});

test("fields beyond every limit are an error of their own request", () => {
  const quiet = spyOn(console, "error").mockImplementation(() => {});
  const app = new Chopin();
  app.get("/huge", (ctx) => {
    for (let at = 0; at < 10; at++) ctx.header(`X-${at}`, "f".repeat(10_000));
    return "never";
  });
  app.get("/fine", () => "fine");
  return withServer(app, async (server) => {
    const [huge, fine] = await Promise.all(
      ["huge", "fine"].map((path) => fetch(server.url + path)),
    );
    expect(huge?.status).toBe(500);
    expect(await fine?.text()).toBe("fine");
    quiet.mockRestore();
  });
});

test("a handler whose client left goes on and harms nobody", () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const done = Promise.withResolvers<string>();
  const app = new Chopin();
  app.post("/leave", async (ctx) => {
    started.resolve();
    await release.promise;
    done.resolve(ctx.text());
    return large("x").repeat(10);
  });
  app.get("/stay", () => "still here");
  return withServer(app, async (server) => {
    const client = await RawClient.connect(server);
    client.send("POST /leave HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    await started.promise;
    client.close();
    await client.read();
    release.resolve();
    expect(await done.promise).toBe("body");
    for (let at = 0; at < 3; at++) {
      expect(await (await fetch(`${server.url}stay`)).text()).toBe("still here");
    }
  });
});

test("a handler may run the event loop of another program", () => {
  const app = new Chopin();
  app.get("/spawn", () => Bun.spawnSync([process.execPath, "--version"]).stdout.toString().trim());
  app.get("/late", async () => {
    await Bun.sleep(0);
    return "late";
  });
  return withServer(app, async (server) => {
    const paths = ["late", "spawn", "late", "spawn"];
    const texts = await Promise.all(
      paths.map(async (path) => (await fetch(server.url + path)).text()),
    );
    expect(texts).toEqual(["late", Bun.version, "late", Bun.version]);
  });
});
