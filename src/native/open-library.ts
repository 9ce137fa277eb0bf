/**
 * Opens the library for the modules that declare parts of it: `symbols.ts` and its neighbours. It
 * is found once, since in a compiled executable finding means extracting.
 */
import { dlopen, type FFIFunction } from "bun:ffi";
import { libraryPath } from "./library.ts";

const path = await libraryPath();

/**
 * Functions of the library by their names.
 *
 * @throws Error in one line when the library cannot be loaded or lacks one of them.
 */
export function openLibrary<const Functions extends Readonly<Record<string, FFIFunction>>>(
  functions: Functions,
) {
  try {
    return dlopen(path, functions).symbols;
  } catch (cause) {
    throw new Error(
      `Chopin's native library at ${path} does not fit this package: install the package again, ` +
        "or run `bun run build` in a checkout",
      { cause },
    );
  }
}

/** What another version of the library is answered with. */
export function wrongVersion(found: number, wanted: number): Error {
  return new Error(
    `Chopin's native library speaks version ${found} of the border, this package version ` +
      `${wanted}: install the package again, or run \`bun run build\` in a checkout`,
  );
}
