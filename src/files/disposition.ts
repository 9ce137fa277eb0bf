/** The value of Content-Disposition for a download (RFC 6266). Called by `answer.ts`. */
import { ChopinError } from "../errors.ts";

/**
 * Offers the content for saving under a name of any characters: as it is for clients that know
 * RFC 8187, which are all that are in use, and in ASCII for the rest.
 *
 * @throws ChopinError `invalid_header` for an empty name and one with control characters.
 */
export function attachment(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  if (base === "" || /[\0-\x1f\x7f]/.test(base)) {
    throw new ChopinError("invalid_header", `${JSON.stringify(name)} is no name of a download.`);
  }
  // A percent sign would be decoded by some clients, and a quote ends the text for others.
  const plain = base.replaceAll(/[^\x20-\x7e]|["%\\]/gu, "_");
  const value = `attachment; filename="${plain}"`;
  return plain === base ? value : `${value}; filename*=UTF-8''${extended(base)}`;
}

/** An extended value (RFC 8187 3.2.1), which escapes more than URLs do. */
function extended(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
