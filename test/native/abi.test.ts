/** The TypeScript mirror of the border against the layout that the loaded library prints. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { problems } from "../../src/errors.ts";
import * as abi from "../../src/native/abi.ts";
import { libraryLayout } from "../../src/native/symbols.ts";
import { reasonPhrase } from "../../src/status.ts";

type Numbers = Readonly<Record<string, number>>;
const layout = libraryLayout() as Readonly<Record<string, Numbers>> & { readonly version: number };

/** Names of Zig are snake_case; some words are longer in TypeScript. */
const aliases: Readonly<Record<string, string>> = { http10: "http_1_0" };
const zigName = (name: string): string =>
  aliases[name] ??
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/_length$/, "_len");

const mirrored: Readonly<Record<string, Numbers>> = {
  request: abi.request,
  message: abi.message,
  response: abi.response,
  settings: abi.settings,
  view: abi.view,
  control: abi.control,
  Flag: abi.flag,
  Special: abi.special,
  Method: abi.methodId,
  State: abi.state,
  Kind: abi.kind,
  AnswerFlag: abi.answerFlag,
  Notice: abi.notice,
  SettingsFlag: abi.settingsFlag,
  Frame: { compressed: abi.frameCompressed },
  Code: abi.code,
  limits: abi.limits,
};

describe("the mirror of the border", () => {
  test("speaks the version of the library", () => {
    expect(abi.abiVersion).toBe(layout.version);
  });

  for (const [group, numbers] of Object.entries(mirrored)) {
    test(group, () => {
      for (const [name, value] of Object.entries(numbers)) {
        expect([group, name, layout[group]?.[zigName(name)]]).toEqual([group, name, value]);
      }
    });
  }

  test("has the tokens of the methods under their ids", () => {
    for (const [name, id] of Object.entries(abi.methodId)) {
      const token = abi.methodTokens[id];
      if (token !== undefined) expect(token).toBe(name.toUpperCase());
    }
    expect(abi.methodTokens).toHaveLength(abi.methodId.firstCustom);
  });
});

/** The status that the table has for a code. */
const statusOf = (code: string): number | undefined =>
  (problems as Readonly<Record<string, readonly [number, string]>>)[code]?.[0];

const zigSource = (path: string): Promise<string> =>
  Bun.file(join(import.meta.dir, "../../zig", path)).text();

describe("codes of error answers", () => {
  test("those of rejections are in the table, with their status", async () => {
    const source = await zigSource("http/rejection.zig");
    const members = /enum\(u8\) \{(.*?)\n\n {4}\/\/\/ The status/s.exec(source)?.[1] ?? "";
    const codes = [...members.matchAll(/^ {4}(\w+),$/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(30);
    for (const code of codes) expect(Object.keys(problems)).toContain(code ?? "");
    for (const [, arm, status] of source.matchAll(/((?:\.\w+,?\s*)+)=> (\d{3}),/g)) {
      for (const [, code] of (arm ?? "").matchAll(/\.(\w+)/g)) {
        expect([code, statusOf(code ?? "")]).toEqual([code, Number(status)]);
      }
    }
  });

  test("those of other native answers too", async () => {
    const pattern = /\.status = (\d{3}),\s*\.code = "(\w+)"/g;
    let count = 0;
    for (const path of new Bun.Glob("**/*.zig").scanSync(join(import.meta.dir, "../../zig"))) {
      const source = (await zigSource(path)).split(/^test\b/m)[0] ?? "";
      for (const [, status, code] of source.matchAll(pattern)) {
        expect([code, statusOf(code ?? "")]).toEqual([code, Number(status)]);
        count++;
      }
    }
    expect(count).toBeGreaterThan(5);
  });

  test("the reason phrases are those of the status line", async () => {
    const source = await zigSource("http/status.zig");
    const phrases = [...source.matchAll(/\.\{ (\d{3}), "(.+?)" \}/g)];
    expect(phrases.length).toBeGreaterThan(50);
    for (const [, status, phrase] of phrases) {
      if (Number(status) < 200) continue;
      expect([status, reasonPhrase(Number(status))]).toEqual([status, phrase ?? ""]);
    }
  });
});
