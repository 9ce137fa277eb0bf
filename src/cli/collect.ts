/**
 * Preloaded into the process in which `chopin openapi` runs a program: takes the application that
 * the program serves, or else one that its main module exports, has it described, and ends the
 * process. Nothing is bound. What it has to say goes through a descriptor of its own.
 */
import { installCollector } from "../collector.ts";
import { Collecting } from "./support/collecting.ts";
import { type Order, orderVariable, tell } from "./support/handover.ts";

const order = JSON.parse(process.env[orderVariable] ?? "{}") as Order;
// Programs that this one starts run as they are.
delete process.env[orderVariable];

const collecting = new Collecting(order);
installCollector(collecting);
collecting.replaceBunServe();

// Nobody ends this process when the command is killed: a program that waits forever would stay.
setTimeout(() => process.exit(1), order.timeoutMs + 5_000).unref();

// The main module has begun by then; importing it waits for its end.
setImmediate(() => {
  import(Bun.main).then(
    (exports: Readonly<Record<string, unknown>>) => collecting.loaded(exports),
    // Bun has printed it and ends the process, unless the program listens to its own exceptions.
    (error: unknown) => tell({ say: "threw", message: String(error) }),
  );
});
process.on("beforeExit", () => collecting.idle());
