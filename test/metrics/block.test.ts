/** One block for several processes: sums, ends, other routes, and blocks that are none. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MetricsBlock, metricsLayout } from "../../src/native/metrics.ts";

const program = join(import.meta.dir, "_counter.ts");

/** A process that counts, once it has done so. */
async function counting(block: MetricsBlock, requests: number, routes: string) {
  const section = block.claim()!;
  const child = Bun.spawn([process.execPath, program, String(section), String(requests), routes], {
    stdio: ["pipe", "pipe", "inherit", block.fd],
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const { seen } = JSON.parse(new TextDecoder().decode(value)) as { seen: number };
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { section, seen, kill };
}

describe("a shared block", () => {
  test("adds up processes, each sees all, and none is lost when one is killed", async () => {
    const block = MetricsBlock.create(4, 2, true);
    const first = await counting(block, 5, "old,both");
    expect(first.seen).toBe(5);
    const second = await counting(block, 7, "both,new");
    expect(second.seen).toBe(12);
    const answersOf = (route: string) =>
      block
        .read()
        .routes()
        .find((one) => one.route === route)?.answers[1];
    const sums = () => [
      block.read().counter("requests"),
      block.read().lag().count > 0,
      answersOf("/old"),
      answersOf("/both"),
    ];
    expect(block.read().gauge("workers")).toBe(2);
    const before = sums();
    expect(before).toEqual([12, true, 5, 7]);
    await first.kill();
    block.fold(first.section);
    expect(sums()).toEqual(before);
    expect(block.read().gauge("workers")).toBe(1);
    const third = await counting(block, 1, "new,both");
    expect(third.section).toBe(first.section);
    expect(third.seen).toBe(13);
    await Promise.all([second.kill(), third.kill()]);
    block.close();
  });

  test("has a section for each claim", () => {
    const block = MetricsBlock.create(2, 0, false);
    expect([block.claim(), block.claim(), block.claim()]).toEqual([0, 1, undefined]);
    block.fold(0);
    expect(block.claim()).toBe(0);
    block.close();
  });
});

test("a descriptor of something else is refused", () => {
  expect(() => MetricsBlock.attach(0)).toThrow("Descriptor 0");
});

describe("the layout", () => {
  const { gauges, counters, rejections, closings, classes, histogram } = metricsLayout;

  test("has every name that is told", async () => {
    const source = await Bun.file(join(import.meta.dir, "../../src/metrics/families.ts")).text();
    const named = (kind: string) =>
      [...source.matchAll(new RegExp(`\\.${kind}\\("(\\w+)"\\)`, "g"))].map(([, name]) => name);
    expect(gauges.names).toEqual(expect.arrayContaining(named("gauge")));
    expect(counters.names).toEqual(expect.arrayContaining(named("counter")));
    for (const name of [...gauges.names, ...counters.names]) expect(source).toContain(`"${name}"`);
    for (const reason of closings.names) {
      expect(source).toContain(`"${reason.replace(/_timeout$/, "")}"`);
    }
    expect(rejections.names.length).toBeGreaterThan(30);
    expect(classes.names).toHaveLength(5);
  });

  test("has buckets that are no wider than 3.2 % of what they count", () => {
    const starts = metricsLayout.bucketStarts;
    expect(starts).toHaveLength(histogram.count + 1);
    for (let at = 0; at < histogram.count; at++) {
      const [start, end] = [starts[at]!, starts[at + 1]!];
      expect(end).toBeGreaterThan(start);
      if (start >= 1024) expect((end - start) / start).toBeLessThan(0.032);
    }
  });
});
