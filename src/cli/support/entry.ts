/** The main module of a program, as somebody typed it. Called by commands that run programs. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Failure } from "./failure.ts";

const modules = /\.[cm]?[jt]sx?$/;
const endings = [".ts", ".tsx", ".mts", ".js", ".mjs"];

/** How executables begin: ELF, Mach-O (of one and of several processors), and those of Windows. */
const executables = [/^7f454c46/, /^c[ef]faedfe/, /^feedfac[ef]/, /^cafebabe/, /^4d5a/];

/**
 * The whole path of an entry.
 *
 * @throws Failure when it is not there, or no module.
 */
export function entryPath(entry: string): string {
  const path = resolve(entry);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    const meant = endings.map((ending) => entry + ending).find((one) => isFile(one));
    const hint = meant === undefined ? "" : `: did you mean ${meant}?`;
    throw new Failure(`there is no ${entry}${hint}`);
  }
  if (stat.isDirectory()) {
    throw new Failure(`${entry} is a folder: name the module that serves, such as server.ts`);
  }
  if (modules.test(path) && !path.endsWith(".d.ts")) return path;
  if (isExecutable(path)) {
    throw new Failure(
      `${entry} is an executable, of \`bun build --compile\` perhaps: ` +
        "name the module that it was made of",
    );
  }
  throw new Failure(`${entry} is no module: a program ends in .ts, .js, .tsx, .mts or the like`);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(path: string): boolean {
  const first = Buffer.alloc(4);
  const fd = openSync(path, "r");
  try {
    readSync(fd, first, 0, first.length, 0);
  } finally {
    closeSync(fd);
  }
  return executables.some((one) => one.test(first.toString("hex")));
}
