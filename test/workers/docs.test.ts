/** The code of the guide runs as it stands there. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blocksIn, pageOf } from "../_pages.ts";
import { Service } from "./_service.ts";

const guide = pageOf("workers.md");
const blocks = blocksIn(guide);

test("docs/workers.md", async () => {
  expect(blocks).toHaveLength(1);
  const folder = mkdtempSync(join(tmpdir(), "chopin-guide-"));
  try {
    const source = JSON.stringify(join(import.meta.dir, "../../src/index.ts"));
    // The port is free, and the number of processors is that of any machine.
    const program = (blocks[0] ?? "")
      .replace('"chopin"', source)
      .replace("8080", "0")
      .replace('"auto"', "2");
    const path = join(folder, "server.ts");
    writeFileSync(path, program);
    const command = [process.execPath, path];
    const env = { CHOPIN_DRAIN_IDLE_MS: "100" };
    await using service = await Service.start({ command, env, serve: { workers: 2 } });
    expect(await (await fetch(service.url)).text()).toStartWith("answered by ");
    await service.says(/each worker, when it serves/, 2);
    expect(service.count(/once: migrations/)).toBe(1);
    service.signal("SIGTERM");
    expect(await service.ended()).toBe(0);
    await service.says(/worker [01] closes it/, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
