/**
 * Options of a server: what the program says goes before the environment, and that before the
 * defaults.
 */
import { ChopinError } from "./errors.ts";
import type { ServerOptions } from "./native/contract.ts";

/** Where and how an application listens. */
export interface ServeOptions {
  /** Host name or address; "0.0.0.0" unless told. IPv6 with or without brackets. */
  readonly hostname?: string;
  /** 0 to 65,535; 0 lets the system choose. 8080 unless told. */
  readonly port?: number;
  /** Path of a unix socket, instead of hostname and port. */
  readonly unix?: string;
  /** Bytes of a request's head: 1,024 to 131,072; 32 KiB unless told. Larger ones get 431. */
  readonly headLimit?: number;
  /**
   * Bytes of a request's body, where its route says nothing: 1 MiB unless told. Larger ones get
   * 413.
   */
  readonly bodyLimit?: number;
  /**
   * Bytes of all bodies that are being received and all requests that wait for their handlers:
   * 256 MiB unless told. What exceeds them gets 503.
   */
  readonly pendingLimit?: number;
  /** Requests that may wait for their handlers: 16,384 unless told. Further ones get 503. */
  readonly pendingMax?: number;
  /** Field lines of a head: 128 unless told. More get 431. */
  readonly fieldsMax?: number;
  /** Unanswered requests of one connection: 64 unless told. Further ones are read later. */
  readonly pipelineMax?: number;
  /** Bytes of answers that a client has not taken: beyond 256 KiB, unless told, nothing is read. */
  readonly outputBacklog?: number;
  /** Milliseconds that a client may take nothing of an answer: 30,000 unless told. */
  readonly writeTimeoutMs?: number;
  /** Milliseconds for a whole head: 10,000 unless told. Slower ones get 408. */
  readonly headTimeoutMs?: number;
  /** Milliseconds for a whole body: 30,000 unless told. Slower ones get 408. */
  readonly bodyTimeoutMs?: number;
  /** Milliseconds that a connection may be quiet between requests: 60,000 unless told. */
  readonly idleTimeoutMs?: number;
  /** Value of the Server field; none unless told. */
  readonly serverHeader?: string;
  /** Connections that wait to be accepted: 1,024 unless told. */
  readonly backlog?: number;
  /** Connections open at one time; CHOPIN_SLAB_CAPACITY, or 16,000 unless told. */
  readonly maxConnections?: number;
  /** Processes that serve; CHOPIN_WORKERS, or 1 unless told. */
  readonly workers?: number | "auto";
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly unit: string;
}

const hour = 3_600_000;

/** Ranges of the environment; the limits behind them are in `zig/limits.zig`. */
const variables = {
  CHOPIN_SLAB_CAPACITY: { least: 1, most: 1_048_576, unit: "connections" },
  CHOPIN_EPOLL_TIMEOUT_MS: { least: 0, most: 1000, unit: "milliseconds" },
  CHOPIN_READ_BUF_SIZE: { least: 512, most: 65_535, unit: "bytes" },
  CHOPIN_WRITE_BUF_SIZE: { least: 512, most: 65_535, unit: "bytes" },
  CHOPIN_WORKERS: { least: 1, most: 1024, unit: 'processes, or "auto"' },
} as const satisfies Readonly<Record<string, Range>>;

const optionRanges = {
  port: { least: 0, most: 65_535, unit: "" },
  headLimit: { least: 1024, most: 131_072, unit: "bytes" },
  bodyLimit: { least: 0, most: 0xffff_ffff, unit: "bytes" },
  pendingLimit: { least: 64 * 1024, most: 0xffff_ffff, unit: "bytes" },
  pendingMax: { least: 1, most: 1_048_576, unit: "requests" },
  fieldsMax: { least: 1, most: 4096, unit: "fields" },
  pipelineMax: { least: 1, most: 512, unit: "requests" },
  outputBacklog: { least: 4096, most: 0x7fff_ffff, unit: "bytes" },
  writeTimeoutMs: { least: 1, most: hour, unit: "milliseconds" },
  headTimeoutMs: { least: 1, most: hour, unit: "milliseconds" },
  bodyTimeoutMs: { least: 1, most: hour, unit: "milliseconds" },
  idleTimeoutMs: { least: 1, most: hour, unit: "milliseconds" },
  backlog: { least: 1, most: 65_535, unit: "connections" },
  maxConnections: { least: 1, most: 1_048_576, unit: "connections" },
} as const satisfies Readonly<Record<string, Range>>;

export const bodyLimitDefault = 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * False in production: then error answers do not say what went wrong. CHOPIN_ENV goes before
 * NODE_ENV.
 */
