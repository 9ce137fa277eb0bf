/**
 * The files that contenders serve, made from fixed seeds: every machine has the same bytes. Beside
 * text lie its `.br` and `.gz`, compressed as hard as it goes, as a build would do it.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { cacheFolder } from "./tools.ts";

const kibibyte = 1024;

/** Sizes in bytes, served under `/files/<name>.txt` without variants. */
export const plainFiles = {
  "3k": 3 * kibibyte,
  "16k": 16 * kibibyte,
  "64k": 64 * kibibyte,
  "300k": 300 * kibibyte,
  "1m": 1024 * kibibyte,
} as const;

const kibibytes = {
  "reset.css": 3,
  "print.css": 5,
  "layout.css": 12,
  "theme.css": 24,
  "components.css": 80,
  "helpers.js": 9,
  "router.js": 18,
  "analytics.js": 45,
  "app.js": 120,
  "vendor.js": 300,
  "footer.html": 3,
  "header.html": 4,
  "article.html": 40,
  "logo.svg": 6,
  "icons.svg": 64,
  "manifest.json": 3,
  "strings.json": 30,
  "regular.woff2": 28,
  "bold.woff2": 32,
  "hero.webp": 200,
} as const;

/** Media types that contenders have to send (RFC 9239 for JavaScript). */
const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".html": "text/html",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".woff2": "font/woff2",
  ".webp": "image/webp",
};

export interface ArenaFile {
  readonly name: string;
  readonly bytes: number;
  readonly type: string;
  /** Text has variants; fonts and pictures are compressed by themselves. */
  readonly compressed: boolean;
}

/** HttpArena's static profile: 20 files of 3 to 300 KiB, served under `/static/`. */
export const arenaFiles: readonly ArenaFile[] = Object.entries(kibibytes).map(([name, size]) => {
  const extension = extname(name);
  const type = types[extension] ?? "application/octet-stream";
  const compressed = extension !== ".woff2" && extension !== ".webp";
  return { name, bytes: size * kibibyte, type, compressed };
});

/** Counts up with every change of this file that changes the bytes. */
const edition = 1;
/** Holds `files` and `static`; every contender finds it in BENCH_FILES. */
export const filesFolder = join(cacheFolder, `files-${edition}`);

/** Marsaglia's xorshift with 32 bits: numbers of 0 to 2^32 - 1. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Words of which a few are frequent: compresses to about a quarter, like code and prose. */
function text(bytes: number, seed: number): Buffer {
  const next = numbersFrom(seed);
  const syllables = ["ba", "co", "de", "fi", "gu", "la", "me", "no", "pri", "ra", "sto", "tu"];
  const words = Array.from({ length: 2048 }, () =>
    Array.from({ length: 1 + (next() % 4) }, () => syllables[next() % syllables.length]).join(""),
  );
  const parts: string[] = [];
  for (let made = 0; made < bytes; ) {
    // The square of an even distribution prefers the first words.
    const word = words[Math.floor((next() / 2 ** 32) ** 2 * words.length)] ?? "";
    const part = next() % 9 === 0 ? `${word};\n  ` : `${word} `;
    parts.push(part);
    made += part.length;
  }
  return Buffer.from(parts.join("")).subarray(0, bytes);
}

function noise(bytes: number, seed: number): Buffer {
  const next = numbersFrom(seed);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => next() >>> 24));
}

/** Makes the files unless they are there; they stay for the next run. */
export function prepareFiles(): void {
  const done = join(filesFolder, "done");
  if (existsSync(done)) return;
  rmSync(filesFolder, { recursive: true, force: true });
  const plain = join(filesFolder, "files");
  const arena = join(filesFolder, "static");
  for (const folder of [plain, arena]) mkdirSync(folder, { recursive: true });
  let seed = 1;
  for (const [name, bytes] of Object.entries(plainFiles)) {
    writeFileSync(join(plain, `${name}.txt`), text(bytes, seed++));
  }
  for (const { name, bytes, compressed } of arenaFiles) {
    const path = join(arena, name);
    const content = compressed ? text(bytes, seed++) : noise(bytes, seed++);
    writeFileSync(path, content);
    if (!compressed) continue;
    const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes };
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params: size }));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
  writeFileSync(done, "");
}
