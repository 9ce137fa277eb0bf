/** Bundles `chopin/client`. Called by `build.ts`, and by tests that run it in Node and browsers. */
import { join } from "node:path";
import { root } from "./setup.ts";

/**
 * Writes `client/index.js`, which runs in browsers, Node and Bun, and so shares no module with the
 * other entries; its reader of events is a chunk that the first call for events loads. For the
 * target "browser" Bun would add a preloader of chunks that is a quarter of all.
 */
export async function buildClient(outdir: string, minify = false): Promise<void> {
  await Bun.build({
    entrypoints: [join(root, "src/client/index.ts")],
    root: join(root, "src"),
    outdir,
    target: "node",
    splitting: true,
    minify,
  });
}
