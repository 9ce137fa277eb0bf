/** Reads the reports that the test runners write for machines. `test.ts` adds them up. */

/** Results of one suite. */
export interface Tally {
  readonly passed: number;
  readonly skipped: number;
  /** A line for each failure. */
  readonly failures: readonly string[];
  /** Every test that has a result. */
  readonly names: readonly string[];
}

interface Result {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly reason: string;
}

/**
 * A corpus of requests lies beside a checkout and may be absent; so may a tool of the system that a
 * test names as needed. Nothing else may be skipped.
 */
const mayBeSkipped = /\bcorp(us|ora)\b|\(needs [^)]+\)/i;

/**
 * One JSON object per line, as `zig/test_runner.zig` writes them. A report without totals is of a
 * run that crashed: its tests without a line count as one failure.
 */
export function readZigReport(report: string): Tally {
  const lines: Record<string, unknown>[] = [];
  for (const line of report.split("\n")) {
    if (line !== "") lines.push(JSON.parse(line));
  }
  const results = lines
    .filter((line) => typeof line.name === "string")
    .map(({ name, result, reason }) => ({ name, outcome: result, reason }) as Result);
  const tally = add(results);
  const complete = lines.at(-1)?.passed !== undefined;
  if (complete) return tally;
  const total = Number(lines[0]?.tests ?? 0);
  const crash = `crashed in test ${results.length + 1} of ${total}, after ${results.at(-1)?.name}`;
  return { ...tally, failures: [...tally.failures, crash] };
}

/** The JUnit XML of `bun test`. */
export function readJunit(report: string): Tally {
  const results: Result[] = [];
  for (const match of report.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const attributes = match[1] ?? "";
    const content = match[2] ?? "";
    const group = attribute(attributes, "classname");
    const name = [attribute(attributes, "file"), group, attribute(attributes, "name")]
      .filter((part) => part !== "")
      .join(" > ");
    const failed = /<(failure|error)\b/.test(content);
    const skipped = content.includes("<skipped");
    results.push({
      name,
      outcome: failed ? "failed" : skipped ? "skipped" : "passed",
      reason: failed ? (attribute(content, "message").split("\n")[0] ?? "") : "",
    });
  }
  return add(results);
}

function add(results: readonly Result[]): Tally {
  let passed = 0;
  let skipped = 0;
  const failures: string[] = [];
  for (const { name, outcome, reason } of results) {
    if (outcome === "passed") passed += 1;
    else if (outcome === "failed") failures.push(`${name}: ${reason}`);
    else if (mayBeSkipped.test(name)) skipped += 1;
    else failures.push(`${name}: skipped, and it names neither a corpus nor a tool that it needs`);
  }
  return { passed, skipped, failures, names: results.map(({ name }) => name) };
}

function attribute(xml: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(xml)?.[1] ?? "";
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&#10;", "\n")
    .replaceAll("&amp;", "&");
}
