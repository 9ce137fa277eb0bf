/** Random forms in random pieces, against what was put in; a failure names its seed. */
import { expect, test } from "bun:test";
import { formParts } from "../../src/form.ts";
import { body, boundary, part, Source } from "./_form.ts";

/** mulberry32, in four lines: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What delimiters are made of, so that contents look like them again and again. */
const crumbs = ["\r", "\n", "-", "\r\n", "--", `\r\n--${boundary.slice(0, -1)}`, "x".repeat(100)];

test("are read as they were written", async () => {
  const start = crypto.getRandomValues(new Uint32Array(1))[0]!;
  for (let seed = start; seed < start + 500; seed++) {
    const below = random(seed);
    const contents = Array.from({ length: 1 + below(4) }, () => {
      const count = below(30);
      return Array.from({ length: count }, () => crumbs[below(crumbs.length)]).join("");
    });
    const whole = body(...contents.map((text) => part('form-data; name="a"; filename="b"', text)));
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; ) {
      const end = at + 1 + below(below(3) === 0 ? 3 : 200);
      pieces.push(whole.subarray(at, end));
      at = end;
    }
    const type = `multipart/form-data; boundary="${boundary}"`;
    const seen: string[] = [];
    for await (const one of formParts(new Source(pieces), type)) {
      if (below(4) > 0) seen.push(await one.text());
      else seen.push(contents[seen.length]!);
    }
    expect([seed, Bun.hash(seen.join("\0"))]).toEqual([seed, Bun.hash(contents.join("\0"))]);
  }
});
