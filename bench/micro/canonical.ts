/**
 * The ways in which JavaScript servers come from a request target to decoded segments, for
 * comparison with `canonical.zig`. Run: `bun bench/micro/canonical.ts`.
 */
import { bench, do_not_optimize, run, summary } from "mitata";

const targets = {
  "5 bytes": "/json",
  "36 bytes": "/api/v1/resource42/42/comments/17/ab",
  escapes: "/files/%C3%A9t%C3%A9/a%2Fb/na%20me.txt",
} as const;

for (const [name, target] of Object.entries(targets)) {
  const url = `http://127.0.0.1:8080${target}`;
  summary(() => {
    bench(`${name}: new URL, its pathname, each segment decoded`, () => {
      do_not_optimize(new URL(url).pathname.split("/").map(decodeURIComponent));
    });
    bench(`${name}: new URL, its pathname`, () => do_not_optimize(new URL(url).pathname));
    bench(`${name}: cut out of the URL, decoded if it has escapes`, () => {
      const path = url.slice(url.indexOf("/", 8));
      do_not_optimize(path.includes("%") ? decodeURIComponent(path) : path);
    });
  });
}

await run();
