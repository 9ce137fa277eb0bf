/** pino as the sink of `logger`; loaded here and nowhere else, when it is first needed. */
import type { LogSink } from "../logger.ts";
import { invalidOption } from "./options.ts";
import { prettyLine } from "./pretty-line.ts";

/** Takes finished lines, each with its line feed. */
export interface LogDestination {
  write(line: string): unknown;
}

interface SinkOptions {
  readonly pretty: boolean;
  readonly redact: readonly string[];
  readonly destination: LogDestination | undefined;
  readonly censor: string;
}

/** The part of pino that is used, so that nobody's types depend on an optional package. */
interface Pino {
  (options: object, destination: LogDestination): LogSink;
  destination(options: object): LogDestination;
  readonly stdTimeFunctions: { readonly isoTime: () => string };
}

/** @throws ChopinError `invalid_option` when pino is not installed, or refuses the paths. */
export function pinoSink({ pretty, redact, destination, censor }: SinkOptions): LogSink {
  const pino = loadPino();
  const level = (label: string) => ({ level: label });
  const options = {
    // Names of process and host are known to whoever collects the lines.
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level },
    redact: { paths: [...redact], censor },
  };
  const plain = destination ?? (pretty ? process.stdout : standardOutput(pino));
  try {
    return pino(options, pretty ? prettied(plain) : plain);
  } catch (cause) {
    throw invalidOption("logger", `redact: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** Lines wait in memory while one is written, so that a slow reader does not stop the requests. */
function standardOutput(pino: Pino): LogDestination {
  return pino.destination({ dest: 1, sync: false });
}

function prettied(destination: LogDestination): LogDestination {
  const colors = process.stdout.hasColors?.() === true && destination === process.stdout;
  return { write: (line) => destination.write(prettyLine(line, colors)) };
}

function loadPino(): Pino {
  try {
    // Not imported: the middleware is made at once, and other applications need no pino.
    return require("pino") as Pino;
  } catch (cause) {
    const text = 'it writes with pino: run "bun add pino", or give it a sink';
    throw Object.assign(invalidOption("logger", text), { cause });
  }
}
