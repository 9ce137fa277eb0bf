/** Cookies: read, set, signed and encrypted. */
import {
  type CookieAttributes,
  parseCookies,
  serializeCookie,
  type WholeCookieAttributes,
} from "./support/cookie-text.ts";
import { type AnyContext, type AnyMiddleware, after } from "./support/middleware.ts";
import { checkOptions, invalidOption } from "./support/options.ts";
import { deriveKeys, type Secret, seal, sign, unseal, unsign } from "./support/sealing.ts";

/** Options of `cookies`. */
export interface CookiesOptions {
  /**
   * Secrets of signed cookies, each of at least 32 characters. The first signs, all verify: to
   * exchange one, put the new one first and drop the old one when its cookies have expired.
   */
  readonly signingSecrets?: readonly Secret[];
  /** Secrets of encrypted cookies, in the same way. */
  readonly encryptionSecrets?: readonly Secret[];
  /** Attributes of cookies that are set without their own. */
  readonly attributes?: CookieAttributes;
}

/** State of `cookies`. */
export interface CookiesState {
  cookies: Cookies;
}

interface Keys {
  readonly signing: readonly Buffer[] | undefined;
  readonly encryption: readonly Buffer[] | undefined;
}

const attributeNames: readonly (keyof CookieAttributes)[] = [
  "path",
  "domain",
  "maxAgeSeconds",
  "expires",
  "httpOnly",
  "secure",
  "sameSite",
  "partitioned",
];

/**
 * The cookies of one request, and those that its answer sets. What was set is not read back.
 *
 * @example
 * state.cookies.setSigned("__Host-session", id, { maxAgeSeconds: 3600 });
 * const id = state.cookies.getSigned("__Host-session");
 */
export class Cookies {
  readonly #ctx: AnyContext;
  readonly #keys: Keys;
  readonly #defaults: WholeCookieAttributes;
  readonly #lines = new Map<string, string>();
  #read: Readonly<Record<string, string | undefined>> | undefined;

  /** @internal */
  constructor(ctx: AnyContext, keys: Keys, defaults: WholeCookieAttributes) {
    this.#ctx = ctx;
    this.#keys = keys;
    this.#defaults = defaults;
  }

  /** A cookie of the request. */
  get(name: string): string | undefined {
    return this.all()[name];
  }

  /** All cookies of the request, in an object without prototype. */
  all(): Readonly<Record<string, string | undefined>> {
    this.#read ??= parseCookies(this.#ctx.header("cookie"));
    return this.#read;
  }

  /** A signed cookie; undefined also when its signature does not hold. */
  getSigned(name: string): string | undefined {
    const text = this.get(name);
    return text === undefined ? undefined : unsign(this.#signing(), name, text);
  }

  /** An encrypted cookie; undefined also when no key opens it. */
  getEncrypted(name: string): string | undefined {
    const text = this.get(name);
    return text === undefined ? undefined : unseal(this.#encryption(), name, text);
  }

  /**
   * Sets a cookie; a second time it takes the place of the first.
   *
   * @throws ChopinError `invalid_header` for what cannot be sent or what browsers refuse.
   */
  set(name: string, value: string, attributes: CookieAttributes = {}): void {
    checkOptions("cookies", attributes, attributeNames);
    const { domain = "", path } = { ...this.#defaults, ...attributes };
    const line = serializeCookie(name, value, { ...this.#defaults, ...attributes });
    // A cookie is known by these three (RFC 6265bis 5.7).
    this.#lines.set(`${name};${domain};${path}`, line);
  }

  /** Sets a cookie that clients can read but not change. It can be sent again at any time. */
  setSigned(name: string, value: string, attributes?: CookieAttributes): void {
    this.set(name, sign(this.#signing(), name, value), attributes);
  }

  /** Sets a cookie that clients can neither read nor change. */
  setEncrypted(name: string, value: string, attributes?: CookieAttributes): void {
    this.set(name, seal(this.#encryption(), name, value), attributes);
  }

  /** Makes the browser forget a cookie; with the path and domain that it was set with. */
  delete(name: string, attributes: Pick<CookieAttributes, "path" | "domain"> = {}): void {
    this.set(name, "", { ...attributes, maxAgeSeconds: 0, expires: new Date(0) });
  }

  /**
   * Values of Set-Cookie, in the order in which they were set.
   *
   * @internal
   */
  get lines(): Iterable<string> {
    return this.#lines.values();
  }

  #signing(): readonly Buffer[] {
    const keys = this.#keys.signing;
    if (keys === undefined) throw invalidOption("cookies", "signingSecrets are missing");
    return keys;
  }

  #encryption(): readonly Buffer[] {
    const keys = this.#keys.encryption;
    if (keys === undefined) throw invalidOption("cookies", "encryptionSecrets are missing");
    return keys;
  }
}

/**
 * Gives handlers `ctx.state.cookies`. A cookie is for this host, all paths, TLS and no scripts, and
 * "Lax", unless its attributes say otherwise.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const app = new Chopin<CookiesState>().layer(cookies({ signingSecrets: [secret] }));
 * app.get("/", ({ state }) => ({ user: state.cookies.getSigned("user") ?? null }));
 */
export function cookies(options: CookiesOptions = {}): AnyMiddleware {
  checkOptions("cookies", options, ["signingSecrets", "encryptionSecrets", "attributes"]);
  const { signingSecrets, encryptionSecrets, attributes = {} } = options;
  const keys: Keys = {
    signing:
      signingSecrets && deriveKeys("cookies", "signingSecrets", signingSecrets, "cookie signing"),
    encryption:
      encryptionSecrets &&
      deriveKeys("cookies", "encryptionSecrets", encryptionSecrets, "cookie encryption"),
  };
  const defaults = wholeAttributes(attributes);
  return (ctx, next) => {
    const jar = new Cookies(ctx, keys, defaults);
    (ctx.state as CookiesState).cookies = jar;
    return after(next(), (answer) => {
      for (const line of jar.lines) answer.headers.append("Set-Cookie", line);
    });
  };
}

function wholeAttributes(given: CookieAttributes): WholeCookieAttributes {
  checkOptions("cookies", given, attributeNames);
  const whole = { path: "/", httpOnly: true, secure: true, sameSite: "Lax", ...given } as const;
  // Wrong ones are found here, and not with the first cookie.
  serializeCookie("a", "", whole);
  return whole;
}
