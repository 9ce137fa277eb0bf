/** Authorization fields, and secrets compared without telling how much of them was right. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { AnyContext } from "./middleware.ts";

/** A key of this process: what is compared is of one length, and nobody can prepare for it. */
const comparingKey = randomBytes(32);

/** The form in which a secret is compared, of one length for all. */
export function fingerprint(secret: string): Buffer {
  return createHmac("sha256", comparingKey).update(secret).digest();
}

/** Compares in a time that does not depend on what is equal. */
export function equalFingerprints(one: Buffer, other: Buffer): boolean {
  return timingSafeEqual(one, other);
}

/**
 * What Authorization says for one scheme (RFC 9110 11.4), whose name is case-insensitive;
 * undefined when the field is missing or has another scheme.
 */
export function credentialsOf(ctx: AnyContext, scheme: string): string | undefined {
  const field = ctx.header("authorization");
  if (field === undefined) return undefined;
  const space = field.indexOf(" ");
  const name = space === -1 ? field : field.slice(0, space);
  if (name.toLowerCase() !== scheme) return undefined;
  return space === -1 ? "" : field.slice(space + 1).trim();
}
