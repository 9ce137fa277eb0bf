/** Limits of connections, and what is told when they are met. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ClosedConnections, HTTPError, type ServeOptions } from "../../src/index.ts";
import { type Limit, limits } from "../../src/limits.ts";
import { libraryLayout } from "../../src/native/symbols.ts";
import { closingReasons } from "../../src/serve-options.ts";
import { RawClient, withServer } from "../_setup.ts";
import { get, makeApp, ok, withoutDate } from "../http/_cases.ts";

const root = join(import.meta.dir, "../..");
const ending = { connection: "close" } as const;

/** What was told while a server ran. */
async function told(
  options: ServeOptions,
  run: (server: Parameters<Parameters<typeof withServer>[1]>[0]) => Promise<void>,
): Promise<ClosedConnections[]> {
  const all: ClosedConnections[] = [];
  await withServer(makeApp(), run, { ...options, onClosed: (closed) => void all.push(closed) });
  return all;
}

describe("connections of one address", () => {
  test("further ones are closed, and there is room when some end", async () => {
    const closed = await told({ connectionsPerAddress: 2 }, async (server) => {
      const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(server)));
      const [first, second, third] = clients as [RawClient, RawClient, RawClient];
      for (const client of clients) client.send(get("/good"));
      for (const client of [first, second]) {
        expect(withoutDate(await client.read((text) => text.endsWith("good")))).toBe(ok("good"));
      }
      expect(await third.read()).toBe("");
      first.close();
      await first.read();
      let again = "";
      while (again === "") {
        const client = await RawClient.connect(server);
        client.send(get("/last", "Connection: close"));
        again = await client.read();
      }
      expect(withoutDate(again)).toBe(ok("last", ending));
    });
    expect(closed[0]).toEqual({
      reason: "address_full",
      count: 1,
      address: "127.0.0.1",
      message: "chopin: closed 1 connection: more than 2 from one address (last 127.0.0.1)",
    });
  });

  test("are any number over a unix socket", async () => {
    const unix = `/tmp/chopin-${process.pid}-address.sock`;
    const server = await makeApp().serve({ unix, connectionsPerAddress: 1 });
    const sockets = await Promise.all([1, 2, 3].map(() => ask(unix)));
    expect(sockets.map(withoutDate)).toEqual(sockets.map(() => ok("last", ending)));
    await server.stop();
  });

  async function ask(unix: string): Promise<string> {
    const ended = Promise.withResolvers<void>();
    let text = "";
    await Bun.connect({
      unix,
      socket: {
        open: (socket) => void socket.write(get("/last", "Connection: close")),
        data: (_, bytes) => {
          text += bytes.toString("latin1");
        },
        close: () => ended.resolve(),
      },
    });
    await ended.promise;
    return text;
  }
});

describe("requests of one connection", () => {
  test("the last one is answered with the end, and not told", async () => {
    const closed = await told({ requestsPerConnection: 2 }, async (server) => {
      const client = await RawClient.connect(server);
      client.send(get("/good"));
      await client.read((text) => text.endsWith("good"));
      client.send(get("/good") + get("/unseen"));
      expect(withoutDate(await client.read())).toBe(ok("good") + ok("good", ending));
    });
    expect(closed).toEqual([]);
  });
});

