/** Starts programs as a user would, and waits for the address that they print. */
import { dirname } from "node:path";

/**
 * Without Zig, compilers, npm or another Bun: what a machine has on which only Bun was installed.
 */
export const bunOnly = { PATH: dirname(process.execPath) };

/** A running server. */
export interface Started {
  /** `http://127.0.0.1:port`, from the first address that it printed. */
  readonly address: string;
  /** Ends it, and returns all that it wrote to its error output. */
  stop(): Promise<string>;
}

/** How to start a program: nothing of this process's environment is passed on. */
export interface Surroundings {
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/**
 * Starts a server and waits until it prints its address. Fails with its errors when it ends before.
 */
export async function start(command: string[], { cwd, env = {} }: Surroundings): Promise<Started> {
  // A process group of its own, as in a terminal: npx and its shell do not pass a signal on.
  const child = Bun.spawn(command, {
    cwd,
    env,
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = new Response(child.stderr).text();
  let printed = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    printed += decoder.decode(chunk, { stream: true });
    const port = /http:\/\/[^\s/]+:(\d+)(?=[^\d])/.exec(printed)?.[1];
    if (port === undefined) continue;
    return {
      address: `http://127.0.0.1:${port}`,
      stop: async () => {
        process.kill(-child.pid, "SIGTERM");
        // The second one ends it at once: connections of `fetch` are kept, and idle.
        process.kill(-child.pid, "SIGINT");
        await child.exited;
        return errors;
      },
    };
  }
  throw new Error(`${command.join(" ")} ended without an address: ${printed}${await errors}`);
}

/** What a program left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function finish(
  command: string[],
  { cwd, env = {} }: Surroundings,
): Promise<Finished> {
  const child = Bun.spawn(command, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Runs a program to its end and fails with its output when it fails. */
export async function succeed(command: string[], surroundings: Surroundings): Promise<Finished> {
  const finished = await finish(command, surroundings);
  if (finished.code === 0) return finished;
  throw new Error(`${command.join(" ")}: ${finished.code}\n${finished.stdout}${finished.stderr}`);
}
