/** Time and memory of `tsc` for one program. */
import { rootFolder } from "../harness/tools.ts";
import type { Compiler } from "./compilers.ts";
import type { Framework } from "./programs.ts";
import type { CompileSample } from "./samples.ts";
import type { Workspace } from "./workspace.ts";

/** @throws Error with what the compiler said, if the program is wrong. */
export async function compile(
  workspace: Workspace,
  compiler: Compiler,
  framework: Framework,
  round: number,
): Promise<CompileSample> {
  const start = performance.now();
  const command = [...compiler.command, "--project", workspace.folderOf(framework)];
  const child = Bun.spawn(command, {
    cwd: rootFolder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(said.slice(0, 2000));
  const seconds = (performance.now() - start) / 1000;
  const usage = child.resourceUsage();
  return {
    compiler: compiler.name,
    framework,
    round,
    seconds,
    cpuSeconds: Number(usage?.cpuTime.total ?? 0) / 1e6,
    peakBytes: usage?.maxRSS ?? 0,
  };
}
