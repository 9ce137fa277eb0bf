/**
 * Cookies that a session keeps, by the rules of browsers (RFC 6265): paths, expiry, Secure and the
 * prefixes of names. Called by `client.ts`; the library is loaded with the first call.
 */
import type { CookieJar } from "tough-cookie";

/** Nothing lasts longer, and a `Date` has an end. */
const centurySeconds = 3_155_760_000;

export class SessionCookies {
  readonly #origin: string;
  readonly #given: Readonly<Record<string, string>>;
  #jar: Promise<CookieJar> | undefined;

  /** `given` are there from the beginning, for all paths of `origin`. */
  constructor(origin: string, given: Readonly<Record<string, string>>) {
    this.#origin = origin;
    this.#given = given;
  }

  /** Puts those that belong to a request into it. Of one name, that of the call itself is sent. */
  async addTo(request: Request): Promise<void> {
    const jar = await this.#loaded();
    const own = request.headers.get("cookie");
    const names = new Set(own?.split(";").map((pair) => pair.split("=", 1)[0]!.trim()));
    const kept = jar.getCookiesSync(request.url).filter(({ key }) => !names.has(key));
    const pairs = [...kept.map((cookie) => cookie.cookieString()), ...(own ? [own] : [])];
    if (pairs.length > 0) request.headers.set("cookie", pairs.join("; "));
  }

  /** Keeps what an answer sets; what a browser would refuse is left out. */
  async takeFrom(request: Request, response: Response): Promise<void> {
    const lines = response.headers.getSetCookie();
    if (lines.length === 0) return;
    const [{ Cookie }, jar] = await Promise.all([import("tough-cookie"), this.#loaded()]);
    for (const cookie of lines.map((line) => Cookie.parse(line))) {
      if (cookie === undefined) continue;
      if (typeof cookie.maxAge === "number") {
        // The library counts Max-Age from the last use; RFC 6265 5.2.2 from the answer that set it.
        cookie.expires = new Date(Date.now() + Math.min(cookie.maxAge, centurySeconds) * 1000);
        cookie.maxAge = null;
      }
      jar.setCookieSync(cookie, request.url, { ignoreError: true });
    }
  }

  /** Those that a call to a URL would send, decoded. */
  async list(url: string): Promise<Record<string, string>> {
    const jar = await this.#loaded();
    return Object.fromEntries(
      jar.getCookiesSync(url).map(({ key, value }) => [key, decodedValue(value)]),
    );
  }

  #loaded(): Promise<CookieJar> {
    this.#jar ??= import("tough-cookie").then(({ CookieJar }) => {
      // Tests serve names that no registry knows.
      const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
      for (const [name, value] of Object.entries(this.#given)) {
        jar.setCookieSync(`${name}=${encodeURIComponent(value)}; Path=/`, this.#origin);
      }
      return jar;
    });
    return this.#jar;
  }
}

/** As `ctx.cookies` reads it: what is no encoding stays. */
function decodedValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
