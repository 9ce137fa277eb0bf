/**
 * How a program is started once more as it was: by the primary for its workers, and by commands
 * with options of Bun's own for the programs that they run.
 */

/** Options of Bun that are for one process, or were followed already. */
const dropped = /^(--watch|--hot|--inspect(-brk|-wait)?|--cwd|--eval|-e|--print|-p)(=|$)/;
/** Those of them whose value may be an argument of its own. */
const valued = /^(--cwd|--eval|-e|--print|-p)$/;

/** How this program is started once more. */
export function commandLine(
  { execPath, execArgv, argv }: Pick<NodeJS.Process, "execPath" | "execArgv" | "argv"> = process,
  main: string = Bun.main,
): string[] {
  const [, , ...given] = argv;
  // A compiled executable has its options and its main module inside.
  if (main.startsWith("/$bunfs/")) return [execPath, ...given];
  const kept = execArgv.filter(
    (option, at) => !dropped.test(option) && !valued.test(execArgv[at - 1] ?? ""),
  );
  return [execPath, ...kept, main, ...given];
}
