/**
 * A worker's side of its beginning: found as soon as the package is imported, since from then on it
 * must end with its primary, and report how the program fails.
 */
import type { TopicTransport } from "../websocket/transport.ts";
import {
  Channel,
  descriptors,
  type Order,
  type Place,
  placeVariable,
  type Report,
} from "./channel.ts";
import { Dropped } from "./dropped.ts";
import type { WorkerInfo } from "./options.ts";

/** What `worker.ts` needs of a process that is a worker. */
export interface Post {
  readonly place: Place;
  send(report: Report): void;
  /** Orders but `ping` come here; those that came before are handed over. */
  onOrder(take: (order: Order) => void): void;
  /** Brings what is published to the other workers. */
  readonly transport: TopicTransport;
}

interface Posted {
  [posted]?: Post;
}

/** The package may be there twice, in two versions or bundles: the first one takes the channel. */
const posted = Symbol.for("chopin.post");

const post: Post | undefined = (globalThis as Posted)[posted] ?? (await beginWork());
let taken = false;

/**
 * The post of this process, for the first server that asks: further ones of the same program bind
 * their own addresses. Undefined in every process but a worker.
 */
export function takePost(): Post | undefined {
  if (taken) return undefined;
  taken = true;
  return post;
}

/** The place of this process in its service, for hooks. */
export function workerInfo(): WorkerInfo {
  const { slot, workers } = post?.place ?? { slot: 0, workers: 1 };
  return { slot, workers };
}

/** Started by a primary, whichever server asks. */
export function isWorker(): boolean {
  return post !== undefined;
}

async function beginWork(): Promise<Post | undefined> {
  const text = process.env[placeVariable];
  if (text === undefined || !Bun.isMainThread) return undefined;
  // Programs that a worker starts are no workers.
  delete process.env[placeVariable];
  const place = JSON.parse(text) as Place;
  const native = await import("../native/process.ts");
  if (!native.dieWithParent(place.primary)) process.exit(1);
  const last = descriptors.listeners + place.listeners;
  for (let fd: number = descriptors.control; fd < last; fd += 1) native.ownDescriptor(fd);
  if (place.metrics !== undefined) native.ownDescriptor(place.metrics.fd);
  const opened = open(place);
  (globalThis as Posted)[posted] = opened;
  return opened;
}

function open(place: Place): Post {
  const waiting: Order[] = [];
  let take = (order: Order): void => void waiting.push(order);
  let deliver: ((message: Uint8Array) => void) | undefined;
  const channel = new Channel<Report, Order>(
    descriptors.control,
    (order) => {
      if (order.order === "ping") channel.send({ report: "pong" });
      else take(order);
    },
    // The primary is gone. Linux has killed this process by now.
    () => process.exit(1),
    (message) => deliver?.(message),
  );
  const dropped = new Dropped("the primary");
  // Ctrl-C reaches every process of a terminal's group, and a service manager may signal all of a
  // service: what becomes of a worker is the primary's to say. A listener, not SIG_IGN, which the
  // programs that a worker starts would inherit.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => {});
  process.on("uncaughtExceptionMonitor", (error: unknown) => {
    channel.send({ report: "exception", message: lineOf(error) });
  });
  return {
    place,
    send: (report) => channel.send(report),
    onOrder(taker) {
      take = taker;
      for (const order of waiting.splice(0)) taker(order);
    },
    transport: {
      publish(message) {
        if (!channel.sendBytes(message)) dropped.count();
      },
      subscribe(taker) {
        deliver = taker;
        return () => {
          deliver = undefined;
        };
      },
    },
  };
}

/** "TypeError: x is not a function", without the stack, which Bun prints itself. */
function lineOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 2000);
}
