/**
 * Listening sockets that one process binds and others serve. Used by `workers/`; a server that
 * serves alone binds its own in `server.ts`.
 */
import { bindError } from "./bind-error.ts";
import type { BoundAddress, ServerOptions } from "./contract.ts";
import * as symbols from "./process-symbols.ts";

/** Descriptors that listen on one address: one for each worker, or one for all. */
export interface Listeners {
  readonly fds: readonly number[];
  readonly address: BoundAddress;
}

/** Words of a `Place` in `zig/c/process.zig` before its text, and the bytes of that. */
const placeTextAt = 8;
const placeBytes = placeTextAt + 120;

/**
 * Binds and listens: `count` sockets over which the kernel spreads connections, or one for all
 * where it cannot, on macOS and on unix sockets.
 *
 * @throws Error with `code` (`EADDRINUSE`, `EACCES`, …) when the address cannot be bound.
 */
export function bindListeners(options: ServerOptions, count: number): Listeners {
  const { hostname, port, unix, backlog } = options;
  if (unix !== undefined) {
    const path = Buffer.from(unix);
    const fd = symbols.chopin_listener_unix(path, path.length, backlog);
    if (fd < 0) throw bindError(fd, unix);
    return { fds: [fd], address: { unix } };
  }
  const host = Buffer.from(hostname);
  const fds = new Int32Array(process.platform === "linux" ? count : 1);
  const place = Buffer.alloc(placeBytes);
  const result = symbols.chopin_listeners_tcp(
    host,
    host.length,
    port,
    backlog,
    fds.length,
    fds,
    place,
  );
  if (result < 0) throw bindError(result, `${hostname}:${port}`);
  return { fds: [...fds], address: addressOf(place) };
}

/** A listener that this process was started with; undefined when the descriptor is none. */
export function adoptListener(fd: number): Listeners | undefined {
  const place = Buffer.alloc(placeBytes);
  if (symbols.chopin_listener_adopt(fd, place) < 0) return undefined;
  return { fds: [fd], address: addressOf(place) };
}

export function closeDescriptors(fds: Iterable<number>): void {
  for (const fd of fds) symbols.chopin_listener_close(fd);
}

/** Only a unix socket has no port. */
function addressOf(place: Buffer): BoundAddress {
  const port = place.readUInt32LE(0);
  const text = place.toString("utf8", placeTextAt, placeTextAt + place.readUInt32LE(4));
  return port === 0 ? { unix: text } : { hostname: text, port };
}
