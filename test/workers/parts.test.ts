/** What can be asked of the parts of a service without starting one. */
import { describe, expect, test } from "bun:test";
import { causeOf } from "../../src/workers/cause.ts";
import { memoryKills, processors } from "../../src/workers/cgroup.ts";
import { commandLine } from "../../src/workers/command-line.ts";
import { lifeOf } from "../../src/workers/options.ts";

describe("the command line of a worker", () => {
  const execPath = "/usr/bin/bun";
  const commandOf = (execArgv: string[], main: string, given: string[] = []): string[] =>
    commandLine({ execPath, execArgv, argv: [execPath, main, ...given] }, main);

  test("is that of the program, without what is for one process", () => {
    const dropped = ["--watch", "--hot", "--inspect", "--inspect-brk=0", "--inspect-wait=a:1"];
    const kept = ["--smol", "--preload", "./first.ts", "--conditions=x"];
    const options = [...dropped, ...kept, "--cwd", "elsewhere", "--cwd=there", "--hot"];
    expect(commandOf(options, "/app/main.ts", ["--watch", "one"])).toEqual([
      execPath,
      ...kept,
      "/app/main.ts",
      "--watch",
      "one",
    ]);
  });

  test("of a compiled executable is the executable and its arguments", () => {
    expect(commandOf([], "/$bunfs/root/main", ["a", "b"])).toEqual([execPath, "a", "b"]);
  });
});

test("causes in words", () => {
  const ended = { exitCode: null, signal: null, exception: undefined, memoryRanOut: false };
  const causes = [
    { ...ended, exitCode: 0 },
    { ...ended, exitCode: 3 },
    { ...ended, exitCode: 1, exception: "Error: x" },
    { ...ended, signal: "SIGKILL" },
    { ...ended, signal: "SIGKILL", memoryRanOut: true },
    { ...ended, signal: "SIGTERM", memoryRanOut: true },
    { ...ended, signal: "SIGSEGV" },
  ];
  expect(causes.map(causeOf)).toEqual([
    "ended by itself",
    "ended with exit code 3",
    "ended by an uncaught exception: Error: x",
    "was killed by SIGKILL",
    "was killed by the kernel: out of memory",
    "was killed by SIGTERM",
    "crashed natively (SIGSEGV)",
  ]);
});

test("the machine has at least one processor, and a count of what was killed", () => {
  expect(processors()).toBeGreaterThanOrEqual(1);
  expect(processors()).toBeLessThanOrEqual(navigator.hardwareConcurrency);
  expect(memoryKills()).toBeGreaterThanOrEqual(0);
});

test("times come from the program, then from the environment", () => {
  const environment = { CHOPIN_STOP_TIMEOUT_MS: "1", CHOPIN_DRAIN_IDLE_MS: "2" };
  expect(lifeOf({ drainIdleMs: 3 }, environment)).toMatchObject({
    stopTimeoutMs: 1,
    drainIdleMs: 3,
    signals: true,
  });
  expect(lifeOf({}, {})).toMatchObject({ stopTimeoutMs: 10_000, drainIdleMs: 5_000 });
  expect(() => lifeOf({}, { CHOPIN_DRAIN_IDLE_MS: "soon" })).toThrow("CHOPIN_DRAIN_IDLE_MS");
});
