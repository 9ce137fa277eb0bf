/**
 * The kernel's interface for sockets that a server asks for, and what it got. Used by `server.ts`;
 * how it is chosen is in `zig/reactor/`.
 */
import type { Pointer } from "bun:ffi";
import { type ReactorName, reactorNames } from "../serve-options.ts";
import { chopin_server_reactor } from "./symbols.ts";

/** As `Choice` in `zig/reactor.zig` counts them. */
export function numberOfReactor(name: ReactorName): number {
  return reactorNames.indexOf(name);
}

/** One line where the kernel, or who runs this program, bars what was asked for. */
export function tellReactor(handle: Pointer, asked: ReactorName): void {
  const used = reactorNames[chopin_server_reactor(handle)];
  if (asked === "auto" || asked === used) return;
  console.warn(`chopin: ${asked} cannot be used here, ${used} is: see docs/reactors.md`);
}
