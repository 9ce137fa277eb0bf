/** multipart/form-data: what is read, however it is split, and what is refused. */
import { describe, expect, test } from "bun:test";
import { type Form, parseForm } from "../../src/form.ts";
import { body, boundary, multipart, part, refusal, Source, split } from "./_form.ts";

const whole = body(
  part('form-data; name="a"', "one"),
  part(
    'form-data; name="f"; filename="x.txt"',
    "file \r\n--\r\n-- \0data",
    "Content-Type: a/b\r\n",
  ),
  part('form-data; name="empty"', ""),
  part('form-data; name="a"', "zwei ä"),
  part('form-data; name="none"; filename=""', "", "Content-Type: application/octet-stream\r\n"),
);

async function shown(form: Form): Promise<string> {
  const entries: unknown[] = [];
  for (const [name, value] of form) {
    const text = typeof value === "string" ? value : [value.name, value.type, await value.text()];
    entries.push([name, text]);
  }
  return JSON.stringify(entries);
}

const expected = JSON.stringify([
  ["a", "one"],
  ["f", ["x.txt", "a/b", "file \r\n--\r\n-- \0data"]],
  ["empty", ""],
  ["a", "zwei ä"],
]);

const parse = (source: Source, options = {}) => parseForm(source, multipart, options);
const of = (...parts: readonly Buffer[]) => new Source([body(...parts)]);

describe("multipart", () => {
  test("fields and files by name", async () => {
    const form = await parse(new Source([whole]));
    expect(await shown(form)).toBe(expected);
    expect([form.get("a"), form.getAll("a"), form.get("b")]).toEqual([
      "one",
      ["one", "zwei ä"],
      undefined,
    ]);
    expect(form.fields).toEqual({ a: "one", empty: "" });
    const file = form.file("f")!;
    expect([file.field, file.name, file.type, file.size, file.path]).toEqual([
      "f",
      "x.txt",
      "a/b",
      19,
      undefined,
    ]);
    expect(file).toBeInstanceOf(File);
    expect([form.files, form.file("none"), form.file("a")]).toEqual([[file], undefined, undefined]);
  });

  test("split at every byte, and byte by byte", async () => {
    for (let at = 1; at < whole.length; at++) {
      expect([at, await shown(await parse(split(whole, at)))]).toEqual([at, expected]);
    }
    const bytes = [...whole].map((byte) => Uint8Array.of(byte));
    expect(await shown(await parse(new Source(bytes)))).toBe(expected);
  });

  test("cut at every byte, it is refused", async () => {
    const end = whole.length - "\r\n".length;
    for (let at = 0; at < end; at++) {
      const cut = whole.subarray(0, at);
      expect([at, await refusal(parse(new Source([cut])))]).toEqual([at, "400 invalid_form"]);
    }
  });

  test("text before the first and behind the last boundary is ignored", async () => {
    const around = Buffer.concat([Buffer.from("preamble\r\n"), whole, Buffer.from("epilogue")]);
    for (const at of [1, 9, around.length - 3]) {
      expect(await shown(await parse(split(around, at)))).toBe(expected);
    }
  });

  test("a form without parts is empty", async () => {
    expect([...(await parse(of()))]).toEqual([]);
  });

  test("names of all kinds keep to themselves", async () => {
    const names = ["__proto__", "constructor", "toString", "a[b]", "ключ"];
    const form = await parse(of(...names.map((name) => part(`form-data; name="${name}"`, name))));
    expect(Object.getPrototypeOf(form.fields)).toBe(null);
    expect(names.map((name) => form.fields[name])).toEqual(names);
    expect(names.map((name) => form.get(name))).toEqual(names);
  });

  test("the source's error is the form's", async () => {
    async function* failing() {
      yield whole.subarray(0, 200);
      throw new TypeError("gone");
    }
    expect(await refusal(parseForm(failing(), multipart))).toBe("TypeError gone");
  });
});

