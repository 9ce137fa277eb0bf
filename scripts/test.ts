/**
 * Every check and every test: `bun run test [checks|zig|ts|e2e] [filter]`. Adds up the reports that
 * the suites write for machines; the last line is `N passed, N failed`, with `, N skipped` where
 * some were.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJunit, readZigReport, type Tally } from "./reports.ts";
import { root, zigPath } from "./setup.ts";

/** A name, and what runs it. */
interface Suite {
  readonly name: string;
  run(filter: string | undefined): Tally;
}

const reports = mkdtempSync(join(tmpdir(), "chopin-reports-"));

const suites: readonly Suite[] = [
  { name: "checks", run: runChecks },
  { name: "zig", run: runZig },
  {
    name: "ts",
    run: (filter = "test/") => runBunTest("ts", filter, "--path-ignore-patterns=**/e2e/**"),
  },
  { name: "e2e", run: (filter = "") => runBunTest("e2e", `test/e2e/${filter}`) },
];

/** Each check counts as one test. */
function runChecks(filter: string | undefined): Tally {
  const bun = process.execPath;
  const checks: Record<string, string[]> = {
    "zig fmt": [zigPath(), "fmt", "--check", "build.zig", "zig", "bench"],
    // kqueue and everything that is different there: compiled, with its tests.
    "zig for macOS": [
      ...[zigPath(), "test", "--test-no-exec", "-fno-emit-bin"],
      ...["-target", "aarch64-macos", "zig/lib.zig", "-lc"],
    ],
    biome: [bun, "node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"],
    tsc: [bun, "node_modules/typescript/bin/tsc", "--project", "."],
  };
  let passed = 0;
  const failures: string[] = [];
  for (const [name, command] of Object.entries(checks)) {
    if (filter && !name.includes(filter)) continue;
    if (run(command) === 0) passed += 1;
    else failures.push(name);
  }
  return { passed, skipped: 0, failures, names: Object.keys(checks) };
}

function runZig(filter: string | undefined): Tally {
  const report = join(reports, "zig.jsonl");
  const filters = filter ? [`-Dtest-filter=${filter}`] : [];
  const status = run([zigPath(), "build", "test", `-Dtest-report=${report}`, ...filters]);
  if (!existsSync(report)) return nothing("the Zig tests did not build");
  const tally = judged(readZigReport(readFileSync(report, "utf8")), status);
  const unreached = filter ? [] : unreachedZigFiles(tally.names);
  return { ...tally, failures: [...tally.failures, ...unreached] };
}

/**
 * Zig runs the tests of files that the root imports: one that nobody imports is silently left out.
 */
function unreachedZigFiles(names: readonly string[]): string[] {
  return [...new Bun.Glob("zig/**/*.zig").scanSync(root)]
    .filter((path) => /^test "/m.test(readFileSync(join(root, path), "utf8")))
    .filter((path) => {
      const prefix = `${path.slice("zig/".length, -".zig".length).replaceAll("/", ".")}.test.`;
      return !names.some((name) => name.startsWith(prefix));
    })
    .map((path) => `${path}: zig/lib.zig does not reach its tests`);
}

/** `path` is a part of the paths of the test files to run. */
function runBunTest(name: string, path: string, ...flags: string[]): Tally {
  const report = join(reports, `${name}.xml`);
  const status = run([
    process.execPath,
    "test",
    "--only-failures",
    "--timeout=30000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...flags,
    path,
  ]);
  if (!existsSync(report)) return nothing("bun test left no report");
  return judged(readJunit(readFileSync(report, "utf8")), status);
}

function nothing(reason: string): Tally {
  return { passed: 0, skipped: 0, failures: [reason], names: [] };
}

/** A run that failed while its report shows no failure is a failure all the same. */
function judged(tally: Tally, status: number): Tally {
  if (status === 0 || tally.failures.length > 0) return tally;
  return { ...tally, failures: [`the run ended with status ${status} and no failed test`] };
}

function run(command: string[]): number {
  const child = Bun.spawnSync(command, {
    cwd: root,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return child.exitCode ?? 1;
}

function main(only: string | undefined, filter: string | undefined): number {
  const chosen = suites.filter((suite) => only === undefined || suite.name === only);
  if (chosen.length === 0) {
    console.error(`no suite "${only}": ${suites.map((suite) => suite.name).join(", ")}`);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const lines: string[] = [];
  for (const suite of chosen) {
    const start = performance.now();
    const tally = suite.run(filter);
    const nothingRan = tally.passed + tally.failures.length === 0;
    const failures = nothingRan ? ["the suite ran nothing"] : tally.failures;
    passed += tally.passed;
    failed += failures.length;
    skipped += tally.skipped;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const counts = summary(tally.passed, failures.length, tally.skipped);
    lines.push(`${suite.name.padEnd(8)}${counts} (${seconds} s)`);
    for (const failure of failures) lines.push(`  failed: ${failure}`);
  }
  rmSync(reports, { recursive: true });
  console.log(`\n${lines.join("\n")}\n${summary(passed, failed, skipped)}`);
  return failed === 0 ? 0 : 1;
}

function summary(passed: number, failed: number, skipped: number): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

process.exitCode = main(process.argv[2], process.argv[3]);
