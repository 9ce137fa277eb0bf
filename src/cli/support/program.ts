/**
 * Runs a program up to the application in it, in a process of its own: as its main module, so that
 * paths, arguments and `import.meta.main` are what they are when it serves. Called by commands.
 */
import { constants } from "node:os";
import { Channel } from "../../workers/channel.ts";
import { commandLine } from "../../workers/command-line.ts";
import { Failure } from "./failure.ts";
import { type Message, type Order, orderVariable } from "./handover.ts";

/** For the exit handlers of a program whose application is known. */
const exitMs = 1_000;
/** For what is on its way when the process has ended. */
const drainMs = 1_000;

/**
 * The application of a program in the form of the order. What the program prints goes to standard
 * error.
 *
 * @param path Of the main module.
 * @param passed Arguments of the program.
 * @param preload Module that collects: `collect.ts`.
 * @throws Failure when there is none, in time.
 */
export async function describeProgram(
  order: Order,
  path: string,
  passed: readonly string[],
  preload: string,
): Promise<string> {
  const ended = Promise.withResolvers<void>();
  const told = Promise.withResolvers<Message | undefined>();
  let progress: Message | undefined;
  const { execPath, execArgv } = process;
  const [bun = execPath, ...line] = commandLine(
    { execPath, execArgv, argv: ["", "", ...passed] },
    path,
  );
  const child = Bun.spawn({
    cmd: [bun, "--preload", preload, ...line],
    env: { ...process.env, [orderVariable]: JSON.stringify(order) },
    stdio: ["ignore", 2, 2, "pipe"],
  });
  const received = (message: Message): void => {
    if (message.say === "described" || message.say === "failed") told.resolve(message);
    else progress = message;
  };
  new Channel<never, Message>(child.stdio[3] as unknown as number, received, ended.resolve);
  const release = endWith(child);
  const overdue = setTimeout(() => told.resolve(undefined), order.timeoutMs);
  let late = true;
  void child.exited.then(async () => {
    await within(drainMs, ended.promise);
    late = false;
    told.resolve(undefined);
  });
  const message = await told.promise;
  clearTimeout(overdue);
  if (message !== undefined) await within(exitMs, child.exited);
  child.kill("SIGKILL");
  release();
  if (message?.say === "described") return message.text;
  if (message?.say === "failed") throw new Failure(message.message, message.stack);
  throw new Failure(late ? lateReason(order, progress) : endReason(order, child));
}

/** Waits for something, but not longer. */
async function within(timeMs: number, happened: Promise<unknown>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, timeMs);
  await Promise.race([happened, over.promise]);
  clearTimeout(timer);
}

function lateReason({ entry, timeoutMs }: Order, progress: Message | undefined): string {
  const time = `${timeoutMs / 1000} s`;
  const longer = "`--timeout` gives it longer";
  if (progress?.say === "threw") {
    return `${entry} threw and went on, and served nothing within ${time}: ${progress.message}`;
  }
  if (progress === undefined) {
    return `${entry} did not serve within ${time}, and its main module has not ended: ${longer}`;
  }
  return `${entry} neither served nor exported an application within ${time}: ${longer}`;
}

function endReason({ entry }: Order, child: Bun.Subprocess): string {
  const { exitCode, signalCode } = child;
  const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
  return `${entry} ended ${how} before it served or had exported an application`;
}

/** The program ends with the command, whatever it does about signals itself. */
function endWith(child: Bun.Subprocess): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const end = (signal: NodeJS.Signals): never => {
    child.kill("SIGKILL");
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
