/**
 * Writes `zig/file/mime_table.zig` from `mime-db`, the table that browsers' and servers' lists are
 * collected in: `bun scripts/mime.ts`. A test holds the file against what this makes.
 */
import { join } from "node:path";

interface Entry {
  readonly source?: string;
  readonly extensions?: readonly string[];
}

const database: Readonly<Record<string, Entry>> = await Bun.file(
  Bun.resolveSync("mime-db/db.json", import.meta.dir),
).json();

export const tablePath = join(import.meta.dir, "../zig/file/mime_table.zig");

/** `mime.zig` packs an extension into as many bytes; mime-db has one that is longer. */
const extensionBytesMax = 16;
const columns = 100;
/** Of a line in the text, its two backslashes included. */
const indentation = 6;

/** Where the rules below would choose what nobody means. */
const chosen: Readonly<Record<string, string>> = {
  asc: "application/pgp-signature",
  mpp: "application/vnd.ms-project",
  rtf: "application/rtf",
  xml: "application/xml",
  xsl: "application/xml",
};

/** How much a source is trusted when several types claim one extension. */
const trust: Readonly<Record<string, number>> = { iana: 3, nginx: 2, apache: 1 };

/** The file's text. */
export function mimeTable(): string {
  const best = new Map<string, string>();
  for (const [type, { extensions = [] }] of Object.entries(database)) {
    for (const extension of extensions) {
      if (extension.length > extensionBytesMax) continue;
      const other = best.get(extension);
      if (other === undefined || isBetter(type, other)) best.set(extension, type);
    }
  }
  for (const [extension, type] of Object.entries(chosen)) best.set(extension, type);
  return [
    "//! Media types by extension, made by `scripts/mime.ts` from the package mime-db: change that,",
    "//! not this. Read by `mime.zig` while it is compiled. Each entry is a type and its extensions.",
    "",
    "pub const text =",
    ...wrapped(entries(best)).map((line) => `    \\\\${line}`),
    ";",
    "",
  ].join("\n");
}

/** A type that is registered and of no vendor goes before others; media before applications. */
function isBetter(type: string, other: string): boolean {
  const own = rank(type);
  const its = rank(other);
  return own === its ? type.length < other.length : own > its;
}

function rank(type: string): number {
  const [top = "", name = ""] = type.split("/");
  const facet = /^(vnd|prs|x)[.-]/.test(name) ? 0 : 10;
  return facet + (trust[database[type]?.source ?? ""] ?? 0) + (top === "application" ? 0 : 0.5);
}

function entries(best: ReadonlyMap<string, string>): string[] {
  const byType = new Map<string, string[]>();
  for (const [extension, type] of best) {
    const list = byType.get(type) ?? [];
    list.push(extension);
    byType.set(type, list);
  }
  return [...byType].flatMap(([type, extensions]) => entriesOf(type, extensions.sort())).sort();
}

/** One entry, or several of the same type where one would be longer than a line. */
function entriesOf(type: string, extensions: readonly string[]): string[] {
  const whole = `${type}=${extensions.join(",")}`;
  if (whole.length <= columns - indentation) return [whole];
  const half = extensions.length >>> 1;
  return [
    ...entriesOf(type, extensions.slice(0, half)),
    ...entriesOf(type, extensions.slice(half)),
  ];
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > columns - indentation) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}

if (import.meta.main) await Bun.write(tablePath, mimeTable());
