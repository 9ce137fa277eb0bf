/** The table of media types is what the pinned package gives. */
import { expect, test } from "bun:test";
import { mimeTable, tablePath } from "../../scripts/mime.ts";

test("the table of media types is up to date: bun scripts/mime.ts", async () => {
  expect((await Bun.file(tablePath).text()) === mimeTable()).toBe(true);
});
