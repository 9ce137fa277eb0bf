/** What is counted, over real sockets. */
import { describe, expect, test } from "bun:test";
import { Chopin, type ServeOptions } from "../../src/index.ts";
import { exchange, RawClient, withServer } from "../_setup.ts";
import { Reading } from "./_reading.ts";

function make(): Chopin {
  const app = new Chopin().metrics();
  app.get("/json", () => ({ hello: "world" }));
  app.get("/users/:id", async ({ params }) => {
    await Bun.sleep(5);
    return params;
  });
  app.get("/constant", "always");
  app.get("/stream", (ctx) =>
    ctx.stream(
      (async function* () {
        for (let at = 0; at < 3; at++) {
          await Bun.sleep(1);
          yield "piece";
        }
      })(),
    ),
  );
  app.post("/echo", (ctx) => ctx.text());
  app.get("/fails", () => {
    throw new Error("broken");
  });
  app.onError(() => undefined);
  return app;
}

/** Runs requests, then reads. */
async function counted(
  run: (server: { readonly url: string }) => Promise<unknown>,
  options: ServeOptions = {},
): Promise<Reading> {
  let reading: Reading | undefined;
  await withServer(
    make(),
    async (server) => {
      await run(server);
      reading = await Reading.of(server.url);
    },
    options,
  );
  return reading!;
}

const get = async (url: string) => (await fetch(url)).text();

describe("requests", () => {
  test("count by route and class of their answer", async () => {
    const reading = await counted(async ({ url }) => {
      for (let at = 0; at < 7; at++) await get(`${url}json`);
      await Promise.all([1, 2, 3].map((id) => get(`${url}users/${id}`)));
      for (const path of ["constant", "stream", "fails", "nowhere", "nowhere"]) {
        await get(url + path);
      }
      await fetch(`${url}echo`, { method: "POST", body: "x".repeat(100_000) });
      await fetch(`${url}json`, { method: "DELETE" });
    });
    const answers = (method: string, route: string, kind: string) =>
      reading.value("chopin_answers_total", { method, route, class: kind });
    expect(answers("GET", "/json", "2xx")).toBe(7);
    expect(answers("GET", "/users/:id", "2xx")).toBe(3);
    expect(answers("GET", "/constant", "2xx")).toBe(1);
    expect(answers("GET", "/stream", "2xx")).toBe(1);
    expect(answers("GET", "/fails", "5xx")).toBe(1);
    expect(answers("POST", "/echo", "2xx")).toBe(1);
    expect(answers("", "(none)", "4xx")).toBe(3);
    // The one that reads is not answered yet.
    expect(reading.value("chopin_requests_total")).toBe(18);
    expect(reading.value("chopin_batch_requests_sum")).toBe(18);
    expect(reading.value("chopin_received_bytes_total")).toBeGreaterThan(100_000);
    expect(reading.value("chopin_sent_bytes_total")).toBeGreaterThan(100_000);
    expect(reading.value("chopin_workers")).toBe(1);
  });

  test("have durations that include their waits", async () => {
    const reading = await counted(({ url }) =>
      Promise.all([1, 2, 3, 4].map((id) => get(`${url}users/${id}`))),
    );
    const labels = { method: "GET", route: "/users/:id" };
    const name = "chopin_request_duration_seconds";
    expect(reading.value(`${name}_count`, labels)).toBe(4);
    expect(reading.value(`${name}_bucket`, { ...labels, le: "+Inf" })).toBe(4);
    expect(reading.value(`${name}_bucket`, { ...labels, le: "0.0025" })).toBe(0);
    expect(reading.value(`${name}_sum`, labels)).toBeGreaterThan(4 * 0.004);
    const middle = reading.value("chopin_request_duration_quantile_seconds", {
      ...labels,
      share: "0.5",
    });
    expect(middle).toBeGreaterThan(0.004);
  });

  test("in a pipeline are batches, and all of them are answered", async () => {
    const reading = await counted(async (server) => {
      const request = "GET /json HTTP/1.1\r\nHost: a\r\n\r\n";
      const last = "GET /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      await exchange(server as never, request.repeat(15) + last);
    });
    const answers = { method: "GET", route: "/json", class: "2xx" };
    expect(reading.value("chopin_answers_total", answers)).toBe(16);
    // The reading itself is a batch of one.
    expect(reading.value("chopin_batch_requests_bucket", { le: "8.0" })).toBe(1);
    expect(reading.value("chopin_batch_requests_bucket", { le: "16.0" })).toBe(2);
  });

  test("whose clients leave are abandoned", async () => {
    const reading = await counted(async (server) => {
      const client = await RawClient.connect(server as never);
      client.send("GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n");
      while ((await Reading.of(server.url)).value("chopin_requests_pending") === 0) {
        await Bun.sleep(0);
      }
      client.close();
      while ((await Reading.of(server.url)).value("chopin_requests_pending") > 0) {
        await Bun.sleep(1);
      }
    });
    const answers = { method: "GET", route: "/users/:id", class: "2xx" };
    const answered = reading.value("chopin_answers_total", answers) || 0;
    // The answer may have overtaken the end of the connection.
    expect(reading.value("chopin_requests_abandoned_total") + answered).toBe(1);
  });
});

