/** `bun run format`: writes all Zig and TypeScript as `bun run test checks` wants it. */
import { root, zigPath } from "./setup.ts";

const commands = [
  [zigPath(), "fmt", "build.zig", "zig", "bench"],
  [process.execPath, "node_modules/@biomejs/biome/bin/biome", "check", "--write"],
];
for (const command of commands) {
  const { exitCode } = Bun.spawnSync(command, { cwd: root, stdout: "inherit", stderr: "inherit" });
  if (exitCode !== 0) process.exitCode = 1;
}
