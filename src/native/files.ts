/**
 * Open files and roots in native memory, one set of them for the process's thread, and the plans of
 * answers that are made of them. Used by `src/files/`.
 */
import type { Pointer } from "bun:ffi";
import { ChopinError } from "../errors.ts";
import { code } from "./abi.ts";
import {
  chopin_file_plan,
  chopin_file_plan_destroy,
  chopin_file_plan_read,
  chopin_files_create,
  chopin_files_embed,
  chopin_files_embedded,
  chopin_files_root,
} from "./file-symbols.ts";
import { chopin_router_files } from "./symbols.ts";

/** How a root answers; see `FilesOptions`. */
export interface RootOptions {
  readonly etag: "strong" | "weak" | false;
  readonly dotfiles: boolean;
  readonly precompressed: boolean;
  readonly cacheControl: string;
  readonly fallback: string;
  readonly indexes: readonly string[];
  readonly checkMs: number;
}

/** What native code takes for methods. */
export const planMethod = { get: 0, head: 1, other: 2 } as const;

/** What `bun --hot` finds again: roots would otherwise pile up with every change of a module. */
interface NativeFiles {
  readonly handle: Pointer;
  readonly roots: Map<string, number>;
}

const chopinFiles = Symbol.for("chopin.files");
const scope = globalThis as { [chopinFiles]?: NativeFiles };

/** The longest field lines of a plan: a redirect to a path of PATH_MAX, all of it escaped. */
const room = Buffer.alloc(16 * 1024);
/** Status, content length in two words, length of the field lines; too large to be moved. */
const words = new Uint32Array(512);

const pieceBytes = 256 * 1024;

function files(): NativeFiles {
  if (scope[chopinFiles] === undefined) {
    const handle = chopin_files_create() as Pointer | null;
    if (handle === null) throw new ChopinError("native_failure", "There is no memory for files.");
    scope[chopinFiles] = { handle, roots: new Map() };
  }
  return scope[chopinFiles];
}

/**
 * The id of a folder, or with "" of a root for paths that the program chooses. Asked for again with
 * the same options it is the same one.
 *
 * @throws ChopinError `files_folder` when the folder cannot be opened.
 */
export function rootOf(folder: string, options: RootOptions): number {
  const { handle, roots } = files();
  const key = JSON.stringify([folder, options]);
  const known = roots.get(key);
  if (known !== undefined) return known;
  const texts = textsOf(options);
  const path = Buffer.from(folder);
  const id = chopin_files_root(
    handle,
    path,
    path.length,
    flagsOf(options),
    options.checkMs,
    texts,
    texts.length,
  );
  if (id < 0)
    throw new ChopinError(
      "files_folder",
      `${folder}: ${folderFaults[id] ?? "the folder cannot be opened"}.`,
    );
  roots.set(key, id);
  return id;
}

/** The id of a root for files of the executable, which `embed` fills. */
export function embeddedRoot(options: RootOptions): number {
  const texts = textsOf(options);
  const id = chopin_files_embedded(files().handle, flagsOf(options), texts, texts.length);
  if (id < 0) throw new ChopinError("native_failure", "There is no memory for files.");
  return id;
}

/**
 * Lets the files of a root answer for a handler of a router without running JavaScript; with
 * `asked` the handler answers where there is no file.
 */
export function answerNatively(
  router: Pointer,
  handler: number,
  root: number,
  asked: boolean,
): void {
  const result = chopin_router_files(router, handler, files().handle, root, asked ? 1 : 0);
  if (result < 0) throw new ChopinError("native_failure", "There is no memory for routes.");
}

/** Puts a copy of a file below a root of `embeddedRoot`. */
export function embed(root: number, name: string, bytes: Uint8Array, modified: number): void {
  const text = Buffer.from(name);
  const result = chopin_files_embed(
    files().handle,
    root,
    text,
    text.length,
    // A null pointer is what an empty view is taken for.
    bytes.length === 0 ? room : bytes,
    bytes.length,
    modified,
  );
  if (result >= 0) return;
  const fault = result === code.invalidArgument ? "is no name of a file, or twice" : "has no room";
  throw new ChopinError("files_folder", `The embedded file ${JSON.stringify(name)} ${fault}.`);
}

