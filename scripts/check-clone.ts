/**
 * `bun run check-clone`: what a newcomer does. Clones the last commit into an empty folder and runs
 * the README's two commands as written, with a PATH that has npm but neither Bun nor Zig, and an
 * empty home. Needs the network and some minutes, so it is no part of `bun run test`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish, start, succeed } from "../test/e2e/_process.ts";
import { root } from "./setup.ts";

const scratch = mkdtempSync(join(tmpdir(), "chopin-clone-"));
const clone = join(scratch, "clone");
const tools = join(scratch, "tools");

/** What npm itself needs, and the shell that the test command of CI is written in. */
const programs = ["node", "npm", "npx", "sh", "bash", "env", "git", "dirname", "uname"];

function makePath(): void {
  mkdirSync(tools);
  for (const program of programs) {
    const path = Bun.which(program);
    if (!path) throw new Error(`${program} is not on the PATH`);
    symlinkSync(path, join(tools, program));
  }
}

/** The command lines that the README shows below "Try it". */
function readmeCommands(): string[][] {
  const readme = readFileSync(join(clone, "README.md"), "utf8");
  return [...readme.matchAll(/^(npx -y bun run \w+)/gm)].map((match) =>
    (match[1] ?? "").split(" "),
  );
}

async function check(): Promise<void> {
  makePath();
  const here = process.env as Record<string, string>;
  await succeed(["git", "clone", "--quiet", root, clone], { cwd: scratch, env: here });
  const proxies = Object.entries(here).filter(([name]) => /proxy|certs|ca_bundle/i.test(name));
  const env = { ...Object.fromEntries(proxies), HOME: scratch, PATH: tools, PORT: "0" };
  const [demo = [], test = []] = readmeCommands();

  let since = performance.now();
  const running = await start(demo, { cwd: clone, env });
  const { status } = await fetch(running.address);
  await running.stop();
  if (status !== 200) throw new Error(`the demo's page answers ${status}`);
  console.log(`${demo.join(" ")}: serves after ${seconds(since)}`);

  since = performance.now();
  const again = await start(demo, { cwd: clone, env });
  const errors = await again.stop();
  if (/chopin: (installing|building|built)/.test(errors)) throw new Error(`built again: ${errors}`);
  console.log(`${demo.join(" ")}: serves the second time after ${seconds(since)}`);

  since = performance.now();
  const { code, stdout, stderr } = await finish(test, { cwd: clone, env });
  if (code !== 0) throw new Error(`${test.join(" ")} ended with ${code}\n${stdout}${stderr}`);
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (!/^[1-9]\d* passed, 0 failed(, \d+ skipped)?$/.test(last)) throw new Error(`last: ${last}`);
  console.log(`${test.join(" ")}: ${last} after ${seconds(since)}`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

try {
  await check();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
