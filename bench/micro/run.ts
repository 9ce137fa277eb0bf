/**
 * Runs every micro bench, each in a process of its own on the server's core: native loops first,
 * then mitata. `bun bench/micro/run.ts [name…]`, where a name is a part of a file's name.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findZig, pinned, rootFolder, serverCore } from "../harness/tools.ts";

/** Native loops and the module of `zig/` that each measures, by its import name. */
const native = { parser: "http", router: "router", canonical: "path" } as const;
const scripts = ["canonical.ts", "router.ts", "serializer.ts", "schemas.ts", "border.ts"];

const wanted = Bun.argv.slice(2);
const isWanted = (name: string) =>
  wanted.length === 0 || wanted.some((part) => name.includes(part));

async function start(title: string, command: readonly string[]): Promise<void> {
  console.log(`\n── ${title}`);
  const child = Bun.spawn(pinned(serverCore, command), {
    cwd: rootFolder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) process.exitCode = 1;
}

const zig = findZig();
for (const [name, module] of Object.entries(native)) {
  const source = join("bench", "micro", `${name}.zig`);
  if (!isWanted(source) || !existsSync(join(rootFolder, source))) continue;
  if (zig === undefined) {
    console.log(`\n── ${source}: left out, the Zig compiler is not installed`);
    continue;
  }
  const modules = ["--dep", module, `-Mroot=${source}`, `-M${module}=zig/${module}.zig`];
  await start(source, [zig, "run", "-O", "ReleaseFast", "-lc", ...modules]);
}
for (const script of scripts) {
  if (isWanted(script)) await start(script, [process.execPath, join("bench", "micro", script)]);
}
