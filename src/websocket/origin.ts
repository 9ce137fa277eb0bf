/**
 * Whose pages may open a WebSocket. Browsers let every page open one to any host, with the cookies
 * that the user has there, and leave it to the server to look at Origin (RFC 6455 10.2).
 */
import { ChopinError } from "../errors.ts";

export type Origins = "same" | "any" | readonly string[];

/**
 * @throws ChopinError `invalid_option` for what no browser would send as an origin: it would never
 * be met.
 */
export function checkOrigins(origins: Origins): void {
  if (origins === "same" || origins === "any") return;
  const list: readonly unknown[] = Array.isArray(origins) ? origins : [];
  const wrong = list.find((one) => !isOrigin(one));
  if (list.length > 0 && wrong === undefined) return;
  const given = JSON.stringify(wrong ?? origins);
  throw new ChopinError(
    "invalid_option",
    `origins is "same", "any" or a list such as ["https://app.example"], without paths: ${given}.`,
  );
}

/** Whether a page of this origin may; `host` is the authority that was asked. */
export function allowsOrigin(origins: Origins, origin: string | undefined, host: string): boolean {
  if (origins === "any" || origin === undefined) return true;
  if (origins !== "same") return origins.includes(origin);
  // The scheme is left out: behind a proxy that ends TLS it is not known here.
  const own = `${origin.split(":", 1)[0]}://${host}`;
  return isOrigin(origin) && URL.canParse(own) && new URL(own).host === new URL(origin).host;
}

/** Sandboxed pages have the origin "null", which says nothing of who they are. */
function isOrigin(text: unknown): boolean {
  if (typeof text !== "string" || !URL.canParse(text)) return false;
  const { origin, protocol, host } = new URL(text);
  return origin === text || (origin === "null" && text === `${protocol}//${host}`);
}
