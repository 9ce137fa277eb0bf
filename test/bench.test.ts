/** The bench itself: a generator or a check that is wrong would make every figure wrong. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { takeAnswer } from "../bench/harness/answer.ts";
import { barsOf } from "../bench/harness/bars.ts";
import { contentRequests } from "../bench/harness/content.ts";
import { arenaFiles } from "../bench/harness/files.ts";
import type { IdleSample } from "../bench/harness/idle.ts";
import type { Sample } from "../bench/harness/measure.ts";
import { type Result, writeResult } from "../bench/harness/result.ts";
import { seriesOf } from "../bench/harness/statistics.ts";
import { findZig } from "../bench/harness/tools.ts";
import { workloads } from "../bench/harness/workloads.ts";
import { mistakes, ratioOf, type WrongSample } from "../bench/harness/wrong.ts";
import { renderReport } from "../bench/report.ts";

function sample(peer: string, workload: string, us: number, more: Partial<Sample> = {}): Sample {
  return {
    workload,
    peer,
    round: 0,
    requests: 1000,
    seconds: 30,
    perSecond: 1000,
    failed: 0,
    missed: 0,
    userUs: us / 2,
    systemUs: us / 2,
    busy: 1,
    disturbed: 0,
    residentBytes: 1 << 20,
    latency: null,
    ...more,
  };
}

function result(samples: Sample[], idles?: IdleSample[]): Result {
  return {
    format: 1,
    startedAt: "2026-01-01T00:00:00.000Z",
    machine: { processor: "one", cores: 2, kernel: "6" },
    settings: { rounds: 1, seconds: 30, warmUpSeconds: 0, rate: 0 },
    peers: ["chopin", "nginx"].map((name) => {
      return { name, title: name, version: "1", answerBytes: {} };
    }),
    skipped: [],
    samples,
    starts: [],
    ...(idles === undefined ? {} : { idles }),
  };
}

const idle = (peer: string, fullBytes: number): IdleSample => {
  return { peer, round: 0, connections: 100, emptyBytes: 1000, fullBytes };
};

describe("load generators in Zig", () => {
  test.each(["load.zig", "idle.zig"])(
    "%s passes its tests",
    async (name) => {
      const zig = findZig();
      if (zig === undefined) throw new Error("the Zig compiler is not installed");
      const folder = join(import.meta.dir, "..", "bench", "load");
      const child = Bun.spawn([zig, "test", join(folder, name)], { stderr: "pipe" });
      const said = await new Response(child.stderr).text();
      expect({ code: await child.exited, end: said.slice(-400) }).toMatchObject({ code: 0 });
    },
    180_000,
  );
});

describe("the client of the checks", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const whole = `${head}5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nA: b\r\n\r\nnext`;

  test("reads chunks, and leaves what follows", () => {
    const taken = takeAnswer(Buffer.from(whole));
    expect(taken?.answer.body.toString()).toBe("hello0123456789");
    expect(taken?.rest.toString()).toBe("next");
  });

  test("waits for the rest of an answer cut at any byte", () => {
    for (let length = 0; length < whole.length - 4; length++) {
      expect(takeAnswer(Buffer.from(whole.slice(0, length)))).toBeUndefined();
    }
  });

  test.each([
    ["no length", "HTTP/1.1 200 OK\r\n\r\n"],
    ["two lengths", `${head.slice(0, -2)}Content-Length: 5\r\n\r\nhello`],
    ["a chunk without a size", `${head}x\r\n`],
    ["a chunk that is longer than it says", `${head}1\r\nabc\r\n`],
  ])("refuses %s", (_title, text) => {
    expect(() => takeAnswer(Buffer.from(text))).toThrow();
  });
});

describe("workloads", () => {
  test("have names of their own", () => {
    const names = workloads.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test("of files are HttpArena's 20 of 3 to 300 KiB", () => {
    const sizes = arenaFiles.map(({ bytes }) => bytes / 1024);
    expect([sizes.length, Math.min(...sizes), Math.max(...sizes)]).toEqual([20, 3, 300]);
    expect(contentRequests.static).toHaveLength(20);
  });
});

describe("wrong requests", () => {
  test("have names of their own, and differ from the right one", () => {
    const names = mistakes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { right, wrong } of mistakes) expect(wrong.request).not.toEqual(right.request);
  });

  test("cost what all windows together say, and the median round beside it", () => {
    const samples = [2, 4, 9].map((userUs, round): WrongSample => {
      const right = { requests: 300, userUs: 2, systemUs: 1 };
      const wrong = { requests: round === 0 ? 200 : 100, userUs, systemUs: 1 };
      return { peer: "chopin", mistake: "one", round, right, wrong };
    });
    expect(ratioOf(samples)).toEqual({ pooled: 2.125, median: 2 });
  });
});

describe("figures", () => {
  test("CPU time by MiB follows from the bytes of bodies", () => {
    const samples = [sample("chopin", "static-1m", 100, { bodyBytes: 512 * 1024 })];
    expect(seriesOf(samples, "static-1m", "chopin")?.mebibyteUs).toBe(200);
    const uncounted = [sample("chopin", "json", 100)];
    expect(seriesOf(uncounted, "json", "chopin")?.mebibyteUs).toBeUndefined();
  });

  test("bars compare files with nginx, and idle connections above an empty server", () => {
    const samples = [sample("chopin", "static-3k", 9), sample("nginx", "static-3k", 10)];
    const idles = [idle("chopin", 11_000), idle("nginx", 21_000)];
    const measured = barsOf(result(samples, idles)).filter((bar) => bar.measured !== undefined);
    expect(measured.map((bar) => bar.measured?.middle)).toEqual([0.9, 0.5]);
  });

  test("a result from before idle connections were measured can be shown", () => {
    const page = renderReport(result([sample("chopin", "json", 10)]));
    expect(page).toContain("GET /json");
    expect(page).not.toContain("Idle connections");
  });

  test("a result can be read again", () => {
    const all = result([sample("chopin", "json", 10)], [idle("chopin", 2000)]);
    expect(JSON.parse(writeResult(all))).toEqual(all);
  });
});
