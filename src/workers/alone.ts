/** What a program that serves in its own process, without workers, says and does of itself. */
import { isTerminal } from "../native/process.ts";
import { notify } from "./manager.ts";
import type { Life } from "./options.ts";
import { ownsProcess } from "./role.ts";
import { handleSignals } from "./signals.ts";

/** A server of this process, as far as signals are concerned. */
export interface Alone {
  readonly life: Life;
  stop(): Promise<void>;
}

const servers = new Set<Alone>();

/** From now on signals stop it, and everything else that serves here. Returns how to end that. */
export function stopOnSignals(server: Alone): () => void {
  if (!server.life.signals || !ownsProcess()) return () => {};
  servers.add(server);
  if (servers.size === 1) {
    handleSignals({
      stop: () => void stopAll(),
      abandon() {},
      reload: () =>
        console.warn(
          "chopin: SIGHUP replaces workers, and a single process has none: see `workers`",
        ),
    });
  }
  return () => {
    servers.delete(server);
    if (servers.size === 0) handleSignals(undefined);
  };
}

/**
 * The line with which a server starts: where it is, and how much of the machine it leaves idle. On
 * a terminal only, where somebody reads it who may not know the option; others print their own.
 */
export async function announce(url: string, { workersUnsaid }: Life): Promise<void> {
  if (!workersUnsaid || !ownsProcess() || !isTerminal(1)) return;
  const { processors } = await import("./cgroup.ts");
  const unused = processors() - 1;
  if (unused === 0) return;
  console.log(
    `chopin: ${url} by one process; ${unused} of ${unused + 1} processors are not used, ` +
      '`workers: "auto"` or CHOPIN_WORKERS=auto uses them',
  );
}

async function stopAll(): Promise<void> {
  notify("STOPPING=1");
  try {
    await Promise.all([...servers].map((server) => server.stop()));
  } catch (error) {
    console.error("chopin: onStop failed:", error);
    process.exit(1);
  }
  process.exit(0);
}
