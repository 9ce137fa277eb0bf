/**
 * What a program of many typed routes costs its compiler: time and memory of `tsc` for Chopin,
 * Elysia and Hono. Run: `bun bench/types/run.ts [routes] [rounds]`; a thousand routes, three
 * rounds. Each figure is the best of its rounds, in an order that is reversed every round.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installPackages } from "../harness/prepare.ts";
import { benchFolder, cacheFolder, rootFolder, runTool } from "../harness/tools.ts";
import { type Framework, programOf } from "./programs.ts";

export interface TypesSample {
  readonly framework: Framework;
  readonly seconds: number;
  readonly mebibytes: number;
}

const folder = join(cacheFolder, "types");
const tsc = join(rootFolder, "node_modules", "typescript", "bin", "tsc");
const frameworks: readonly Framework[] = ["chopin", "elysia", "hono"];

/** Writes the programs, and our declarations as users have them. */
async function prepare(routes: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const declarations = join(folder, "declarations");
  mkdirSync(declarations, { recursive: true });
  await runTool(
    [process.execPath, tsc, "--project", "tsconfig.build.json", "--outDir", declarations],
    { cwd: rootFolder },
  );
  for (const framework of frameworks) {
    const place = join(folder, framework);
    mkdirSync(place);
    const packages = join(benchFolder, "peers", framework);
    if (framework !== "chopin") {
      const missing = await installPackages(packages);
      if (missing !== undefined) throw new Error(missing);
      symlinkSync(join(packages, "node_modules"), join(place, "node_modules"));
    }
    for (const [name, text] of Object.entries(programOf(framework, routes))) {
      writeFileSync(join(place, name), text);
    }
    const compilerOptions = {
      ...{ target: "esnext", module: "preserve", moduleResolution: "bundler", lib: ["esnext"] },
      ...{ types: ["bun"], typeRoots: [join(rootFolder, "node_modules", "@types")] },
      ...{ strict: true, skipLibCheck: true, noEmit: true },
      paths: {
        chopin: [join(declarations, "index.d.ts")],
        "chopin/client": [join(declarations, "client/index.d.ts")],
      },
    };
    writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  }
}

/** @throws Error with what the compiler said, if the program is wrong. */
async function once(framework: Framework): Promise<TypesSample> {
  const start = performance.now();
  const child = Bun.spawn([process.execPath, tsc, "--project", join(folder, framework)], {
    cwd: rootFolder,
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${framework}: ${said.slice(0, 2000)}`);
  const seconds = (performance.now() - start) / 1000;
  const { maxRSS = 0 } = child.resourceUsage() ?? {};
  return { framework, seconds, mebibytes: maxRSS / 1024 / 1024 };
}

const routes = Number(Bun.argv[2] ?? 1000);
const rounds = Number(Bun.argv[3] ?? 3);
await prepare(routes);
const samples: TypesSample[] = [];
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? frameworks : frameworks.toReversed();
  for (const framework of order) samples.push(await once(framework));
}
console.log(`${routes} routes`);
for (const framework of frameworks) {
  const own = samples.filter((sample) => sample.framework === framework);
  const seconds = Math.min(...own.map((sample) => sample.seconds)).toFixed(2);
  const mebibytes = Math.min(...own.map((sample) => sample.mebibytes)).toFixed(0);
  console.log(`${framework.padEnd(8)} ${seconds.padStart(7)} s ${mebibytes.padStart(6)} MiB`);
}