export function isDevelopment(environment: Environment = process.env): boolean {
  return (environment.CHOPIN_ENV ?? environment.NODE_ENV) !== "production";
}

/**
 * Options with everything filled in and checked.
 *
 * @throws ChopinError `invalid_option`, `invalid_environment` or `invalid_address`: which one, its
 * value and its range.
 */
export function serverOptions(
  given: ServeOptions,
  environment: Environment = process.env,
): ServerOptions {
  const read = (name: keyof typeof variables, otherwise: number) =>
    fromEnvironment(environment, name) ?? otherwise;
  const option = (name: keyof typeof optionRanges, otherwise: number) =>
    fromOption(given, name) ?? otherwise;
  if (given.unix !== undefined && (given.hostname !== undefined || given.port !== undefined)) {
    throw new ChopinError(
      "invalid_option",
      "A server has either a unix socket or hostname and port.",
    );
  }
  return {
    hostname: (given.hostname ?? "0.0.0.0").replace(/^\[(.*)\]$/, "$1"),
    port: option("port", 8080),
    unix: given.unix,
    backlog: option("backlog", 1024),
    slabCapacity: option("maxConnections", read("CHOPIN_SLAB_CAPACITY", 16_000)),
    epollTimeoutMs: read("CHOPIN_EPOLL_TIMEOUT_MS", 100),
    readBufferBytes: read("CHOPIN_READ_BUF_SIZE", 8192),
    writeBufferBytes: read("CHOPIN_WRITE_BUF_SIZE", 32_768),
    headLimitBytes: option("headLimit", 32 * 1024),
    bodyLimitBytes: option("bodyLimit", bodyLimitDefault),
    pendingLimitBytes: option("pendingLimit", 256 * 1024 * 1024),
    pendingMax: option("pendingMax", 16 * 1024),
    fieldsMax: option("fieldsMax", 128),
    pipelineMax: option("pipelineMax", 64),
    outputBacklogBytes: option("outputBacklog", 256 * 1024),
    writeTimeoutMs: option("writeTimeoutMs", 30_000),
    headTimeoutMs: option("headTimeoutMs", 10_000),
    bodyTimeoutMs: option("bodyTimeoutMs", 30_000),
    idleTimeoutMs: option("idleTimeoutMs", 60_000),
    serverHeader: checkServerHeader(given.serverHeader),
  };
}

/**
 * Processes that were asked for.
 *
 * @throws ChopinError `invalid_option` or `invalid_environment`.
 */
export function workersWanted(
  given: ServeOptions,
  environment: Environment = process.env,
): number | "auto" {
  const { workers } = given;
  if (workers === undefined) {
    if (environment.CHOPIN_WORKERS === "auto") return "auto";
    return fromEnvironment(environment, "CHOPIN_WORKERS") ?? 1;
  }
  if (workers === "auto") return workers;
  return inRange("invalid_option", "workers", workers, String(workers), variables.CHOPIN_WORKERS);
}

/**
 * The address of `serve("host:port")`: "0.0.0.0:8080", "[::1]:8080", ":8080", "8080", "localhost:0"
 * or "unix:/path/of/a.sock".
 *
 * @throws ChopinError `invalid_address`.
 */
export function parseAddress(address: string): ServeOptions {
  if (address.startsWith("unix:") && address.length > 5) return { unix: address.slice(5) };
  const parts = /^(?:(\[[^\]]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(address);
  const port = Number(parts?.[2]);
  if (parts === null || port > 65_535) {
    throw new ChopinError(
      "invalid_address",
      `${JSON.stringify(address)} is no address: write "host:port", "[::1]:port" or "unix:/path".`,
    );
  }
  return parts[1] ? { hostname: parts[1], port } : { port };
}

function fromEnvironment(
  environment: Environment,
  name: keyof typeof variables,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return inRange("invalid_environment", name, value, text, variables[name]);
}

function fromOption(given: ServeOptions, name: keyof typeof optionRanges): number | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  return inRange("invalid_option", name, value, String(value), optionRanges[name]);
}

function inRange(
  code: "invalid_option" | "invalid_environment",
  name: string,
  value: number,
  text: string,
  { least, most, unit }: Range,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = `${least.toLocaleString("en")} to ${most.toLocaleString("en")} ${unit}`.trim();
  throw new ChopinError(code, `${name} is a whole number, ${range}, not ${JSON.stringify(text)}.`);
}

function checkServerHeader(value: string | undefined): string | undefined {
  if (value === undefined || /^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(value)) {
    return value;
  }
  throw new ChopinError(
    "invalid_option",
    `serverHeader is visible ASCII, 1 to 64 characters, not ${JSON.stringify(value)}.`,
  );
}