/**
 * What is sent for a path, asked for with these field lines (one character for each byte).
 *
 * @throws ChopinError `native_failure` when memory ran out.
 */
export function planOf(root: number, method: number, path: string, lines: string): FilePlan {
  const name = Buffer.from(path);
  const fields = Buffer.from(lines, "latin1");
  const handle = chopin_file_plan(
    files().handle,
    root,
    method,
    name,
    name.length,
    fields,
    fields.length,
    words,
    room,
    room.length,
  ) as Pointer | null;
  if (handle === null) throw new ChopinError("native_failure", "There is no memory for a file.");
  const length = words[1]! + words[2]! * 2 ** 32;
  return new FilePlan(handle, words[0]!, length, room.latin1Slice(0, words[3]!));
}

const freed = new FinalizationRegistry<Pointer>((handle) => {
  chopin_file_plan_destroy(handle);
});

/**
 * The answer for one request of a file: status, field lines and the content, which is read while it
 * is sent. Its file stays open until the content was read, `destroy` was called, or nobody can
 * reach the plan any more.
 */
export class FilePlan implements AsyncIterable<Uint8Array> {
  readonly status: number;
  /** Bytes of the content, also where none is sent because the method is HEAD. */
  readonly length: number;
  /** Field lines, one character for each byte. */
  readonly lines: string;
  #handle: Pointer | undefined;

  constructor(handle: Pointer, status: number, length: number, lines: string) {
    this.status = status;
    this.length = length;
    this.lines = lines;
    this.#handle = handle;
    freed.register(this, handle, this);
  }

  /**
   * Hands the plan over to native code, which sends the content. False: it was refused, or the
   * plan's content has been read.
   */
  give(take: (handle: Pointer) => number): boolean {
    const handle = this.#handle;
    if (handle === undefined) return false;
    const taken = take(handle) >= 0;
    this.#handle = undefined;
    freed.unregister(this);
    if (!taken) chopin_file_plan_destroy(handle);
    return taken;
  }

  /** Closes the file, unless others are being sent it. */
  destroy(): void {
    this.give(() => code.staleHandle);
  }

  /**
   * The content in pieces; can be had once. No generator: one that is ended before it began would
   * not close the file.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>, undefined> {
    const end = (): IteratorResult<Uint8Array<ArrayBuffer>, undefined> => {
      this.destroy();
      return { done: true, value: undefined };
    };
    let offset = 0;
    return {
      next: async () => {
        if (offset >= this.length) return end();
        const value = this.#read(offset);
        offset += value.length;
        return { done: false, value };
      },
      return: async () => end(),
    };
  }

  #read(offset: number): Uint8Array<ArrayBuffer> {
    const piece = new Uint8Array(Math.min(pieceBytes, this.length - offset));
    const handle = this.#handle;
    const count =
      handle === undefined ? 0 : chopin_file_plan_read(handle, offset, piece, piece.length);
    if (count > 0) return piece.subarray(0, count);
    this.destroy();
    throw new ChopinError(
      "file_changed",
      "A file became shorter while it was sent, or could not be read any more.",
    );
  }
}

function flagsOf({ etag, dotfiles, precompressed }: RootOptions): number {
  const kindOfTag = etag === "strong" ? 2 : etag === "weak" ? 1 : 0;
  return kindOfTag | (dotfiles ? 4 : 0) | (precompressed ? 8 : 0);
}

function textsOf({ cacheControl, fallback, indexes }: RootOptions): Buffer {
  const names = indexes.map((name) => `${name}/`).join("");
  return Buffer.from(`${cacheControl}\n${fallback}\n${names}`);
}

const folderFaults: Readonly<Record<number, string>> = {
  [code.invalidArgument]: "there is no such folder",
  [code.permissionDenied]: "the folder may not be opened",
  [code.tooManyDescriptors]: "the process has no descriptor left to open the folder",
};
