/** Cookies: parsing, writing, rules of browsers, signatures, encryption, exchanged secrets. */
import { describe, expect, test } from "bun:test";
import { Chopin, HTTPError } from "../../src/index.ts";
import {
  type CookieAttributes,
  type Cookies,
  type CookiesOptions,
  type CookiesState,
  cookies,
} from "../../src/middleware/index.ts";
import { parseCookies } from "../../src/middleware/support/cookie-text.ts";
import { bothWays } from "../_setup.ts";
import { expectFault } from "./_fault.ts";

const oldSecret = "the old secret of 32 characters or more";
const newSecret = "the new secret of 32 characters or more";

/** What a handler does with its cookies, and the lines that come of it. */
async function setBy(use: (jar: Cookies) => void, options?: CookiesOptions): Promise<string[]> {
  const app = new Chopin<CookiesState>().layer(cookies(options));
  app.get("/", ({ state }) => {
    use(state.cookies);
    return "";
  });
  const response = await app.fetch(new Request("http://a.test/"));
  if (response.status !== 200)
    throw new Error(((await response.json()) as { detail: string }).detail);
  return response.headers.getSetCookie();
}

/** What a handler reads of one Cookie field. */
async function readBy<T>(
  field: string,
  use: (jar: Cookies) => T,
  options?: CookiesOptions,
): Promise<T> {
  let read: { readonly value: T } | undefined;
  const app = new Chopin<CookiesState>().layer(cookies(options));
  app.get("/", ({ state }) => {
    read = { value: use(state.cookies) };
    return "";
  });
  await app.fetch(new Request("http://a.test/", { headers: { Cookie: field } }));
  if (read === undefined) throw new Error("the handler was not reached");
  return read.value;
}

