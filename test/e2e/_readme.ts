/** The README's own server, so that what newcomers copy is what is tested. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The source of the code block that follows `server.ts` in the README. */
export function readmeServer(): string {
  const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
  const source = /`server\.ts`[^`]*```ts\n(.*?)```/s.exec(readme)?.[1];
  if (source === undefined) throw new Error("the README has no server.ts");
  return source;
}
