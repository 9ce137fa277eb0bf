/** Server-sent events: the text of one, and streams of them from producers of every form. */
import { describe, expect, test } from "bun:test";
import {
  type EventProducer,
  type EventStream,
  encodeEvent,
  eventSource,
  lastEventIdOf,
  type ServerEvent,
} from "../src/events.ts";
import { ChopinError } from "../src/index.ts";

const still = { heartbeatMs: 0 };
const drain = (producer: EventProducer) => Array.fromAsync(eventSource(producer, still));
/** Everything that can run without waiting for something from outside has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof ChopinError ? error.code : String(error);
  }
  return "none";
}

/** A promise that a test settles itself. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

describe("one event", () => {
  const cases: readonly (readonly [ServerEvent | string, string])[] = [
    ["hello", "data: hello\n\n"],
    ["", "data: \n\n"],
    [{ data: "a\nb\r\nc\rd\n" }, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"],
    [{ data: " a" }, "data:  a\n\n"],
    [{ data: { a: ["ä\n"] } }, 'data: {"a":["ä\\n"]}\n\n'],
    [{ data: null }, "data: null\n\n"],
    [{ data: 7 }, "data: 7\n\n"],
    [{ data: "x", event: "tick", id: "1", retry: 0 }, "event: tick\nid: 1\nretry: 0\ndata: x\n\n"],
    [{ event: "ping" }, "event: ping\ndata: \n\n"],
    [{ id: "" }, "id: \n\n"],
    [{ retry: 3000 }, "retry: 3000\n\n"],
    [{ comment: "a\nb" }, ": a\n: b\n\n"],
    [{ data: "event: x\n\ndata: y" }, "data: event: x\ndata: \ndata: data: y\n\n"],
    [{}, "\n"],
  ];
  for (const [event, text] of cases) {
    test(JSON.stringify(event), () => expect(encodeEvent(event)).toBe(text));
  }

  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  const wrong: readonly unknown[] = [
    { event: "a\nb" },
    { event: "a\r" },
    { event: "a\0" },
    { event: 1 },
    { id: "a\nid: b" },
    { id: "a\0" },
    { retry: 1.5 },
    { retry: -1 },
    { retry: "1" },
    { comment: 1 },
    { data: () => 1 },
    { data: loop },
    { data: 1n },
    { dta: 1 },
    null,
    7,
  ];
  for (const [index, event] of wrong.entries()) {
    test(`refused: ${index}`, () => {
      expect(code(() => encodeEvent(event as ServerEvent))).toBe("invalid_event");
    });
  }
});

describe("producers", () => {
  async function* three() {
    yield "one";
    yield { data: 2, id: "2" };
    yield { comment: "three" };
  }
  const expected = ["data: one\n\n", "id: 2\ndata: 2\n\n", ": three\n\n"];

  test("an async iterable", async () => expect(await drain(three())).toEqual(expected));
  test("a generator function", async () => expect(await drain(three)).toEqual(expected));

  test("a stream", async () => {
    const stream = new ReadableStream<string>({
      start(controller) {
        controller.enqueue("a");
        controller.close();
      },
    });
    expect(await drain(stream)).toEqual(["data: a\n\n"]);
  });

  test("a function that returns a promise ends the stream with it", async () => {
    const taken: boolean[] = [];
    const pieces = await drain(async (stream) => {
      taken.push(await stream.send("one"), await stream.send({ data: "two" }));
    });
    expect([pieces.join(""), taken]).toEqual(["data: one\n\ndata: two\n\n", [true, true]]);
  });

  test("a function that returns nothing ends it with close", async () => {
    let stream!: EventStream;
    const pieces = eventSource((given) => {
      stream = given;
    }, still);
    const first = pieces.next();
    await settled();
    void stream.send("one");
    void stream.send("two");
    expect((await first).value).toBe("data: one\n\ndata: two\n\n");
    void stream.send("three");
    stream.close();
    stream.close();
    expect(await stream.send("four")).toBe(false);
    expect(await Array.fromAsync(pieces)).toEqual(["data: three\n\n"]);
    expect(stream.signal.aborted).toBe(false);
  });

  test("nothing runs before the first piece is asked for", async () => {
    let ran = 0;
    const pieces = eventSource(() => {
      ran += 1;
    }, still);
    await settled();
    expect(ran).toBe(0);
    await pieces.return!();
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect(ran).toBe(0);
  });

  test("errors come out behind what was sent", async () => {
    async function* failing() {
      yield "one";
      throw new TypeError("broken");
    }
    for (const producer of [
      failing,
      async (stream: EventStream) => {
        void stream.send("one");
        await null;
        throw new TypeError("broken");
      },
    ]) {
      const pieces = eventSource(producer, still);
      expect((await pieces.next()).value).toBe("data: one\n\n");
      expect(await pieces.next().catch(String)).toBe("TypeError: broken");
      expect((await pieces.next().catch(String)) as string).toBe("TypeError: broken");
    }
    const now = eventSource(() => {
      throw new TypeError("at once");
    }, still);
    expect(await now.next().catch(String)).toBe("TypeError: at once");
    const wrong = eventSource(async function* () {
      yield { event: "\n" };
    }, still);
    const error = await wrong.next().catch((reason: unknown) => reason);
    expect((error as ChopinError).code).toBe("invalid_event");
  });

  test("lastEventId is UTF-8", async () => {
    const field = Buffer.from("ä€").toString("latin1");
    const id = lastEventIdOf(field);
    const pieces = eventSource(
      async function* (stream) {
        yield stream.lastEventId ?? "none";
      },
      still,
      undefined,
      id,
    );
    expect((await pieces.next()).value).toBe("data: ä€\n\n");
    expect(lastEventIdOf(undefined)).toBe(undefined);
  });
});

describe("backpressure", () => {
  test("send resolves when the event is taken, and the generator goes on then", async () => {
    const log: string[] = [];
    const pieces = eventSource(async function* () {
      for (let at = 0; at < 3; at++) {
        log.push(`made ${at}`);
        yield String(at);
      }
    }, still);
    await pieces.next();
    await settled();
    expect(log).toEqual(["made 0", "made 1"]);
    await pieces.next();
    await settled();
    expect(log).toEqual(["made 0", "made 1", "made 2"]);
  });

  test("a producer that does not wait is cut off at its backlog", async () => {
    const results: Promise<boolean>[] = [];
    let signal!: AbortSignal;
    const pieces = eventSource(
      (stream) => {
        signal = stream.signal;
        for (let at = 0; at < 100; at++) results.push(stream.send("x".repeat(92)));
      },
      { ...still, backlogBytesMax: 1000 },
    );
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect((await Promise.all(results)).some(Boolean)).toBe(false);
    expect(signal.aborted).toBe(true);
  });

  test("one event may be larger than the backlog", async () => {
    const pieces = eventSource(
      async function* () {
        yield "x".repeat(100);
      },
      { ...still, backlogBytesMax: 10 },
    );
    expect((await pieces.next()).value?.length).toBe("data: \n\n".length + 100);
  });
});

describe("heartbeats", () => {
  test("are sent while nothing else is, and events come at once in between", async () => {
    const { opened, open } = gate();
    const pieces = eventSource(
      async function* () {
        await opened;
        yield "event";
        await Promise.withResolvers<void>().promise;
      },
      { heartbeatMs: 1 },
    );
    expect((await pieces.next()).value).toBe(":\n\n");
    expect((await pieces.next()).value).toBe(":\n\n");
    open();
    let text = "";
    while (text === "" || text === ":\n\n") text = (await pieces.next()).value ?? "";
    expect(text).toBe("data: event\n\n");
    expect((await pieces.next()).value).toBe(":\n\n");
    await pieces.return!();
  });
});

describe("a client that leaves", () => {
  test("ends a generator between its events", async () => {
    const { opened, open } = gate();
    const pieces = eventSource(async function* () {
      try {
        yield "one";
        yield "two";
      } finally {
        open();
      }
    }, still);
    await pieces.next();
    await settled();
    await pieces.return!();
    await opened;
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
  });

  test("ends a generator that has not begun, and cancels a stream that waits", async () => {
    const { opened, open } = gate();
    const waiting = new ReadableStream<string>({ cancel: () => open() });
    const pieces = eventSource(waiting, still);
    const next = pieces.next();
    await settled();
    await pieces.return!();
    await opened;
    expect((await next).done).toBe(true);
    const unread = gate();
    await eventSource(new ReadableStream<string>({ cancel: unread.open }), still).return!();
    await unread.opened;
  });

  for (const how of ["return", "the request's signal"]) {
    test(`aborts the producer's signal: ${how}`, async () => {
      const request = new AbortController();
      const aborted = gate();
      let stream!: EventStream;
      const pieces = eventSource(
        (given) => {
          stream = given;
          given.signal.addEventListener("abort", aborted.open);
        },
        still,
        request.signal,
      );
      const next = pieces.next();
      await settled();
      const unsent = stream.send("one");
      expect(await unsent).toBe(true);
      await next;
      const late = stream.send("two");
      if (how === "return") await pieces.return!();
      else request.abort();
      await aborted.opened;
      expect([await late, await stream.send("three")]).toEqual([false, false]);
      expect((await pieces.next()).done).toBe(true);
    });
  }

  test("has left before anything began", async () => {
    let ran = false;
    const pieces = eventSource(
      () => {
        ran = true;
      },
      still,
      AbortSignal.abort(),
    );
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect(ran).toBe(false);
  });
});

test("wrong options", () => {
  const producer = async function* () {};
  for (const options of [
    { heartbeatMs: -1 },
    { heartbeatMs: 0.5 },
    { heartbeatMs: 2 ** 31 },
    { backlogBytesMax: 0 },
    { heartbeat: 1 },
  ]) {
    expect(code(() => eventSource(producer, options as object))).toBe("invalid_option");
  }
  expect(code(() => eventSource([] as never))).toBe("invalid_option");
  expect(code(() => eventSource(undefined as never))).toBe("invalid_option");
});
