/**
 * Every limit that a server has: its option, the environment variable where operating a server
 * needs one, its default and its range. `environment.ts` reads options by it, `docs/limits.md` says
 * why each default is what it is, and a test holds the two and `zig/limits.zig` together.
 */

/** A whole number that an option or a variable sets. */
export interface Limit {
  readonly otherwise: number;
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  /** Read where the program gives no option. */
  readonly variable?: string;
}

const hour = 3_600_000;
const kibi = 1024;

export const limits = {
  maxConnections: {
    otherwise: 16_000,
    least: 1,
    most: 1_048_576,
    unit: "connections",
    variable: "CHOPIN_SLAB_CAPACITY",
  },
  connectionsPerAddress: {
    otherwise: 0,
    least: 0,
    most: 1_048_576,
    unit: "connections",
    variable: "CHOPIN_CONNECTIONS_PER_ADDRESS",
  },
  requestsPerConnection: {
    otherwise: 1_000_000,
    least: 0,
    most: 0xffff_ffff,
    unit: "requests",
    variable: "CHOPIN_REQUESTS_PER_CONNECTION",
  },
  backlog: { otherwise: kibi, least: 1, most: 65_535, unit: "connections" },
  headLimit: { otherwise: 32 * kibi, least: kibi, most: 131_072, unit: "bytes" },
  fieldsMax: { otherwise: 128, least: 1, most: 4096, unit: "fields" },
  bodyLimit: { otherwise: kibi * kibi, least: 0, most: 0xffff_ffff, unit: "bytes" },
  pipelineMax: { otherwise: 64, least: 1, most: 512, unit: "requests" },
  pendingMax: { otherwise: 16 * kibi, least: 1, most: 1_048_576, unit: "requests" },
  pendingLimit: {
    otherwise: 256 * kibi * kibi,
    least: 64 * kibi,
    most: 0xffff_ffff,
    unit: "bytes",
    variable: "CHOPIN_PENDING_LIMIT",
  },
  outputBacklog: { otherwise: 256 * kibi, least: 4096, most: 0x7fff_ffff, unit: "bytes" },
  headTimeoutMs: {
    otherwise: 10_000,
    least: 1,
    most: hour,
    unit: "milliseconds",
    variable: "CHOPIN_HEAD_TIMEOUT_MS",
  },
  bodyTimeoutMs: {
    otherwise: 30_000,
    least: 1,
    most: hour,
    unit: "milliseconds",
    variable: "CHOPIN_BODY_TIMEOUT_MS",
  },
  bodyRateMin: {
    otherwise: 16 * kibi,
    least: 1,
    most: 0x7fff_ffff,
    unit: "bytes per second",
    variable: "CHOPIN_BODY_RATE_MIN",
  },
  writeTimeoutMs: {
    otherwise: 30_000,
    least: 1,
    most: hour,
    unit: "milliseconds",
    variable: "CHOPIN_WRITE_TIMEOUT_MS",
  },
  writeRateMin: {
    otherwise: kibi,
    least: 1,
    most: 0x7fff_ffff,
    unit: "bytes per second",
    variable: "CHOPIN_WRITE_RATE_MIN",
  },
  idleTimeoutMs: {
    otherwise: 60_000,
    least: 1,
    most: hour,
    unit: "milliseconds",
    variable: "CHOPIN_IDLE_TIMEOUT_MS",
  },
  websocketMessageLimit: {
    otherwise: kibi * kibi,
    least: 1,
    most: kibi * kibi * kibi,
    unit: "bytes",
    variable: "CHOPIN_WEBSOCKET_MESSAGE_LIMIT",
  },
  websocketBacklogLimit: {
    otherwise: 16 * kibi * kibi,
    least: 4096,
    most: 0x7fff_ffff,
    unit: "bytes",
    variable: "CHOPIN_WEBSOCKET_BACKLOG_LIMIT",
  },
  websocketIdleTimeoutMs: {
    otherwise: 120_000,
    least: 0,
    most: hour,
    unit: "milliseconds",
    variable: "CHOPIN_WEBSOCKET_IDLE_TIMEOUT_MS",
  },
} as const satisfies Readonly<Record<string, Limit>>;

/** Option of a limit. */
export type LimitName = keyof typeof limits;

/** What the environment sets alone. */
export const variables = {
  CHOPIN_EPOLL_TIMEOUT_MS: { otherwise: 100, least: 0, most: 1000, unit: "milliseconds" },
  CHOPIN_READ_BUF_SIZE: { otherwise: 8192, least: 512, most: 65_535, unit: "bytes" },
  CHOPIN_WRITE_BUF_SIZE: { otherwise: 32_768, least: 512, most: 65_535, unit: "bytes" },
} as const satisfies Readonly<Record<string, Limit>>;
