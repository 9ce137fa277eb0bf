/**
 * What systemd gives to a service and wants to hear of it: listeners that it bound
 * (sd_listen_fds(3)) and news by datagrams (sd_notify(3)). Without systemd nothing happens.
 */
import { adoptListener, type Listeners } from "../native/listeners.ts";
import { notifyManager } from "../native/process.ts";

/** The first descriptor that is passed, by definition. */
const firstFd = 3;

let taken = 0;

/**
 * The next listener that this process was started with; undefined when there is none. Each server
 * of a program takes one, in the order in which they start.
 */
export function takeActivated(): Listeners | undefined {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (Number(LISTEN_PID) !== process.pid || taken >= Number(LISTEN_FDS)) return undefined;
  taken += 1;
  const listeners = adoptListener(firstFd + taken - 1);
  if (listeners !== undefined) return listeners;
  console.warn(`chopin: descriptor ${firstFd + taken - 1} of LISTEN_FDS is no listening socket`);
  return takeActivated();
}

/** How the service is, such as "READY=1". */
export function notify(...lines: string[]): void {
  const { NOTIFY_SOCKET } = process.env;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return;
  if (notifyManager(NOTIFY_SOCKET, lines.join("\n"))) return;
  console.warn(`chopin: the service manager was not reached at ${NOTIFY_SOCKET}`);
}

/**
 * Tells a watchdog that this process lives, twice in its time, as long as `isWell` says so.
 * Without a watchdog: nothing.
 */
export function keepWatchdog(isWell: () => boolean = () => true): void {
  const { WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  const period = Number(WATCHDOG_USEC) / 2000;
  if (!(period > 0) || Number(WATCHDOG_PID ?? process.pid) !== process.pid) return;
  setInterval(() => {
    if (isWell()) notify("WATCHDOG=1");
  }, period).unref();
}

/** What a worker inherits would make it, too, speak for the service. */
export const managerVariables = [
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
] as const;