describe("what is refused", () => {
  test("counts by its kind", async () => {
    const reading = await counted(async (server) => {
      await exchange(server as never, "GET / HTTP/1.1\r\n\r\n");
      await exchange(server as never, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
      await exchange(server as never, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n");
      const chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      await exchange(server as never, `${chunked}zz\r\n`);
    });
    for (const kind of ["missing_host", "duplicate_host", "bad_method", "bad_chunk_size"]) {
      expect([kind, reading.value("chopin_parse_errors_total", { kind })]).toEqual([kind, 1]);
    }
    const answers = { method: "", route: "(none)", class: "4xx" };
    expect(reading.value("chopin_answers_total", answers)).toBe(4);
  });

  test("for time counts by what was awaited", async () => {
    const told: string[] = [];
    const reading = await counted(
      async (server) => {
        await exchange(server as never, "GET / HTTP/1.1\r\n");
        await exchange(
          server as never,
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        );
        await exchange(server as never, "");
      },
      {
        headTimeoutMs: 20,
        bodyTimeoutMs: 20,
        idleTimeoutMs: 20,
        onClosed: ({ reason }) => told.push(reason),
      },
    );
    const timeouts = (kind: string) => reading.value("chopin_timeouts_total", { kind });
    expect([timeouts("head"), timeouts("body"), timeouts("write")]).toEqual([1, 1, 0]);
    expect(timeouts("idle")).toBeGreaterThanOrEqual(1);
    // One mechanism, two readers.
    expect(told).toContain("head_timeout");
  });

  test("for its address is a refused connection", async () => {
    const reading = await counted(
      async (server) => {
        const first = await RawClient.connect(server as never);
        const second = await RawClient.connect(server as never);
        const closed = (client: RawClient) => client.closed;
        while (!closed(first) && !closed(second)) await Bun.sleep(1);
        first.close();
        second.close();
        await first.read();
        await second.read();
      },
      { connectionsPerAddress: 1, onClosed: () => {} },
    );
    const refused = reading.value("chopin_connections_refused_total", { reason: "address_full" });
    expect(refused).toBeGreaterThanOrEqual(1);
  });
});

test("connections are open until they are closed", async () => {
  await withServer(make(), async (server) => {
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(server)));
    const open = async () => (await Reading.of(server.url)).value("chopin_connections_open");
    while ((await open()) < 3) await Bun.sleep(1);
    for (const client of clients) client.close();
    while ((await open()) > 2) await Bun.sleep(1);
    const reading = await Reading.of(server.url);
    expect(reading.value("chopin_connections_accepted_total")).toBeGreaterThanOrEqual(4);
  });
});

test("what others do on the thread is lag", async () => {
  await withServer(make(), async (server) => {
    const lag = async () => {
      const reading = await Reading.of(server.url);
      return reading.value("chopin_event_loop_lag_seconds_sum");
    };
    const before = await lag();
    let done = false;
    const block = () => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      done = true;
    };
    // Turns follow a request for a moment, and this comes between two of them.
    do {
      await get(`${server.url}json`);
      setImmediate(block);
      await get(`${server.url}json`);
    } while (!done || (await lag()) - before < 0.015);
    expect(await lag()).toBeGreaterThan(before + 0.015);
  });
});

test("a program without metrics counts nothing, and has no route for it", async () => {
  await withServer(new Chopin().get("/", "x"), async ({ url }) => {
    expect((await fetch(`${url}metrics`)).status).toBe(404);
  });
});
