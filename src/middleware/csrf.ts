/** Requests that other sites make in the name of a user (CSRF). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { isToken } from "../answer-fields.ts";
import { HTTPError } from "../errors.ts";
import { parseCookies, serializeCookie } from "./support/cookie-text.ts";
import { type AnyContext, type AnyMiddleware, after } from "./support/middleware.ts";
import { checkFlag, checkOptions, invalidOption } from "./support/options.ts";
import { deriveKeys, type Secret } from "./support/sealing.ts";

/** Options of the tokens of `csrf`. */
export interface CsrfTokenOptions {
  /** Secrets of at least 32 characters; the first makes tokens, all verify them. */
  readonly secrets: readonly Secret[];
  /** Who is signed in; a token counts for that session only. The same for all unless told. */
  readonly sessionId?: (ctx: AnyContext) => string | undefined;
  /** `__Host-csrf` unless told, or `csrf` without `secure`. */
  readonly cookieName?: string;
  /** The cookie is sent over TLS only, and to localhost by most browsers; true unless told. */
  readonly secure?: boolean;
  /** Field of requests with the token; X-CSRF-Token unless told. */
  readonly headerName?: string;
  /** Field of urlencoded forms with the token; "csrf_token" unless told. */
  readonly formField?: string;
}

/** Options of `csrf`. */
export interface CsrfOptions {
  /** Other origins whose pages may make requests, such as "https://admin.example.com". */
  readonly trustedOrigins?: readonly string[];
  /** Takes requests from other hosts of the same site. False unless told. */
  readonly sameSite?: boolean;
  /** Asks for a token too, for browsers of before 2020. None unless told. */
  readonly token?: CsrfTokenOptions;
}

/** State of `csrf` with tokens. */
export interface CsrfState {
  /** Makes the token for a form or a script of the page, and sets its cookie. */
  csrfToken: () => string;
}

/** They change nothing, if the application keeps to HTTP (RFC 9110 9.2.1). */
const safeMethods: readonly string[] = ["GET", "HEAD", "OPTIONS"];
const nonceBytes = 16;

/**
 * Refuses what browsers send for other sites with 403 `cross_site_request`: by Sec-Fetch-Site,
 * which all browsers of today send, and otherwise by Origin. Who sends neither is no browser, and
 * has no cookies of a user to misuse. GET, HEAD and OPTIONS pass.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layer(csrf({ trustedOrigins: ["https://admin.example.com"] }));
 */
export function csrf(options: CsrfOptions = {}): AnyMiddleware {
  checkOptions("csrf", options, ["trustedOrigins", "sameSite", "token"]);
  const trusted = new Set((options.trustedOrigins ?? []).map(checkOrigin));
  const sameSite = checkFlag("csrf", "sameSite", options.sameSite ?? false);
  const tokens = options.token === undefined ? undefined : new Tokens(options.token);
  return (ctx, next) => {
    const safe = safeMethods.includes(ctx.method);
    if (!safe && isCrossSite(ctx, trusted, sameSite))
      throw new HTTPError(403, "cross_site_request");
    if (tokens === undefined) return next();
    if (!safe && !tokens.holds(ctx)) throw new HTTPError(403, "csrf_token_invalid");
    let line: string | undefined;
    (ctx.state as CsrfState).csrfToken = () => {
      const made = tokens.make(ctx);
      line = made.line;
      return made.token;
    };
    return after(next(), (answer) => {
      if (line !== undefined) answer.headers.append("Set-Cookie", line);
    });
  };
}

function isCrossSite(ctx: AnyContext, trusted: Set<string>, sameSite: boolean): boolean {
  const site = ctx.header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return false;
  if (site === "same-site" && sameSite) return false;
  const origin = ctx.header("origin");
  if (origin !== undefined && trusted.has(origin)) return false;
  if (site !== undefined) return true;
  if (origin === undefined) return false;
  // The scheme is left out: behind a proxy that ends TLS it is not known here.
  return !URL.canParse(origin) || new URL(origin).host !== hostOf(ctx);
}

/** As `URL` writes it: in lower case and without the default port, like an origin. */
function hostOf(ctx: AnyContext): string | undefined {
  const url = `${ctx.header("origin")?.split(":", 1)[0]}://${ctx.host}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** Signed double submit: the cookie and what the page sends are the same, and made here. */
class Tokens {
  readonly #keys: readonly Buffer[];
  readonly #options: CsrfTokenOptions;
  readonly #cookieName: string;
  readonly #secure: boolean;
  readonly #headerName: string;
  readonly #formField: string;

  constructor(options: CsrfTokenOptions) {
    const known = ["secrets", "sessionId", "cookieName", "secure", "headerName", "formField"];
    checkOptions("csrf", options, known);
    this.#options = options;
    this.#keys = deriveKeys("csrf", "token.secrets", options.secrets, "csrf token");
    this.#secure = checkFlag("csrf", "token.secure", options.secure ?? true);
    this.#cookieName = options.cookieName ?? (this.#secure ? "__Host-csrf" : "csrf");
    this.#headerName = options.headerName ?? "X-CSRF-Token";
    this.#formField = options.formField ?? "csrf_token";
    if (!isToken(this.#headerName)) {
      throw invalidOption("csrf", `headerName is a field name, not ${this.#headerName}`);
    }
    // A wrong name is found here, and not with the first token.
    this.#cookieLine("");
  }

  make(ctx: AnyContext): { readonly token: string; readonly line: string } {
    const nonce = randomBytes(nonceBytes).toString("base64url");
    const token = `${nonce}.${this.#signature(this.#keys[0]!, ctx, nonce).toString("base64url")}`;
    return { token, line: this.#cookieLine(token) };
  }

  #cookieLine(token: string): string {
    const attributes = { path: "/", httpOnly: true, sameSite: "Lax" } as const;
    return serializeCookie(this.#cookieName, token, { ...attributes, secure: this.#secure });
  }

  holds(ctx: AnyContext): boolean {
    const kept = parseCookies(ctx.header("cookie"))[this.#cookieName];
    const sent = ctx.header(this.#headerName) ?? this.#formToken(ctx);
    if (kept === undefined || sent === undefined || !isEqual(kept, sent)) return false;
    const [nonce = "", text = ""] = kept.split(".");
    const given = Buffer.from(text, "base64url");
    return this.#keys.some((key) => {
      const made = this.#signature(key, ctx, nonce);
      return given.length === made.length && timingSafeEqual(given, made);
    });
  }

  #formToken(ctx: AnyContext): string | undefined {
    const type = ctx.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
    if (type !== "application/x-www-form-urlencoded") return undefined;
    return new URLSearchParams(ctx.text()).get(this.#formField) ?? undefined;
  }

  /** The nonce has one length, so that session and nonce cannot be cut elsewhere. */
  #signature(key: Buffer, ctx: AnyContext, nonce: string): Buffer {
    const session = this.#options.sessionId?.(ctx) ?? "";
    return createHmac("sha256", key).update(`${nonce}.${session}`).digest();
  }
}

function isEqual(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}

function checkOrigin(origin: string): string {
  if (typeof origin !== "string" || !URL.canParse(origin) || new URL(origin).origin !== origin) {
    const given = JSON.stringify(origin);
    throw invalidOption("csrf", `a trusted origin is "https://host" without a path, not ${given}`);
  }
  return origin;
}