describe("reading", () => {
  for (const [field, expected] of [
    [undefined, {}],
    ["", {}],
    ["a=1; b=2", { a: "1", b: "2" }],
    ["a=1;b=2;;  ;c", { a: "1", b: "2" }],
    ["a=1; a=2", { a: "1" }],
    ["a=b=c", { a: "b=c" }],
    ['a="quoted"; b="', { a: "quoted", b: '"' }],
    ["a=%C3%A9%20x; b=%; c=100%", { a: "é x", b: "%", c: "100%" }],
    ["=__Host-a=1; __Host-a=2", { "__Host-a": "2" }],
    [" a = 1 ;\tb\t=\t2", { a: "1", b: "2" }],
    ["a=; b", { a: "" }],
  ] as const) {
    test(`${JSON.stringify(field)}`, () => expect({ ...parseCookies(field) }).toEqual(expected));
  }

  test("names that objects have are names like others", () => {
    const read = parseCookies("__proto__=1; constructor=2");
    expect(Object.getPrototypeOf(read)).toBeNull();
    expect(Object.entries(read)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
    expect(parseCookies("a=1").toString).toBeUndefined();
  });

  test("too many", () => {
    expect(
      Object.keys(parseCookies(Array.from({ length: 512 }, (_, n) => `c${n}=`).join(";"))),
    ).toHaveLength(512);
    expect(() => parseCookies("a=1;".repeat(513))).toThrow(HTTPError);
    expect(() => parseCookies(";".repeat(513))).toThrow(HTTPError);
  });
});

describe("writing", () => {
  bothWays(
    "sets, replaces and deletes, also on errors",
    () => {
      const app = new Chopin<CookiesState>().layer(cookies());
      app.get("/", ({ state }) => {
        state.cookies.set("a", "first");
        state.cookies.set("b", 'é ;,"\\%');
        state.cookies.set("a", "second");
        state.cookies.set("a", "below", { path: "/below" });
        state.cookies.delete("c", { domain: "a.test" });
        throw new HTTPError(409);
      });
      return app as unknown as Chopin;
    },
    async (send) => {
      const rest = "Path=/; HttpOnly; Secure; SameSite=Lax";
      expect((await send("GET", "/")).headers.getSetCookie()).toEqual([
        `a=second; ${rest}`,
        `b=%C3%A9%20%3B%2C%22%5C%25; ${rest}`,
        "a=below; Path=/below; HttpOnly; Secure; SameSite=Lax",
        "c=; Path=/; Domain=a.test; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax",
      ]);
    },
  );

  test("attributes, and those that hold for all", async () => {
    const attributes: CookieAttributes = {
      path: "/p",
      domain: "a.test",
      maxAgeSeconds: 60,
      expires: new Date(0),
      httpOnly: false,
      secure: true,
      sameSite: "None",
      partitioned: true,
    };
    const whole =
      "a=1; Path=/p; Domain=a.test; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=None; Partitioned";
    expect(await setBy((jar) => jar.set("a", "1", attributes))).toEqual([whole]);
    expect(await setBy((jar) => jar.set("a", "1"), { attributes })).toEqual([whole]);
    const strict = await setBy((jar) => jar.set("__Host-a", "1", { sameSite: "Strict" }));
    expect(strict).toEqual(["__Host-a=1; Path=/; HttpOnly; Secure; SameSite=Strict"]);
  });

  test("whatever is set comes back", async () => {
    for (const value of ["", "plain", "a b", "é ✓ 😀", "%41", 'a"b\\;,=', "\t"]) {
      const [line = ""] = await setBy((jar) => jar.set("a", value));
      expect(line).toMatch(/^a=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*; /);
      expect(await readBy(line.split("; ")[0] ?? "", (jar) => jar.get("a"))).toBe(value);
    }
  });

  test("what cannot be sent, or what browsers refuse", async () => {
    const fault = (name: string, value: string, attributes: object, text: string) =>
      readBy("", (jar) => expect(() => jar.set(name, value, attributes)).toThrow(text));
    await fault("a b", "", {}, "the name is no token");
    await fault("", "", {}, "the name is no token");
    await fault("a\r\n", "", {}, "the name is no token");
    for (const text of ["a\r\nb", "a\nb", "a\0b", "\x7f"]) {
      await fault("a", text, {}, "control character");
      await fault("a", "", { path: `/${text}` }, "path starts with a slash");
      await fault("a", "", { domain: text }, "domain is a host name");
    }
    await fault("a", "", { path: "/;x" }, "path starts with a slash");
    await fault("a", "", { path: "x" }, "path starts with a slash");
    await fault("a", "", { domain: "a.test; Secure" }, "domain is a host name");
    await fault("a", "x".repeat(4096), {}, "more than 4096 bytes");
    await fault("a", "", { maxAgeSeconds: 34_560_001 }, "400 days");
    await fault("a", "", { maxAgeSeconds: -1 }, "whole number");
    await fault("a", "", { expires: new Date(Number.NaN) }, "valid Date");
    await fault("a", "", { sameSite: "lax" }, "sameSite is");
    await fault("a", "", { sameSite: "None", secure: false }, "None takes secure");
    await fault("a", "", { partitioned: true, secure: false }, "partitioned takes secure");
    await fault("__Secure-a", "", { secure: false }, "__Secure- takes secure");
    await fault("__host-a", "", { domain: "a.test" }, "__Host- takes");
    await fault("__Host-a", "", { path: "/p" }, "__Host- takes");
    await fault("__Host-a", "", { secure: false }, "__Host- takes");
    await fault("a", "", { maxAge: 1 }, '"maxAge" is no option');
  });
});

describe("signed and encrypted", () => {
  const from = (secret: string): CookiesOptions => ({
    signingSecrets: [secret],
    encryptionSecrets: [secret],
  });
  const both: CookiesOptions = {
    signingSecrets: [newSecret, oldSecret],
    encryptionSecrets: [Buffer.from(newSecret), oldSecret],
  };
  const kinds = [
    ["signed", "setSigned", "getSigned"],
    ["encrypted", "setEncrypted", "getEncrypted"],
  ] as const;

  for (const [kindOfCookie, set, get] of kinds) {
    const made = async (value: string, options: CookiesOptions, name = "a") => {
      const [line = ""] = await setBy((jar) => jar[set](name, value), options);
      return line.split("; ")[0]?.slice(name.length + 1) ?? "";
    };
    const read = (text: string, options: CookiesOptions, name = "a") =>
      readBy(`${name}=${text}`, (jar) => jar[get](name), options);

    test(`${kindOfCookie}: round trips`, async () => {
      for (const value of ["", "x", "a.b.c", "é ✓ 😀", "long ".repeat(200)]) {
        expect(await read(await made(value, from(oldSecret)), from(oldSecret))).toBe(value);
      }
    });

    test(`${kindOfCookie}: secrets are exchanged`, async () => {
      const before = await made("kim", from(oldSecret));
      expect(await read(before, both)).toBe("kim");
      expect(await read(before, from(newSecret))).toBeUndefined();
      expect(await read(await made("kim", both), from(newSecret))).toBe("kim");
    });

    test(`${kindOfCookie}: every changed, cut or foreign text counts as none`, async () => {
      const text = await made("kim", both);
      for (let at = 0; at < text.length; at++) {
        expect(await read(text.slice(0, at), both)).toBeUndefined();
        const other = text[at] === "A" ? "B" : "A";
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        // The last letter of base64url may have bits that say nothing.
        if (at < text.length - 1) expect([at, await read(changed, both)]).toEqual([at, undefined]);
      }
      expect(await read(text, both, "b")).toBeUndefined();
      for (const junk of ["", ".", "kim", "kim.", ".x"]) {
        expect(await read(junk, both)).toBeUndefined();
      }
    });
  }

  test("encrypted ones tell nothing and differ each time", async () => {
    const lines = await setBy((jar) => {
      jar.setEncrypted("a", "kim");
      jar.setEncrypted("b", "kim");
      jar.setSigned("c", "kim");
    }, both);
    expect(lines[0]?.slice(2)).not.toBe(lines[1]?.slice(2));
    expect(lines[0]).not.toContain("kim");
    expect(lines[2]).toStartWith("c=kim.");
  });

  test("wrong options", async () => {
    expectFault(() => cookies({ signingSecrets: ["short"] }), "fewer than 32 characters");
    expectFault(() => cookies({ encryptionSecrets: [] }), "a list of 1 to 8 secrets");
    expectFault(() => cookies({ attributes: { maxAge: 1 } as object }), '"maxAge" is no option');
    expect(() => cookies({ attributes: { sameSite: "None", secure: false } })).toThrow(
      "None takes",
    );
    const missing = "signingSecrets are missing";
    await readBy("a=b.c", (jar) => expectFault(() => jar.getSigned("a"), missing));
    await readBy("", (jar) => expectFault(() => jar.setSigned("a", ""), missing));
  });
});
