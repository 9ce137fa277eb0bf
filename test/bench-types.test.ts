/** The bench of types: what it types, what it takes for an answer, and what it makes of samples. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { holds, typesBars } from "../bench/types/bars.ts";
import { type Compiler, nativeCompiler } from "../bench/types/compilers.ts";
import { complete } from "../bench/types/complete.ts";
import { Document } from "../bench/types/document.ts";
import { startLsp } from "../bench/types/lsp.ts";
import { faultOf, probesOf } from "../bench/types/probes.ts";
import { type Framework, generatedRoutes, programOf } from "../bench/types/programs.ts";
import { type CompletionSample, writeTypesResult } from "../bench/types/samples.ts";
import { startTsserver } from "../bench/types/tsserver.ts";
import { frameworks, type Workspace, writeWorkspace } from "../bench/types/workspace.ts";

describe("a document", () => {
  const text = "const a = 1;\nconst é = '😀'; a\n";

  test("tells where an offset is by line and UTF-16 unit", () => {
    const document = new Document("/a.ts", text);
    expect(document.placeOf(0)).toEqual({ line: 0, column: 0 });
    expect(document.placeOf(12)).toEqual({ line: 0, column: 12 });
    expect(document.placeOf(13)).toEqual({ line: 1, column: 0 });
    expect(document.placeOf(document.last("a"))).toEqual({ line: 1, column: 16 });
    expect(document.placeOf(text.length)).toEqual({ line: 2, column: 0 });
  });

  test("tells the places of an edit as they were before it", () => {
    const document = new Document("/a.ts", text);
    const edit = document.replace(6, 7, "b\n");
    expect(edit).toEqual({
      start: { line: 0, column: 6 },
      end: { line: 1, column: 0 },
      text: "b\n",
    });
    expect([document.text.slice(0, 10), document.version]).toEqual(["const b\nco", 2]);
    document.replace(6, 2, "a = 1;\n");
    expect([document.text, document.version]).toEqual([text, 3]);
  });

  test("refuses to look for what it does not hold", () => {
    expect(() => new Document("/a.ts", text).last("none")).toThrow("does not hold none");
  });
});

describe("probes", () => {
  test.each([...frameworks])("of %s find their places in and about the last route", (framework) => {
    const program = programOf(framework, 102);
    const { params, body, path, answer } = probesOf(framework, 102);
    for (const { file, text } of [params, body]) {
      const document = new Document(file, program[file] ?? "");
      expect(document.last(text)).toBeGreaterThan(document.last("/m2/items1/:id"));
    }
    const client = new Document(path.file, program[path.file] ?? "");
    expect(client.last(answer.text)).toBeGreaterThan(client.last(path.text));
  });

  test("of the client expect every path that may be completed, and no other", () => {
    const { path } = probesOf("chopin", 102);
    expect(path.offered).toHaveLength(51);
    expect(path.offered).toContain("/m2/items1/:id");
    expect(probesOf("elysia", 102).path.offered).toEqual(["items0", "items1"]);
  });

  test("need a last route with a body", () => {
    expect(() => probesOf("chopin", 101)).toThrow("even number");
    expect(generatedRoutes(101).at(-1)?.posts).toBe(false);
  });

  test("take an offer for right only when it is complete, with nothing else", () => {
    const { body } = probesOf("chopin", 2);
    expect(faultOf(body, ["tags", "age", "name"])).toBeUndefined();
    expect(faultOf(body, ["tags", "age"])).toContain("missing 1 (name)");
    expect(faultOf(body, [])).toContain("missing 3");
    expect(faultOf(body, ["tags", "age", "name", "toString"])).toContain("expected 1 (toString)");
    expect(faultOf({ ...body, besides: ["a"] }, ["tags", "age", "name", "a"])).toBeUndefined();
  });
});

function sample(framework: Framework, round: number, ms: number): CompletionSample {
  const warmMs = { params: [ms, ms, ms * 9], body: [ms], path: [ms], answer: [ms] };
  const times = { readMs: 1000, coldMs: 1000 + ms, clientMs: ms, hoverMs: [ms], errorsMs: [ms] };
  return { compiler: "native", framework, round, peakBytes: 1, warmMs, ...times };
}

const run = {
  format: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  machine: { processor: "one", cores: 2, kernel: "6" },
  routes: 2,
  rounds: 2,
  titles: { native: "TypeScript 7" },
} as const;

describe("figures", () => {
  const completions = [
    ...[sample("chopin", 0, 100), sample("chopin", 1, 20)],
    ...[sample("elysia", 1, 100), sample("elysia", 0, 1000)],
  ];

  test("bars are medians of edits, and compare within one round", () => {
    const bars = typesBars({ ...run, completions, compiles: [] });
    expect(bars).toHaveLength(6);
    expect(bars[0]).toMatchObject({ limit: 500, unit: "ms", measured: { middle: 60, high: 100 } });
    expect(bars[1]?.measured.middle).toBeCloseTo((0.1 + 0.2) / 2);
    expect(bars[4]?.measured.middle).toBe(60);
    expect(bars.every(holds)).toBe(true);
  });

  test("a bar fails above its limit", () => {
    const slow = [...completions, sample("chopin", 2, 5000), sample("chopin", 3, 5000)];
    const bars = typesBars({ ...run, completions: slow, compiles: [] });
    expect(bars.map(holds)).toEqual([false, true, false, true, false, true]);
  });

  test("a result can be read again, to hundredths", () => {
    const all = { ...run, completions: [sample("chopin", 0, 1 / 3)], compiles: [] };
    const read = JSON.parse(writeTypesResult(all));
    expect(read.completions[0].warmMs.body).toEqual([0.33]);
    expect({ ...read, completions: [] }).toEqual({ ...run, completions: [], compiles: [] });
  });
});

describe("language servers", () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await writeWorkspace(2, ["chopin"]);
  }, 60_000);
  afterAll(() => workspace.remove());

  const measure = (compiler: Compiler) => complete(workspace, compiler, "chopin", 0);

  test("that of the repository's own TypeScript answers everything that is asked", async () => {
    const { warmMs, ...rest } = await measure(nativeCompiler());
    expect(
      Object.values(warmMs)
        .flat()
        .every((ms) => ms > 0),
    ).toBe(true);
    expect(warmMs.params).toHaveLength(10);
    expect(rest.coldMs).toBeGreaterThan(rest.readMs);
    expect(rest.peakBytes).toBeGreaterThan(10 << 20);
  }, 60_000);

  const dying = [process.execPath, "-e", "console.error('no memory'); process.exit(3)"];
  test.each([
    ["LSP", startLsp],
    ["tsserver", startTsserver],
  ])("one that ends is an error with what it said, by %s", async (_, start) => {
    const serve = () => start(dying, workspace.folderOf("chopin"));
    const attempt = measure({ ...nativeCompiler(), serve });
    await expect(attempt).rejects.toThrow(/ended with 3\nno memory/);
  });
});
