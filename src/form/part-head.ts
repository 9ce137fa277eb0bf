/**
 * The header lines of one part of `multipart/form-data` (RFC 7578 4): its name, and what its client
 * calls the file. Everything here was written by a stranger.
 */
import { type HTTPError, problem } from "../errors.ts";
import type { Limits } from "./limits.ts";

/** What a part says about itself. */
export interface PartHead {
  readonly name: string;
  /** Undefined: the part is a field. */
  readonly filename: string | undefined;
  /** Content-Type as sent; "" when it was not. */
  readonly type: string;
}

/** One parameter; browsers escape a quote as %22, other clients with a backslash (RFC 7578 4.2). */
const parameter = /;[ \t]*([!#$%&'*+.^`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))[ \t]*/y;

/** Encodings that leave the bytes as they are; others are deprecated (RFC 7578 4.7). */
const plain: readonly string[] = ["7bit", "8bit", "binary"];

/**
 * Reads header lines that have one character for each byte.
 *
 * @throws HTTPError 400 `invalid_form`, 413 `part_too_large`.
 */
export function partHead(
  lines: Readonly<Record<string, readonly string[] | undefined>>,
  limits: Limits,
): PartHead {
  let bytes = 0;
  for (const [name, values = []] of Object.entries(lines)) {
    for (const value of values) bytes += name.length + value.length + ": \r\n".length;
  }
  if (bytes > limits.partHeadBytesMax) {
    throw problem(
      "part_too_large",
      `The head of a part may have ${limits.partHeadBytesMax} bytes.`,
    );
  }
  const [disposition = ""] = only(lines, "content-disposition");
  const [type = ""] = only(lines, "content-type");
  const [encoding = "binary"] = only(lines, "content-transfer-encoding");
  if (!plain.includes(encoding.trim().toLowerCase())) {
    throw invalid("Content-Transfer-Encoding is not decoded.");
  }
  const { name, filename } = parameters(disposition);
  if (name === undefined) throw invalid("A part has no name.");
  checkName(name, limits);
  if (filename !== undefined) checkName(filename, limits);
  return {
    name,
    filename: filename === undefined ? undefined : lastSegment(filename),
    type: type.trim(),
  };
}

/** A malformed form, with what is wrong for people. */
export function invalid(detail: string): HTTPError {
  return problem("invalid_form", detail);
}

/** @throws HTTPError 413 `part_too_large`. */
export function checkName(name: string, limits: Limits): void {
  if (Buffer.byteLength(name) > limits.nameBytesMax) {
    throw problem("part_too_large", `A name may have ${limits.nameBytesMax} bytes.`);
  }
}

/** The values of a field that may be there once; two readers could pick different ones. */
function only(
  lines: Readonly<Record<string, readonly string[] | undefined>>,
  key: string,
): readonly string[] {
  const values = lines[key] ?? [];
  if (values.length > 1) throw invalid(`A part has ${key} twice.`);
  // Dicer hands over what a line has; no reader expects control characters in it.
  if (values.some((value) => /[\0-\x08\x0a-\x1f\x7f]/.test(value))) {
    throw invalid(`A part has a control character in ${key}.`);
  }
  return values;
}

/** Name and file name of a Content-Disposition (RFC 6266 4, RFC 7578 4.2). */
function parameters(disposition: string): { name?: string; filename?: string } {
  const semicolon = disposition.indexOf(";");
  const kind = semicolon === -1 ? disposition : disposition.slice(0, semicolon);
  if (kind.trim().toLowerCase() !== "form-data") throw invalid("A part is no form-data.");
  const found: { name?: string; filename?: string; "filename*"?: string } = Object.create(null);
  parameter.lastIndex = semicolon === -1 ? disposition.length : semicolon;
  while (parameter.lastIndex < disposition.length) {
    const match = parameter.exec(disposition);
    if (match === null) throw invalid("A Content-Disposition is malformed.");
    const [, key = "", quoted, token = ""] = match;
    const lower = key.toLowerCase();
    if (lower !== "name" && lower !== "filename" && lower !== "filename*") continue;
    if (found[lower] !== undefined) throw invalid(`A part has ${lower} twice.`);
    found[lower] = quoted === undefined ? token : quoted.replaceAll(/\\(["\\])/g, "$1");
  }
  const extended = found["filename*"];
  const result: { name?: string; filename?: string } = {};
  if (found.name !== undefined) result.name = utf8(found.name);
  if (extended !== undefined) result.filename = extendedValue(extended);
  else if (found.filename !== undefined) result.filename = utf8(found.filename);
  return result;
}

/** A value with charset and percent-encoding (RFC 8187 3.2); it has precedence (RFC 6266 4.3). */
function extendedValue(text: string): string {
  const [, charset = "", encoded = ""] = /^([\w-]+)'[\w-]*'([^']*)$/.exec(text) ?? [];
  const isUtf8 = charset.toLowerCase() === "utf-8";
  try {
    if (!isUtf8 && charset.toLowerCase() !== "iso-8859-1") throw new URIError(charset);
    const decoded = isUtf8 ? decodeURIComponent(encoded) : latin1(encoded);
    if (/[\0-\x1f\x7f]/.test(decoded)) throw new URIError("control character");
    return decoded;
  } catch (cause) {
    throw Object.assign(invalid("A filename* is malformed."), { cause });
  }
}

/**
 * What is behind the last separator of either kind, because old browsers send whole paths and
 * attackers `../`. Empty when nothing is left that could name a file.
 */
function lastSegment(filename: string): string {
  const segment = filename.slice(
    Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1,
  );
  const name = segment.replace(/^[A-Za-z]:/, "");
  return name === "." || name === ".." ? "" : name;
}

function latin1(encoded: string): string {
  return encoded.replaceAll(/%([\da-f]{2})/gi, (_, byte: string) =>
    String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

function utf8(bytesAsText: string): string {
  return Buffer.from(bytesAsText, "latin1").toString("utf8");
}
