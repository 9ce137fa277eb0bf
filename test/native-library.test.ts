/** Which library is loaded, and the errors of machines that have none. */
import { describe, expect, test } from "bun:test";
import { libcOf, libraryPath, requireBun } from "../src/native/library.ts";

describe("the native library", () => {
  test("is found for this machine", async () => {
    const path = await libraryPath();
    expect(path).toContain(`/native/${process.platform}-${process.arch}`);
    expect(await Bun.file(path).exists()).toBe(true);
  });

  test("is chosen by the C library that is mapped", () => {
    const glibc = "7f3d3227a000-7f3d3227b000 r-xp 0 fe:00 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n";
    const musl = "7f3d3227a000-7f3d3227b000 r-xp 0 fe:00 1 /lib/ld-musl-x86_64.so.1\n";
    expect([libcOf(glibc), libcOf(musl)]).toEqual(["gnu", "musl"]);
  });

  test("asks for Bun 1.4", () => {
    for (const version of ["1.4.0", "1.4.5", "1.10.0", "2.0.0", "1.4.6-canary.20+a7733435c"]) {
      expect(() => requireBun(version)).not.toThrow();
    }
    for (const version of ["1.3.14", "1.0.0", "0.8.1"]) {
      expect(() => requireBun(version)).toThrow(
        `Chopin needs Bun 1.4 or newer, this is ${version}: run \`bun upgrade\``,
      );
    }
  });
});
