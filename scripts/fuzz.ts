/**
 * `bun run fuzz -- <what> [seed]`: random tests of native code. With a seed, which a failing run
 * prints, the same again; without one, new seeds until one fails or `--rounds=100` are over. Each
 * round is what `bun run test zig` runs of it once.
 */
import { root, zigPath } from "./setup.ts";

/** Names of the tests; each takes its seed from the runner. */
const subjects: Readonly<Record<string, string>> = {
  reactor: "storms of faults over each reactor",
  parser: "mutated requests get one verdict however they are split",
  router: "mutated paths, patterns and applications",
  server: "medleys of",
  websocket: "mutated frames become the messages that a naive reader sees",
  websockets: "storms of frames and faults",
};

const seedsMax = 2 ** 32;

function round(filter: string, seed: number): boolean {
  const command = [zigPath(), "build", "test", `-Dtest-filter=${filter}`, `-Dtest-seed=${seed}`];
  const options = { cwd: root, stdout: "pipe", stderr: "pipe" } as const;
  const { exitCode, stderr } = Bun.spawnSync([...command, "-Doptimize=ReleaseSafe"], options);
  if (exitCode !== 0) console.error(stderr.toString());
  return exitCode === 0;
}

function main(what: string | undefined, rest: readonly string[]): number {
  const filter = subjects[what ?? ""];
  if (filter === undefined) {
    console.error(`bun run fuzz -- <${Object.keys(subjects).join("|")}> [seed] [--rounds=100]`);
    return 2;
  }
  const given = rest.find((argument) => /^\d+$/.test(argument));
  const told = rest.find((argument) => argument.startsWith("--rounds="));
  const rounds = given === undefined ? Number(told?.slice("--rounds=".length) ?? 100) : 1;
  for (let count = 1; count <= rounds; count += 1) {
    const seed = given === undefined ? Math.floor(Math.random() * seedsMax) : Number(given);
    if (round(filter, seed)) continue;
    console.error(`failed in round ${count}; a failure names its own seed, or: ${seed}`);
    return 1;
  }
  console.log(`${what}: ${rounds} ${rounds === 1 ? "round" : "rounds"}, none failed`);
  return 0;
}

process.exitCode = main(process.argv[2], process.argv.slice(3));
