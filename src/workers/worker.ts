/** A server as a worker: it says when it is ready, and does what the primary orders. */
import type { NativeServer } from "../native/contract.ts";
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

/** `stop` runs `onStop` too; the process ends behind it. */
export function obey(
  post: Post,
  native: NativeServer,
  life: Life,
  stop: (final: boolean) => Promise<void>,
): void {
  if (life.pinWorkers && !pinThread(post.place.slot)) {
    console.warn("chopin: pinWorkers has no effect here: only Linux binds threads to processors");
  }
  post.onOrder((order) => void follow(order));
  post.send({ report: "ready" });

  async function follow(order: Order): Promise<void> {
    if (order.order === "accept") native.accept(descriptors.listeners + order.slot, order.wanted);
    if (order.order !== "stop") return;
    try {
      await stop(order.final);
    } catch (error) {
      console.error("chopin: onStop failed:", error);
      process.exit(1);
    }
    process.exit(0);
  }
}
