/**
 * What proxies write about a request that they pass on: `Forwarded` (RFC 7239) and the
 * `X-Forwarded-*` fields. Read from the right, where the nearest proxy wrote, and only as far as
 * somebody asks: what a client put in front, however long or wrong, is not looked at. Called by
 * `trust-proxy.ts`, which knows how far to believe them.
 */
import type { FieldSource } from "./headers.ts";
import { type Address, parseAddress } from "./middleware/support/ip-address.ts";

/** One proxy's part of `Forwarded`: parameters by their names in lower case. */
export type ForwardedElement = ReadonlyMap<string, string>;

/** Every line of a field, in order. */
export function allLines(source: Pick<FieldSource, "fieldValue">, name: string): string[] {
  const lines: string[] = [];
  for (let nth = 0; ; nth++) {
    const line = source.fieldValue(name, nth);
    if (line === undefined) return lines;
    lines.push(line);
  }
}

/** Items of a list, the last first; of several lines the last line first (RFC 9110 5.3). */
export function* itemsFromRight(lines: readonly string[]): Generator<string> {
  for (const line of lines.toReversed()) {
    let end = line.length;
    while (end >= 0) {
      const comma = end === 0 ? -1 : line.lastIndexOf(",", end - 1);
      yield trim(line.slice(comma + 1, end));
      end = comma;
    }
  }
}

/**
 * Elements of `Forwarded`, the last first; undefined for one that is malformed. A comma may stand
 * in a quoted string, and what a client wrote may begin one that never ends: from the right each
 * proxy's own element is found whatever stands before it.
 */
export function* elementsFromRight(
  lines: readonly string[],
): Generator<ForwardedElement | undefined> {
  for (const line of lines.toReversed()) {
    let end = line.length;
    while (end >= 0) {
      const comma = commaBefore(line, end);
      yield parseElement(trim(line.slice(comma + 1, end)));
      end = comma;
    }
  }
}

/** The last comma before `end` outside of quoted strings; -1 when there is none. */
function commaBefore(line: string, end: number): number {
  let quoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const byte = line[at];
    if (byte === '"' && !(quoted && isEscaped(line, at))) quoted = !quoted;
    else if (byte === "," && !quoted) return at;
  }
  return -1;
}

/** An odd number of backslashes stands before it (RFC 9110 5.6.4). */
function isEscaped(line: string, at: number): boolean {
  let first = at;
  while (first > 0 && line[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
}

/**
 * RFC 7239 4: pairs of token and value between semicolons. White space around them is in no grammar
 * but in many configurations, and hides nothing.
 */
const token = /[\w!#$%&'*+.^`|~-]+/.source;
const quotedText = /(?:[\t !\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*/.source;
const pair = new RegExp(`[\\t ]*(${token})=(${token}|"${quotedText}")[\\t ]*(?:;|$)`, "y");

function parseElement(text: string): ForwardedElement | undefined {
  const pairs = new Map<string, string>();
  pair.lastIndex = 0;
  while (pair.lastIndex < text.length) {
    const found = pair.exec(text);
    if (found === null) return undefined;
    const name = found[1]!.toLowerCase();
    // RFC 7239 4: each parameter at most once.
    if (pairs.has(name)) return undefined;
    const value = found[2]!;
    const quoted = value.startsWith('"');
    pairs.set(name, quoted ? value.slice(1, -1).replaceAll(/\\(.)/gs, "$1") : value);
  }
  return pairs;
}

/**
 * The address of a node as RFC 7239 6 writes it, in its one canonical text and without its port;
 * undefined for `unknown`, for a name such as `_hidden`, and for what is malformed. An address of
 * IPv6 stands in brackets, unless `bare` also allows it without, as X-Forwarded-For does.
 */
export function nodeAddress(text: string, bare: boolean): string | undefined {
  const parts = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/i.exec(text);
  const inBrackets = parts?.[1];
  const given = inBrackets ?? parts?.[2] ?? (bare && /^[\da-f:.]+$/i.test(text) ? text : undefined);
  if (given === undefined || (inBrackets !== undefined && !given.includes(":"))) return undefined;
  const address = parseAddress(given);
  return address === undefined ? undefined : addressText(address);
}

/**
 * An address in the text that RFC 5952 4 recommends: whoever counts by it must not see one client
 * as many.
 */
export function addressText({ version, words }: Address): string {
  if (version === 4) {
    const word = words[3];
    return [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff].join(".");
  }
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const text = groups.map((group) => group.toString(16)).join(":");
  // The longest run of two zeros or more, the first of equals.
  let best = "";
  for (const [run] of text.matchAll(/(?<![\da-f])0(?::0)+(?![\da-f])/g)) {
    if (run.length > best.length) best = run;
  }
  if (best === "") return text;
  const at = text.search(new RegExp(`(?<![\\da-f])${best}(?![\\da-f])`));
  const before = text.slice(0, at).replace(/:$/, "");
  return `${before}::${text.slice(at + best.length).replace(/^:/, "")}`;
}

/** True for TLS; undefined for what names no scheme of HTTP. Some proxies name WebSockets' ones. */
export function isSecureScheme(text: string | undefined): boolean | undefined {
  switch (text?.toLowerCase()) {
    case "https":
    case "wss":
      return true;
    case "http":
    case "ws":
      return false;
    default:
      return undefined;
  }
}

/** A host with or without a port; undefined for what cannot be one, such as a list. */
export function hostText(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 255) return undefined;
  return /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text) ? text : undefined;
}

function trim(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, "");
}
