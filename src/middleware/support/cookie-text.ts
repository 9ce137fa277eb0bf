/** Cookies as they stand in fields (RFC 6265bis): Cookie is read, Set-Cookie is written. */
import { isToken } from "../../answer-fields.ts";
import { ChopinError, HTTPError } from "../../errors.ts";

/** Attributes of a cookie. */
export interface CookieAttributes {
  /** Paths that it is sent to: all ("/") unless told. */
  readonly path?: string;
  /** Hosts below this one get it too; only the host that set it unless told. */
  readonly domain?: string;
  /** Seconds that it is kept; until the browser closes unless told. At most 400 days. */
  readonly maxAgeSeconds?: number;
  readonly expires?: Date;
  /** Scripts cannot read it; true unless told. */
  readonly httpOnly?: boolean;
  /** Sent over TLS only, and to localhost by most browsers; true unless told. */
  readonly secure?: boolean;
  /** Whether other sites' requests carry it; "Lax" unless told: only when a link is followed. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** A jar of its own below each top-level site (CHIPS). False unless told. */
  readonly partitioned?: boolean;
}

/** Attributes with everything that has a default. */
export type WholeCookieAttributes = CookieAttributes & {
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
};

/** Browsers keep 180 of a domain at most, and send those of the domains above it too. */
const cookiesMax = 512;
/** Bytes of name and value together (RFC 6265bis 5.6). */
const cookieBytesMost = 4096;
/** Bytes of an attribute's value; longer ones are ignored by browsers (RFC 6265bis 5.6). */
const attributeBytesMost = 1024;
/** 400 days: browsers cut what is longer (RFC 6265bis 5.5). */
const maxAgeMost = 34_560_000;

/**
 * The cookies of a request by name, in an object without prototype; of repeated names the first,
 * which is that of the longest path. Escapes are decoded where they are well-formed.
 *
 * @throws HTTPError 400 `too_many_cookies` above 512.
 */
export function parseCookies(field: string | undefined): Record<string, string | undefined> {
  const cookies: Record<string, string | undefined> = Object.create(null);
  if (field === undefined) return cookies;
  let count = 0;
  for (let start = 0; start < field.length; ) {
    let end = field.indexOf(";", start);
    if (end === -1) end = field.length;
    const equals = field.indexOf("=", start);
    if (++count > cookiesMax) throw new HTTPError(400, "too_many_cookies");
    // A cookie without a name could pose as another: `=__Host-a=b` (RFC 6265bis 8.8).
    if (equals > start && equals < end) {
      const name = field.slice(start, equals).trim();
      if (name !== "" && cookies[name] === undefined) {
        cookies[name] = decode(field.slice(equals + 1, end).trim());
      }
    }
    start = end + 1;
  }
  return cookies;
}

/**
 * The value of Set-Cookie. What a cookie's value cannot have is percent-encoded.
 *
 * @throws ChopinError `invalid_header` for names, values and attributes that cannot be sent or that
 * browsers refuse, such as a `__Host-` cookie with a domain.
 */
export function serializeCookie(
  name: string,
  value: string,
  attributes: WholeCookieAttributes,
): string {
  const fault = (text: string) =>
    new ChopinError("invalid_header", `Cookie ${JSON.stringify(name)}: ${text}.`);
  if (typeof name !== "string" || !isToken(name)) throw fault("the name is no token");
  if (typeof value !== "string") throw fault("the value is a string");
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw fault("the value has a control character");
  const text = encode(value);
  if (name.length + text.length > cookieBytesMost) {
    throw fault(`name and value have more than ${cookieBytesMost} bytes`);
  }
  checkRules(name, attributes, fault);
  const { path, domain, maxAgeSeconds, expires, httpOnly, secure, sameSite } = attributes;
  let line = `${name}=${text}; Path=${checkPath(path, fault)}`;
  if (domain !== undefined) line += `; Domain=${checkDomain(domain, fault)}`;
  if (maxAgeSeconds !== undefined) {
    if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0 || maxAgeSeconds > maxAgeMost) {
      throw fault(`maxAgeSeconds is a whole number, 0 to ${maxAgeMost} (400 days)`);
    }
    line += `; Max-Age=${maxAgeSeconds}`;
  }
  if (expires !== undefined) {
    if (!(expires instanceof Date) || Number.isNaN(expires.getTime())) {
      throw fault("expires is a valid Date");
    }
    line += `; Expires=${expires.toUTCString()}`;
  }
  if (httpOnly) line += "; HttpOnly";
  if (secure) line += "; Secure";
  line += `; SameSite=${sameSite}`;
  return attributes.partitioned === true ? `${line}; Partitioned` : line;
}

/** Attributes and prefixes that browsers hold against each other (RFC 6265bis 4.1.3, 5.7). */
function checkRules(
  name: string,
  attributes: WholeCookieAttributes,
  fault: (text: string) => ChopinError,
): void {
  const { path, domain, secure, sameSite, partitioned } = attributes;
  if (!["Strict", "Lax", "None"].includes(sameSite)) {
    throw fault('sameSite is "Strict", "Lax" or "None"');
  }
  if (sameSite === "None" && !secure) throw fault("sameSite None takes secure");
  if (partitioned === true && !secure) throw fault("partitioned takes secure");
  // Browsers compare prefixes without regard to case.
  const lower = name.toLowerCase();
  if (lower.startsWith("__secure-") && !secure) throw fault("the prefix __Secure- takes secure");
  if (!lower.startsWith("__host-")) return;
  if (!secure || path !== "/" || domain !== undefined) {
    throw fault('the prefix __Host- takes secure, path "/" and no domain');
  }
}

function checkPath(path: string, fault: (text: string) => ChopinError): string {
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path) || path.length > attributeBytesMost) {
    throw fault("path starts with a slash and has neither a semicolon nor a control character");
  }
  return path;
}

function checkDomain(domain: string, fault: (text: string) => ChopinError): string {
  if (!/^\.?[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(domain) || domain.length > attributeBytesMost) {
    throw fault("domain is a host name, IDN as xn--");
  }
  return domain;
}

/** All but cookie octets (RFC 6265bis 4.1.1) and the percent sign, as UTF-8. */
function encode(value: string): string {
  return value.replaceAll(/[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g, (part) =>
    encodeURIComponent(part.toWellFormed()),
  );
}

function decode(text: string): string {
  const value = /^".*"$/.test(text) ? text.slice(1, -1) : text;
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // Set by somebody else, who meant the percent sign itself.
    return value;
  }
}
