/** The reports that `bun run test` adds up: a wrong sum would hide every other failure. */
import { describe, expect, test } from "bun:test";
import { readJunit, readZigReport } from "../scripts/reports.ts";

function zigReport(...lines: object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

const good = { name: "slab.test.take", result: "passed", reason: "", duration_ns: 12 };
const bad = { name: "slab.test.give", result: "failed", reason: "TestUnexpectedResult" };
const totals = { passed: 1, failed: 1, skipped: 0 };

describe("the Zig report", () => {
  test("counts what passed and names what failed", () => {
    const report = zigReport({ tests: 2, seed: 7 }, good, bad, totals);
    expect(readZigReport(report)).toEqual({
      passed: 1,
      skipped: 0,
      failures: ["slab.test.give: TestUnexpectedResult"],
      names: ["slab.test.take", "slab.test.give"],
    });
  });

  test("without totals is of a crash", () => {
    const { failures } = readZigReport(zigReport({ tests: 5, seed: 7 }, good));
    expect(failures).toEqual(["crashed in test 2 of 5, after slab.test.take"]);
  });

  test("may skip tests of a corpus or of a tool that they name, and no other", () => {
    const corpus = { name: "http.parser.test.llhttp corpus", result: "skipped", reason: "" };
    const other = { name: "slab.test.take", result: "skipped", reason: "" };
    const { skipped, failures } = readZigReport(zigReport({ tests: 2 }, corpus, other, totals));
    expect(skipped).toBe(1);
    expect(failures).toEqual([
      "slab.test.take: skipped, and it names neither a corpus nor a tool that it needs",
    ]);
  });
});

describe("the report of bun test", () => {
  test("counts what passed and names what failed", () => {
    const report = `<testsuites tests="3" failures="1"><testsuite name="test/a.test.ts">
      <testcase name="adds" classname="sum" time="0.1" file="test/a.test.ts" line="2" />
      <testcase name="&quot;a&quot; &lt; b" classname="" file="test/a.test.ts" line="3">
        <failure type="AssertionError" message="expected 1&#10;got 2">trace</failure>
      </testcase>
      <testcase name="later" classname="" file="test/a.test.ts"><skipped /></testcase>
    </testsuite></testsuites>`;
    expect(readJunit(report)).toEqual({
      passed: 1,
      skipped: 0,
      failures: [
        'test/a.test.ts > "a" < b: expected 1',
        "test/a.test.ts > later: skipped, and it names neither a corpus nor a tool that it needs",
      ],
      names: ["test/a.test.ts > sum > adds", 'test/a.test.ts > "a" < b', "test/a.test.ts > later"],
    });
  });
});
