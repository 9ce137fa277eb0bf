/** A server as a worker: it says when it is ready, and does what the primary orders. */
import type { NativeServer } from "../native/contract.ts";
import { closeDescriptors } from "../native/listeners.ts";
import { pinThread } from "../native/process.ts";
import { descriptors, type Order } from "./channel.ts";
import type { Life } from "./options.ts";
import type { Post } from "./place.ts";

/** The listeners that are this worker's own from the start. */
export function ownListeners({ listeners, slot, address }: Post["place"]) {
  // One for all where the kernel does not spread connections over several.
  const own = listeners > 1 ? slot : 0;
  return { fds: [descriptors.listeners + own], address };
}

/** Servers that the program has beside the one whose listeners the primary bound. */
const beside = new Set<() => Promise<void>>();

/** Stops another server of this process when the worker stops. Returns how to end that. */
export function stopWithWorker(stop: () => Promise<void>): () => void {
  beside.add(stop);
  return () => void beside.delete(stop);
}

/** `stop` runs `onStop` too; the process ends behind it. */
export function obey(
  { place, onOrder, send }: Post,
  native: NativeServer,
  life: Life,
  stop: (final: boolean) => Promise<void>,
): void {
  if (life.pinWorkers && !pinThread(place.slot)) {
    console.warn("chopin: pinWorkers has no effect here: only Linux binds threads to processors");
  }
  /** Listeners that the native server does not know, and will not close. */
  const spare = new Set<number>();
  for (let slot = 0; slot < place.listeners; slot += 1) spare.add(descriptors.listeners + slot);
  for (const fd of ownListeners(place).fds) spare.delete(fd);
  onOrder((order) => void follow(order));
  send({ report: "ready" });

  async function follow(order: Order): Promise<void> {
    if (order.order === "accept") {
      const fd = descriptors.listeners + order.slot;
      spare.delete(fd);
      native.accept(fd, order.wanted);
    }
    if (order.order !== "stop") return;
    // As long as one process has them open, clients connect and wait for nobody.
    if (order.final) closeDescriptors(spare);
    try {
      await Promise.all([stop(order.final), ...[...beside].map((other) => other())]);
    } catch (error) {
      console.error("chopin: onStop failed:", error);
      process.exit(1);
    }
    process.exit(0);
  }
}
