/**
 * Values that only this application can have made (HMAC-SHA256), or that also nobody else can read
 * (AES-256-GCM). The first key makes, all of them are tried: that is how keys are exchanged.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { invalidOption } from "./options.ts";

/** A secret: at least 32 characters or bytes, from a good source of randomness. */
export type Secret = string | Uint8Array;

const secretLengthLeast = 32;
/** Each key that does not fit costs one more try for each cookie. */
const secretsMost = 8;
const nonceBytes = 12;
const tagBytes = 16;
const signatureBytes = 32;

/**
 * Keys for one purpose. They are derived (HKDF, RFC 5869), so that one secret may serve several
 * purposes and what was made for one counts for no other.
 *
 * @throws ChopinError `invalid_option` for no, too many or too short secrets.
 */
export function deriveKeys(
  middleware: string,
  name: string,
  secrets: readonly Secret[],
  purpose: string,
): readonly Buffer[] {
  if (!Array.isArray(secrets) || secrets.length === 0 || secrets.length > secretsMost) {
    throw invalidOption(middleware, `${name} is a list of 1 to ${secretsMost} secrets`);
  }
  return (secrets as readonly Secret[]).map((secret) => {
    const usable = typeof secret === "string" || secret instanceof Uint8Array;
    if (!usable || secret.length < secretLengthLeast) {
      const text = `a secret in ${name} has fewer than ${secretLengthLeast} characters`;
      throw invalidOption(middleware, `${text}: make one with "openssl rand -base64 32"`);
    }
    return Buffer.from(hkdfSync("sha256", secret, "", `chopin ${purpose} v1`, 32));
  });
}

/** The value and its signature. `name` is signed too: the value counts under no other. */
export function sign(keys: readonly Buffer[], name: string, value: string): string {
  return `${value}.${signature(keys[0]!, name, value).toString("base64url")}`;
}

/** The value of a signed text; undefined when no key made it. */
export function unsign(keys: readonly Buffer[], name: string, text: string): string | undefined {
  const dot = text.lastIndexOf(".");
  if (dot === -1) return undefined;
  const value = text.slice(0, dot);
  const given = Buffer.from(text.slice(dot + 1), "base64url");
  if (given.length !== signatureBytes) return undefined;
  const made = keys.some((key) => timingSafeEqual(given, signature(key, name, value)));
  return made ? value : undefined;
}

/** Encrypts a value; `name` is authenticated with it. */
export function seal(keys: readonly Buffer[], name: string, value: string): string {
  // Random nonces of 96 bits hold for 2^32 values of one key (NIST SP 800-38D 8.3).
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", keys[0]!, nonce).setAAD(Buffer.from(name));
  const parts = [nonce, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString("base64url");
}

/** Decrypts a value; undefined when no key made it. */
export function unseal(keys: readonly Buffer[], name: string, text: string): string | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  for (const key of keys) {
    const value = open(key, name, bytes);
    if (value !== undefined) return value;
  }
  return undefined;
}

function open(key: Buffer, name: string, bytes: Buffer): string | undefined {
  const nonce = bytes.subarray(0, nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.from(name))
    .setAuthTag(bytes.subarray(-tagBytes));
  try {
    const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, "utf8");
    return text + decipher.final("utf8");
  } catch {
    // Another key or another hand made it.
    return undefined;
  }
}

/** The name has no "=", so that name and value cannot be cut elsewhere. */
function signature(key: Buffer, name: string, value: string): Buffer {
  return createHmac("sha256", key).update(`${name}=${value}`).digest();
}
