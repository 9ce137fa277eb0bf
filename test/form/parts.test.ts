/** Parts one by one while they arrive, and files on disk. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formParts, parseForm } from "../../src/form.ts";
import type { ChopinError } from "../../src/index.ts";
import {
  body,
  boundary,
  entriesOf,
  expectMemory,
  multipart,
  part,
  refusal,
  Source,
  split,
  urlencoded,
} from "./_form.ts";

const folder = mkdtempSync(join(tmpdir(), "chopin-form-"));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = { files: "disk", folder } as const;

const small = body(
  part("form-data; name=a", "one"),
  part("form-data; name=f; filename=x.txt", "file", "Content-Type: text/plain\r\n"),
  part("form-data; name=b", "two"),
);

/** A form with one file of so many mebibytes, made while it is read. */
function large(mib: number): Source {
  const filler = Buffer.alloc(65536, `${"a line of a file".repeat(8)}\r\n--`);
  function* chunks() {
    yield Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n`,
    );
    for (let at = 0; at < mib * 16; at++) yield filler;
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  return new Source(chunks());
}

const unlimited = { fileBytesMax: 2 ** 40, totalBytesMax: 2 ** 40 };

describe("parts", () => {
  test("each with its bytes, text or stream", async () => {
    const seen: unknown[] = [];
    for await (const one of formParts(split(small, 5, 100, 200), multipart)) {
      const { name, filename, type } = one;
      const text =
        filename === undefined ? await one.text() : await new Response(one.stream()).text();
      seen.push([name, filename, type, text]);
    }
    expect(seen).toEqual([
      ["a", undefined, "", "one"],
      ["f", "x.txt", "text/plain", "file"],
      ["b", undefined, "", "two"],
    ]);
  });

  test("of urlencoded forms too", async () => {
    const seen: unknown[] = [];
    for await (const one of formParts(new Source([Buffer.from("a=1&b=ä")]), urlencoded)) {
      const stream = await new Response(one.stream()).text();
      seen.push([one.name, one.filename, await one.text(), stream, (await one.bytes()).length]);
    }
    expect(seen).toEqual([
      ["a", undefined, "1", "1", 1],
      ["b", undefined, "ä", "ä", 2],
    ]);
  });

  test("what is not read is skipped", async () => {
    const names: string[] = [];
    for await (const one of formParts(new Source([small]), multipart)) names.push(one.name);
    expect(names).toEqual(["a", "f", "b"]);
  });

  for (const how of ["not at all", "by break", "half-way by a reader"]) {
    test(`a large part that is left ${how} does not keep the next from coming`, async () => {
      const names: string[] = [];
      const [head, ...rest] = [...(await Array.fromAsync(large(1)))];
      const next = part("form-data; name=next", "x");
      const chunks = [head!, ...rest.slice(0, -1), Buffer.from("\r\n"), body(next)];
      for await (const one of formParts(new Source(chunks), multipart, unlimited)) {
        names.push(one.name);
        if (how === "by break") for await (const _ of one) break;
        if (how.startsWith("half-way")) await one.stream().getReader().read();
      }
      expect(names).toEqual(["f", "next"]);
    });
  }

  test("a part that is not read holds the source back", async () => {
    const source = large(8);
    const parts = formParts(source, multipart, unlimited);
    const first = await parts.next();
    expect(first.value!.name).toBe("f");
    for (let round = 0; round < 100; round++) await new Promise(setImmediate);
    expect(source.taken).toBeLessThan(8);
    await parts.return();
    expect(source.cancelled).toBe(true);
  });

  test("a part is read once, before the next", async () => {
    const parts = formParts(new Source([small]), multipart);
    const first = (await parts.next()).value!;
    expect(await first.text()).toBe("one");
    for (const again of [first, (await parts.next()).value!]) {
      if (again !== first) await parts.next();
      const error = await again.text().catch((reason: unknown) => reason);
      expect((error as ChopinError).code).toBe("part_used");
    }
    await parts.return();
  });

  test("a body that ends in the middle of a part fails where the part is read", async () => {
    const start = small.indexOf("file\r\n");
    const parts = formParts(split(small.subarray(0, start + 2), start), multipart);
    await parts.next();
    const file = (await parts.next()).value!;
    expect(await refusal(file.bytes())).toBe("400 invalid_form");
  });

  test("a file beyond its cap fails where it is read, and the rest is not taken", async () => {
    const source = large(64);
    const parts = formParts(source, multipart, { fileBytesMax: 2 ** 20 });
    const file = (await parts.next()).value!;
    expect(await refusal(file.bytes())).toBe("413 part_too_large");
    await parts.return();
    expect([source.cancelled, source.taken < 64]).toEqual([true, true]);
  });

  test("256 MiB pass with memory flat", () =>
    expectMemory(48, async () => {
      let total = 0;
      for await (const one of formParts(large(256), multipart, unlimited)) {
        for await (const chunk of one) total += chunk.length;
      }
      expect(total).toBe(256 * 2 ** 20);
    }));
});

describe("files on disk", () => {
  test("are there until the form is disposed of", async () => {
    let path = "";
    {
      await using form = await parseForm(new Source([small]), multipart, inFolder);
      const file = form.file("f")!;
      path = file.path!;
      expect(path.startsWith(join(folder, "chopin-"))).toBe(true);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect([file.field, file.name, file.type, file.size, await file.text()]).toEqual([
        "f",
        "x.txt",
        "text/plain;charset=utf-8",
        4,
        "file",
      ]);
      await Bun.write(join(folder, "copy"), file);
      expect(await Bun.file(join(folder, "copy")).text()).toBe("file");
      rmSync(join(folder, "copy"));
    }
    expect(existsSync(path)).toBe(false);
  });

  test("stay where they were moved to", async () => {
    const form = await parseForm(new Source([small]), multipart, inFolder);
    const kept = join(folder, "kept");
    await rename(form.file("f")!.path!, kept);
    await form.dispose();
    await form.dispose();
    expect(await Bun.file(kept).text()).toBe("file");
    rmSync(kept);
  });

  test("are removed when the form cannot be received", async () => {
    const cut = new Source([small.subarray(0, -4)]);
    expect(await refusal(parseForm(cut, multipart, inFolder))).toBe("400 invalid_form");
    const huge = { ...inFolder, fileBytesMax: 2 ** 20 };
    expect(await refusal(parseForm(large(2), multipart, huge))).toBe("413 part_too_large");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are removed when form and files are lost", async () => {
    const lose = async () => {
      await parseForm(new Source([small]), multipart, inFolder);
    };
    await lose();
    const emptied = entriesOf(folder, 0);
    const timer = setInterval(() => Bun.gc(true), 5);
    expect(await emptied).toEqual([]);
    clearInterval(timer);
  });

  test("controls without a file have none", async () => {
    const bytes = body(part('form-data; name=f; filename=""', ""));
    await using form = await parseForm(new Source([bytes]), multipart, inFolder);
    expect(form.files).toEqual([]);
  });

  test("a folder that is not there is an error of the server", async () => {
    const missing = { files: "disk", folder: join(folder, "missing") } as const;
    expect(await refusal(parseForm(new Source([small]), multipart, missing))).toContain("ENOENT");
  });

  test("256 MiB pass with memory flat", () =>
    expectMemory(64, async () => {
      await using form = await parseForm(large(256), multipart, { ...inFolder, ...unlimited });
      expect(form.files[0]!.size).toBe(256 * 2 ** 20);
    }));
});