describe("what is told", () => {
  let warned: ReturnType<typeof spyOn<Console, "warn">>;
  let erred: ReturnType<typeof spyOn<Console, "error">>;
  beforeEach(() => {
    warned = spyOn(console, "warn").mockImplementation(() => {});
    erred = spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(() => {
    warned.mockRestore();
    erred.mockRestore();
  });

  test("one line for each reason, however many connections were closed", async () => {
    const count = 200;
    await withServer(
      makeApp(),
      async (server) => {
        const clients = await Promise.all(
          Array.from({ length: count }, () => RawClient.connect(server)),
        );
        for (const client of clients) client.send("GET /go");
        await Promise.all(clients.map((client) => client.read()));
      },
      { headTimeoutMs: 100 },
    );
    const lines = warned.mock.calls.map(([line]) => String(line));
    const said = /^chopin: closed (\d+) connections?: (.+) \(last 127\.0\.0\.1\)$/;
    const parts = lines.map((line) => said.exec(line));
    for (const part of parts) expect(part?.[2]).toBe("request head not complete after 0.1 s");
    const numbers = parts.map((part) => Number(part?.[1]));
    expect(numbers.reduce((sum, number) => sum + number, 0)).toBe(count);
    expect(lines.length).toBeLessThan(5);
  });

  test("nothing of quiet connections and of clients that leave", async () => {
    await withServer(
      makeApp(),
      async (server) => {
        const [quiet, leaving] = [await RawClient.connect(server), await RawClient.connect(server)];
        leaving.send("GET /go");
        leaving.close();
        await quiet.read();
      },
      { idleTimeoutMs: 100 },
    );
    expect(warned.mock.calls).toEqual([]);
  });

  test("a hook that throws stops nothing", async () => {
    const options = {
      headTimeoutMs: 100,
      onClosed: () => {
        throw new HTTPError(500);
      },
    };
    await withServer(
      makeApp(),
      async (server) => {
        const client = await RawClient.connect(server);
        client.send("GET /go");
        expect(await client.read()).toStartWith("HTTP/1.1 408 ");
        const next = await RawClient.connect(server);
        next.send(get("/last", "Connection: close"));
        expect(withoutDate(await next.read())).toBe(ok("last", ending));
      },
      options,
    );
    expect(erred).toHaveBeenCalled();
  });

  test("reasons are those of the library, in its order", () => {
    const source = readFileSync(join(root, "zig/closings.zig"), "utf8");
    const members = /enum\(u32\) \{(.*?)\n\};/s.exec(source)?.[1] ?? "";
    const names = [...members.matchAll(/^ {4}(\w+),$/gm)].map(([, name = ""]) => name);
    expect(names).toEqual([...closingReasons]);
  });
});

describe("docs/limits.md", () => {
  const page = readFileSync(join(root, "docs/limits.md"), "utf8");

  for (const [option, limit] of Object.entries<Limit>(limits)) {
    test(`has ${option} with its variable and default`, () => {
      const row = page.split("\n").find((line) => line.startsWith(`| \`${option}\` |`));
      const [, , variable, otherwise] = row?.split("|").map((cell) => cell.trim()) ?? [];
      expect(variable).toBe(limit.variable === undefined ? "" : `\`${limit.variable}\``);
      expect(otherwise?.split(/[ :]/)[0]).toBe(limit.otherwise.toLocaleString("en"));
    });
  }

  test("defaults are those of the library", () => {
    const { limits: native } = libraryLayout() as { limits: Record<string, number> };
    const pairs: Partial<Record<keyof typeof limits, string>> = {
      maxConnections: "slab_capacity_default",
      requestsPerConnection: "requests_per_connection_default",
      headLimit: "head_bytes_default",
      fieldsMax: "fields_default",
      bodyLimit: "body_bytes_default",
      pipelineMax: "pipeline_max",
      pendingMax: "pending_default",
      pendingLimit: "pending_bytes_default",
      outputBacklog: "output_backlog_default",
      headTimeoutMs: "head_timeout_ms_default",
      bodyTimeoutMs: "body_timeout_ms_default",
      bodyRateMin: "body_bytes_per_second_least",
      writeTimeoutMs: "write_timeout_ms_default",
      writeRateMin: "write_bytes_per_second_least",
      idleTimeoutMs: "idle_timeout_ms_default",
    };
    for (const [option, name] of Object.entries(pairs)) {
      const { otherwise } = limits[option as keyof typeof limits];
      expect([option, native[name]]).toEqual([option, otherwise]);
    }
  });
});