describe("names of files", () => {
  const cases: readonly (readonly [parameters: string, filename: string])[] = [
    ['filename="../../x"', "x"],
    ['filename="C:\\x"', "x"],
    ['filename="C:x"', "x"],
    ['filename="C:\\\\a\\\\b.png"', "b.png"],
    ['filename="/etc/passwd"', "passwd"],
    ['filename=".."', ""],
    ['filename="a/"', ""],
    ['filename="say \\"hi\\".txt"', 'say "hi".txt'],
    ['filename="a%22b.txt"', "a%22b.txt"],
    ['filename="a;b=c.txt"', "a;b=c.txt"],
    ["filename=plain.txt", "plain.txt"],
    ['FileName="ä.txt"', "ä.txt"],
    ["filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac%20rates", "€ rates"],
    ["filename*=utf-8'en'%2e%2e%2fx", "x"],
    ["filename*=ISO-8859-1''%E4.txt", "ä.txt"],
  ];
  for (const [parameters, filename] of cases) {
    test(`${parameters} is ${JSON.stringify(filename)}`, async () => {
      const form = await parse(of(part(`form-data; name="f"; ${parameters}`, "x")));
      expect(form.file("f")!.name).toBe(filename);
    });
  }

  const wrong: readonly (readonly [what: string, disposition: string])[] = [
    ["NUL", 'form-data; name="f"; filename="a\0.png"'],
    ["a bare line feed", 'form-data; name="f"; filename="a\nb"'],
    ["NUL in percent-encoding", "form-data; name=f; filename*=UTF-8''a%00.png"],
    ["broken percent-encoding", "form-data; name=f; filename*=UTF-8''%zz"],
    ["broken UTF-8", "form-data; name=f; filename*=UTF-8''%ff"],
    ["another charset", "form-data; name=f; filename*=koi8-r''%ff"],
    ["no charset", "form-data; name=f; filename*=abc"],
    ["two names", 'form-data; name="a"; name="b"'],
    ["two file names", 'form-data; name="a"; filename="a"; filename="b"'],
    ["no name", 'form-data; filename="a"'],
    ["another disposition", 'attachment; name="a"'],
    ["nothing", ""],
    ["an open quote", 'form-data; name="a'],
    ["something behind the quote", 'form-data; name="a"b'],
  ];
  for (const [what, disposition] of wrong) {
    test(`${what}: 400`, async () => {
      expect(await refusal(parse(of(part(disposition, "x"))))).toBe("400 invalid_form");
    });
  }
});

describe("malformed multipart", () => {
  const types = [
    "multipart/form-data",
    "multipart/form-data; boundary=",
    `multipart/form-data; boundary=${"x".repeat(71)}`,
    'multipart/form-data; boundary="a "',
  ];
  for (const type of types) {
    test(`${type.slice(0, 40)}: 400`, async () => {
      expect(await refusal(parseForm(new Source([whole]), type))).toBe("400 invalid_form");
    });
  }

  const raw: readonly (readonly [what: string, text: string])[] = [
    ["nothing", ""],
    ["another boundary", "--other\r\n\r\n--other--\r\n"],
    ["a part without head", `--${boundary}\r\n--${boundary}--\r\n`],
    ["an empty head", `--${boundary}\r\n\r\nx\r\n--${boundary}--\r\n`],
    ["a head that never ends", `--${boundary}\r\nContent-Disposition: form-data; name=a\r\n`],
    [
      "a boundary inside of a head",
      `--${boundary}\r\nContent-Disposition: form-data; name=a\r\n--${boundary}--\r\n`,
    ],
    ["more behind a boundary", `--${boundary}x\r\nContent-Type: a\r\n\r\n\r\n--${boundary}--`],
  ];
  for (const [what, text] of raw) {
    test(`${what}: 400`, async () => {
      expect(await refusal(parse(new Source([Buffer.from(text)])))).toBe("400 invalid_form");
      const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
      expect(await refusal(parse(new Source(bytes)))).toBe("400 invalid_form");
    });
  }

  test("an encoding that would have to be undone: 400", async () => {
    const line = "Content-Transfer-Encoding: base64\r\n";
    expect(await refusal(parse(of(part("form-data; name=a", "eA==", line))))).toBe(
      "400 invalid_form",
    );
    const eightBit = "Content-Transfer-Encoding: 8bit\r\n";
    expect((await parse(of(part("form-data; name=a", "x", eightBit)))).get("a")).toBe("x");
  });
});
