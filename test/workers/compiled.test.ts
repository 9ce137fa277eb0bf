/** A service as one file: workers are started from the executable itself. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Service } from "./_service.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-compiled-"));
const executable = join(folder, "service");
const fixture = join(import.meta.dir, "../fixtures/service.ts");

beforeAll(async () => {
  const command = [process.execPath, "build", "--compile", fixture, "--outfile", executable];
  const build = Bun.spawn(command, { cwd: folder, stdout: "ignore", stderr: "pipe" });
  const errors = await new Response(build.stderr).text();
  if ((await build.exited) !== 0) throw new Error(errors);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

test("a compiled executable has workers, and replaces them", async () => {
  await using service = await Service.start({ command: [executable], serve: { workers: 2 } });
  const before = await service.pids(2);
  expect(before).not.toContain(service.child.pid);
  service.signal("SIGHUP");
  await service.says(/all workers were replaced/);
  for (const pid of await service.pids(2)) expect(before).not.toContain(pid);
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
});
