/** A server whose native half is at hand, for tests that ask what it holds. */

import { compileProgram } from "../../src/compile.ts";
import { type ServeOptions, serverOptions } from "../../src/environment.ts";
import { Chopin } from "../../src/index.ts";
import { control } from "../../src/native/abi.ts";
import type { NativeServer } from "../../src/native/contract.ts";
import { createDispatcher } from "../../src/native/dispatch.ts";
import { startServer } from "../../src/native/server.ts";
import { chopin_server_bytes_in_use } from "../../src/native/symbols.ts";
import type { Program } from "../../src/program.ts";
import type { Place } from "./_socket.ts";

export interface Held extends Place {
  /** Bytes of blocks that are in use: parts of heads, answers that wait. */
  bytesInUse(): number;
  connectionsOpen(): number;
  requestsPending(): number;
  websocketsOpen(): number;
}

class Open extends Chopin {
  compile(bodyLimit: number): Promise<Program> {
    return compileProgram(this.definition, { bodyLimit, development: false });
  }
}

/** Serves like `app.serve` on a port of the system's choice while `run` runs. */
export async function withNative(
  app: Chopin,
  run: (server: Held) => Promise<void>,
  given: ServeOptions = {},
): Promise<void> {
  const options = serverOptions({ hostname: "127.0.0.1", port: 0, ...given });
  const program = await new Open().merge(app).compile(options.bodyLimitBytes);
  const native = await startServer(options, program.router, (server) =>
    createDispatcher(server, program),
  );
  try {
    await run(heldBy(native));
  } finally {
    await native.stop({ timeoutMs: 1000, idleMs: 0, queue: "close" });
  }
}

function heldBy(native: NativeServer): Held {
  return {
    port: native.address.port!,
    bytesInUse: () => chopin_server_bytes_in_use(native.handle),
    connectionsOpen: () => native.view[control.connectionsOpen]!,
    requestsPending: () => native.view[control.requestsPending]!,
    websocketsOpen: () => native.view[control.websocketsOpen]!,
  };
}

/** Resolves when it is so; the loop comes round in between. */
export async function until(itIsSo: () => boolean): Promise<void> {
  while (!itIsSo()) await Bun.sleep(1);
}
