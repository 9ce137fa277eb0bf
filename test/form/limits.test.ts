/** Caps of forms: each at its edge, each before what exceeds it is read; and other media types. */
import { describe, expect, test } from "bun:test";
import { type FormOptions, parseForm } from "../../src/form.ts";
import { ChopinError, HTTPError } from "../../src/index.ts";
import {
  body,
  boundary,
  expectMemory,
  multipart,
  part,
  refusal,
  Source,
  urlencoded,
} from "./_form.ts";

const parse = (options: FormOptions, ...parts: readonly Buffer[]) =>
  parseForm(new Source([body(...parts)]), multipart, options);
const post = (text: string, options?: FormOptions) =>
  parseForm(new Source([Buffer.from(text)]), urlencoded, options);
const field = (length: number) => part("form-data; name=a", "x".repeat(length));
const file = (length: number) => part("form-data; name=a; filename=b", "x".repeat(length));

describe("caps of multipart", () => {
  const cases: readonly (readonly [FormOptions, fits: Buffer[], exceeds: Buffer[], string])[] = [
    [{ partsMax: 2 }, [field(1), file(1)], [field(1), file(1), field(1)], "413 too_many_parts"],
    [{ fieldBytesMax: 10 }, [field(10), file(11)], [field(11)], "413 part_too_large"],
    [{ fileBytesMax: 10 }, [file(10), field(11)], [file(11)], "413 part_too_large"],
    [{ nameBytesMax: 2 }, [part('form-data; name="ä"', "")], [], ""],
    [{ nameBytesMax: 2 }, [], [part('form-data; name="äa"', "")], "413 part_too_large"],
    [{ nameBytesMax: 2 }, [], [part("form-data; name=a; filename=abc", "")], "413 part_too_large"],
    [{ partHeadBytesMax: 50 }, [field(1)], [], ""],
    [
      { partHeadBytesMax: 50 },
      [],
      [part("form-data; name=a", "", "X-Padding: 1\r\n")],
      "413 part_too_large",
    ],
  ];
  for (const [index, [options, fits, exceeds, code]] of cases.entries()) {
    test(`${index}: ${JSON.stringify(options)}`, async () => {
      expect([...(await parse(options, ...fits))]).toHaveLength(fits.length);
      if (exceeds.length > 0) expect(await refusal(parse(options, ...exceeds))).toBe(code);
    });
  }

  test("of the whole body, what is between and behind the parts included", async () => {
    const bytes = body(field(10));
    const limits = (totalBytesMax: number) => ({ totalBytesMax });
    const behind = Buffer.concat([bytes, Buffer.from("x")]);
    await parse(limits(bytes.length), field(10));
    expect(await refusal(parse(limits(bytes.length - 1), field(10)))).toBe("413 body_too_large");
    const source = new Source([bytes, behind.subarray(bytes.length)]);
    expect(await refusal(parseForm(source, multipart, limits(bytes.length)))).toBe(
      "413 body_too_large",
    );
  });

  test("a million parts: refused at the first too many, and the source is left", async () => {
    const parts = Buffer.concat(Array.from({ length: 1000 }, () => field(1)));
    const chunks = Array.from({ length: 1000 }, () => parts);
    const source = new Source(chunks);
    expect(await refusal(parseForm(source, multipart))).toBe("413 too_many_parts");
    expect([source.taken, source.cancelled]).toEqual([2, true]);
    const empty = Buffer.from(`--${boundary}\r\n`.repeat(100_000));
    expect(await refusal(parseForm(new Source([empty]), multipart))).toBe("400 invalid_form");
  });

  test("a head without end is not kept", async () => {
    const start = Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name=a\r\nX: `);
    const filler = Buffer.alloc(65536, "x");
    function* endless() {
      yield start;
      for (;;) yield filler;
    }
    const source = new Source(endless());
    await expectMemory(64, async () => {
      expect(await refusal(parseForm(source, multipart))).toBe("413 body_too_large");
    });
    expect(source.taken).toBe(1024 + 1);
    expect(source.cancelled).toBe(true);
  });

  test("a boundary that never comes is not kept", async () => {
    const filler = Buffer.alloc(65536, "\r\n--");
    function* endless() {
      for (;;) yield filler;
    }
    await expectMemory(64, async () => {
      const parsing = parseForm(new Source(endless()), multipart);
      expect(await refusal(parsing)).toBe("413 body_too_large");
    });
  });
});

describe("urlencoded", () => {
  test("is decoded as browsers encode it", async () => {
    const form = await post("a=1&b=x+y%2B%C3%A4&a=2&&c&=d&%zz=%&?e=f");
    expect([...form]).toEqual([
      ["a", "1"],
      ["b", "x y+ä"],
      ["a", "2"],
      ["c", ""],
      ["", "d"],
      ["%zz", "%"],
      ["?e", "f"],
    ]);
    expect([...(await post("?q=1"))]).toEqual([["?q", "1"]]);
    expect([...(await post(""))]).toEqual([]);
    expect((await post("a=1")).files).toEqual([]);
    const proto = await post("__proto__=1&constructor=2");
    expect(Object.getPrototypeOf(proto.fields)).toBe(null);
    expect(Object.entries(proto.fields)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  test("split in the middle of an escape", async () => {
    const pieces = ["a=%C", "3%A", "4"].map((text) => Buffer.from(text));
    expect((await parseForm(new Source(pieces), urlencoded)).get("a")).toBe("ä");
  });

  test("has its caps", async () => {
    const at = (text: string, options: FormOptions) => refusal(post(text, options));
    expect(await at("a&b", { partsMax: 2 })).toBe("fulfilled");
    expect(await at("a&b&c", { partsMax: 2 })).toBe("413 too_many_parts");
    expect(await at("&&", { partsMax: 2 })).toBe("413 too_many_parts");
    expect(await at("a=%41%41", { fieldBytesMax: 2 })).toBe("fulfilled");
    expect(await at("a=%41%41b", { fieldBytesMax: 2 })).toBe("413 part_too_large");
    expect(await at("abc=", { nameBytesMax: 2 })).toBe("413 part_too_large");
    expect(await at("abc=", { totalBytesMax: 4 })).toBe("fulfilled");
    expect(await at("abc=d", { totalBytesMax: 4 })).toBe("413 body_too_large");
  });
});

describe("what is no form", () => {
  const types = [undefined, "", "junk", "application/json", "multipart/mixed; boundary=a"];
  for (const type of types) {
    test(`${type}: 415`, async () => {
      const source = new Source([Buffer.from("{}")]);
      const error = await parseForm(source, type).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(HTTPError);
      const { status, code, headers } = error as HTTPError;
      expect([status, code]).toEqual([415, "unsupported_media_type"]);
      expect(headers).toEqual({
        Accept: "multipart/form-data, application/x-www-form-urlencoded",
      });
      expect(source.taken).toBe(0);
    });
  }

  test("media types are compared without case, parameters are ignored", async () => {
    const type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    expect((await parseForm(new Source([Buffer.from("a=b")]), type)).get("a")).toBe("b");
  });
});

test("wrong options", async () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ partMax: 1 }, '"partMax" is no option'],
    [{ partsMax: 0 }, "partsMax is a whole number"],
    [{ partHeadBytesMax: 2 ** 30 }, "partHeadBytesMax is a whole number"],
    [{ files: "cloud" }, 'files is "memory" or "disk"'],
    [{ files: "disk", folder: "" }, "folder is the path of a folder"],
  ];
  for (const [options, text] of wrong) {
    const error = await post("", options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ChopinError);
    expect((error as ChopinError).message).toContain(text);
  }
});
