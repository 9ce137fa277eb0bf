/**
 * Options of a server: what the program says goes before the environment, and that before the
 * defaults.
 */
import { ChopinError } from "./errors.ts";
import { type Limit, type LimitName, limits, variables } from "./limits.ts";
import type { ServerOptions } from "./native/contract.ts";
import { type ReactorName, reactorNames, type ServeOptions } from "./serve-options.ts";
import { trustOf } from "./trust-proxy.ts";

export type { ServeOptions } from "./serve-options.ts";

const ports = { least: 0, most: 65_535, unit: "" };
const processes = { least: 1, most: 1024, unit: 'processes, or "auto"' };

export const bodyLimitDefault = limits.bodyLimit.otherwise;

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
  const limit = (name: LimitName) => limitOf(given, environment, name);
  const variable = (name: keyof typeof variables) =>
    fromEnvironment(environment, name, variables[name]) ?? variables[name].otherwise;
  if (given.unix !== undefined && (given.hostname !== undefined || given.port !== undefined)) {
    throw new ChopinError(
      "invalid_option",
      "A server has either a unix socket or hostname and port.",
    );
  }
  return {
    hostname: (given.hostname ?? "0.0.0.0").replace(/^\[(.*)\]$/, "$1"),
    port: wholeOption("port", given.port, ports) ?? 8080,
    unix: given.unix,
    backlog: limit("backlog"),
    slabCapacity: limit("maxConnections"),
    connectionsPerAddress: limit("connectionsPerAddress"),
    requestsPerConnection: limit("requestsPerConnection"),
    epollTimeoutMs: variable("CHOPIN_EPOLL_TIMEOUT_MS"),
    readBufferBytes: variable("CHOPIN_READ_BUF_SIZE"),
    writeBufferBytes: variable("CHOPIN_WRITE_BUF_SIZE"),
    headLimitBytes: limit("headLimit"),
    bodyLimitBytes: limit("bodyLimit"),
    pendingLimitBytes: limit("pendingLimit"),
    pendingMax: limit("pendingMax"),
    fieldsMax: limit("fieldsMax"),
    pipelineMax: limit("pipelineMax"),
    outputBacklogBytes: limit("outputBacklog"),
    writeTimeoutMs: limit("writeTimeoutMs"),
    writeRateMin: limit("writeRateMin"),
    headTimeoutMs: limit("headTimeoutMs"),
    bodyTimeoutMs: limit("bodyTimeoutMs"),
    bodyRateMin: limit("bodyRateMin"),
    idleTimeoutMs: limit("idleTimeoutMs"),
    websockets: {
      messageLimit: limit("websocketMessageLimit"),
      backlogLimit: limit("websocketBacklogLimit"),
      idleTimeoutMs: limit("websocketIdleTimeoutMs"),
    },
    proxyProtocol: given.proxyProtocol ?? isOn(environment, "CHOPIN_PROXY_PROTOCOL"),
    reactor: reactorOf(given.reactor, environment.CHOPIN_REACTOR),
    trust: trustOf(given.trustProxy, environment.CHOPIN_TRUST_PROXY),
    onClosed: given.onClosed ?? (({ message }) => console.warn(message)),
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
    return fromEnvironment(environment, "CHOPIN_WORKERS", processes) ?? 1;
  }
  if (workers === "auto") return workers;
  return inRange("invalid_option", "workers", workers, String(workers), processes);
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

type Range = Pick<Limit, "least" | "most" | "unit">;

function limitOf(given: ServeOptions, environment: Environment, name: LimitName): number {
  const limit: Limit = limits[name];
  const { variable } = limit;
  const told = wholeOption(name, given[name], limit);
  if (told !== undefined) return told;
  const read = variable === undefined ? undefined : fromEnvironment(environment, variable, limit);
  return read ?? limit.otherwise;
}

/** A whole number that a variable has; undefined when it is not set. */
export function fromEnvironment(
  environment: Environment,
  name: string,
  range: Range,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return inRange("invalid_environment", name, value, text, range);
}

function isOn(environment: Environment, name: string): boolean {
  const text = environment[name] ?? "";
  if (["", "0", "false"].includes(text)) return false;
  if (["1", "true"].includes(text)) return true;
  throw new ChopinError("invalid_environment", `${name} is 0 or 1, not ${JSON.stringify(text)}.`);
}

/** Checks a whole number that the program gave. */
export function wholeOption(
  name: string,
  value: number | undefined,
  range: Range,
): number | undefined {
  if (value === undefined) return undefined;
  return inRange("invalid_option", name, value, String(value), range);
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

function reactorOf(given: string | undefined, variable: string | undefined): ReactorName {
  const told = given ?? (variable || "auto");
  const name = reactorNames.find((known) => known === told);
  if (name !== undefined) return name;
  const code = given === undefined ? "invalid_environment" : "invalid_option";
  const where = given === undefined ? "CHOPIN_REACTOR" : "reactor";
  const names = reactorNames.join(", ");
  throw new ChopinError(code, `${where} is one of ${names}, not ${JSON.stringify(told)}.`);
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
