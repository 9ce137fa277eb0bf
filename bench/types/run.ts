/**
 * What a program of many typed routes costs compilers and editors, for Chopin, Elysia and Hono.
 * Run: `bun bench/types/run.ts [routes] [rounds]`; a thousand routes, five rounds. `--only` names
 * frameworks, `--compiler` is native or classic, `--part` compile or complete, `--out` a file.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { benchFolder, resultsFolder } from "../harness/tools.ts";
import { compile } from "./compile.ts";
import { type Compiler, findCompilers } from "./compilers.ts";
import { complete } from "./complete.ts";
import type { Framework } from "./programs.ts";
import { printTypes } from "./report.ts";
import { describeRun, writeTypesResult } from "./samples.ts";
import { frameworks, titles, writeWorkspace } from "./workspace.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: frameworks.join() },
    compiler: { type: "string", default: "native,classic" },
    part: { type: "string", default: "compile,complete" },
    out: { type: "string", default: join(resultsFolder, "types.json") },
  },
});
const [routes = 1000, rounds = 5] = positionals.map(Number);
const named = (list: string) => (name: string) => list.split(",").includes(name);

function left(name: string, reason: string): void {
  console.error(`${name} is left out: ${reason}`);
  process.exitCode = 1;
}

/** Of the framework's packages, as installed. */
function versionOf(framework: Framework): string {
  if (framework === "chopin") return titles[framework];
  const folder = join(benchFolder, "peers", framework, "node_modules", framework);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${titles[framework]} ${version}`;
}

const compilers = (await findCompilers(left)).filter(({ name }) => named(values.compiler)(name));
const contenders = frameworks.filter(named(values.only));
const workspace = await writeWorkspace(routes, contenders);

/** Every program with every compiler, in an order that is reversed every round. */
async function inTurn<Sample>(
  part: string,
  measure: (compiler: Compiler, framework: Framework, round: number) => Promise<Sample>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  if (!named(values.part)(part)) return samples;
  for (let round = 0; round < rounds; round++) {
    for (const compiler of compilers) {
      for (const framework of round % 2 === 0 ? contenders : contenders.toReversed()) {
        console.error(`${part}, round ${round + 1}: ${titles[framework]}, ${compiler.title}`);
        try {
          samples.push(await measure(compiler, framework, round));
        } catch (error) {
          left(`${titles[framework]}, ${compiler.title}`, String(error));
        }
      }
    }
  }
  return samples;
}

try {
  const versions = [
    ...compilers.map(({ name, title }) => [name, title]),
    ...contenders.map((framework) => [framework, versionOf(framework)]),
  ];
  const result = {
    ...describeRun(routes, rounds, Object.fromEntries(versions)),
    compiles: await inTurn("compile", (...turn) => compile(workspace, ...turn)),
    completions: await inTurn("complete", (...turn) => complete(workspace, ...turn)),
  };
  printTypes(result);
  mkdirSync(dirname(values.out), { recursive: true });
  await Bun.write(values.out, writeTypesResult(result));
  console.log(`\nsamples: ${values.out}`);
} finally {
  workspace.remove();
}
