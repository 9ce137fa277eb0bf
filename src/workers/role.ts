/** Whether this process serves alone, supervises workers, or is one. Called by `app.ts`. */
/** Processes that will serve; says so where there are fewer than were asked for. */
export async function processCount(wanted: number | "auto"): Promise<number> {
  if (wanted === 1) return 1;
  const because = aloneBecause();
  if (because === undefined) {
    return wanted === "auto" ? (await import("./cgroup.ts")).processors() : wanted;
  }
  console.warn(`chopin: one process serves, because workers cannot be started ${because}`);
  return 1;
}

/** Why a program runs in one process although it asked for more; undefined: it need not. */
function aloneBecause(): string | undefined {
  if (!Bun.isMainThread) return "in a Worker";
  const { main } = Bun;
  if (isTest(main)) return "under `bun test`";
  // It waits for the main module to be evaluated before it does so again, and the primary's never
  // is; one process takes new routes without losing a connection.
  if (process.execArgv.includes("--hot")) return "under `bun --hot`";
  // A REPL has no main module; code from the command line or standard input has a made-up one.
  if (main === "" || main === undefined) return "in a REPL";
  if (/\/\[(eval|stdin)\]$/.test(main)) return "without a file to run again";
  return undefined;
}

/** Of a program that may end its process: it is the main one, and nobody tests it. */
export function ownsProcess(): boolean {
  return Bun.isMainThread && Bun.main !== "" && !isTest(Bun.main);
}

/** The names that `bun test` takes for tests. */
function isTest(main: string | undefined): boolean {
  return /[._](test|spec)\.[cm]?[jt]sx?$/.test(main ?? "");
}
