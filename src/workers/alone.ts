/** Signals of a program that serves in its own process, without workers. */
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
