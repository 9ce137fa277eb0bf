/** Options and environment of a server: defaults, ranges, addresses. */
import { describe, expect, test } from "bun:test";
import { isDevelopment, parseAddress, serverOptions, workersWanted } from "../src/environment.ts";
import type { ChopinError } from "../src/index.ts";
import { ProxyTrust } from "../src/trust-proxy.ts";

const faultOf = (run: () => unknown): { code: string; message: string } => {
  try {
    run();
  } catch (error) {
    const { code, message } = error as ChopinError;
    return { code, message };
  }
  throw new Error("nothing was thrown");
};

describe("the environment", () => {
  test("has defaults", () => {
    expect(serverOptions({}, {})).toEqual({
      connectionsPerAddress: 0,
      requestsPerConnection: 1_000_000,
      writeRateMin: 1024,
      bodyRateMin: 16_384,
      proxyProtocol: false,
      reactor: "auto",
      trust: undefined,
      onClosed: expect.any(Function),
      hostname: "0.0.0.0",
      port: 8080,
      unix: undefined,
      backlog: 1024,
      slabCapacity: 16_000,
      epollTimeoutMs: 100,
      readBufferBytes: 8192,
      writeBufferBytes: 32_768,
      headLimitBytes: 32_768,
      bodyLimitBytes: 1_048_576,
      pendingLimitBytes: 268_435_456,
      pendingMax: 16_384,
      fieldsMax: 128,
      pipelineMax: 64,
      outputBacklogBytes: 262_144,
      writeTimeoutMs: 30_000,
      headTimeoutMs: 10_000,
      bodyTimeoutMs: 30_000,
      idleTimeoutMs: 60_000,
      websockets: { messageLimit: 1_048_576, backlogLimit: 16_777_216, idleTimeoutMs: 120_000 },
      serverHeader: undefined,
    });
  });

  test("is read, and what the program says goes before it", () => {
    const environment = {
      CHOPIN_SLAB_CAPACITY: "7",
      CHOPIN_EPOLL_TIMEOUT_MS: "0",
      CHOPIN_READ_BUF_SIZE: "512",
      CHOPIN_WRITE_BUF_SIZE: "65535",
      CHOPIN_WORKERS: "4",
      CHOPIN_CONNECTIONS_PER_ADDRESS: "10",
      CHOPIN_REQUESTS_PER_CONNECTION: "0",
      CHOPIN_HEAD_TIMEOUT_MS: "1000",
      CHOPIN_PROXY_PROTOCOL: "1",
      CHOPIN_REACTOR: "io_uring",
      CHOPIN_TRUST_PROXY: "1",
    };
    expect(serverOptions({}, environment)).toMatchObject({
      slabCapacity: 7,
      epollTimeoutMs: 0,
      readBufferBytes: 512,
      writeBufferBytes: 65_535,
      connectionsPerAddress: 10,
      requestsPerConnection: 0,
      headTimeoutMs: 1000,
      proxyProtocol: true,
      reactor: "io_uring",
      trust: expect.any(ProxyTrust),
    });
    const given = { trustProxy: false, proxyProtocol: false, headTimeoutMs: 5 } as const;
    expect(serverOptions(given, environment)).toMatchObject({
      trust: undefined,
      proxyProtocol: false,
      headTimeoutMs: 5,
    });
    expect(serverOptions({ maxConnections: 9 }, environment).slabCapacity).toBe(9);
    expect(workersWanted({}, environment)).toBe(4);
    expect(workersWanted({}, { CHOPIN_WORKERS: "auto" })).toBe("auto");
    expect(workersWanted({ workers: 2 }, environment)).toBe(2);
    expect(workersWanted({}, { CHOPIN_WORKERS: "" })).toBe(1);
  });

  test("is refused outside of its ranges, with name, value and range", () => {
    for (const [name, wrong, range] of [
      [
        "CHOPIN_SLAB_CAPACITY",
        ["0", "1048577", "many", "-1", "1.5", "1e3", " 5"],
        "1 to 1,048,576",
      ],
      ["CHOPIN_EPOLL_TIMEOUT_MS", ["1001", "-1"], "0 to 1,000"],
      ["CHOPIN_READ_BUF_SIZE", ["511", "65536"], "512 to 65,535"],
      ["CHOPIN_WRITE_BUF_SIZE", ["511", "65536"], "512 to 65,535"],
      ["CHOPIN_WORKERS", ["0", "1025", "Auto"], "1 to 1,024"],
    ] as const) {
      for (const value of wrong) {
        const environment = { [name]: value };
        const { code, message } = faultOf(() => {
          serverOptions({}, environment);
          workersWanted({}, environment);
        });
        expect(code).toBe("invalid_environment");
        expect(message).toStartWith(`${name} is a whole number, ${range} `);
        expect(message).toContain(JSON.stringify(value));
      }
    }
  });

  test("switches are 0 or 1", () => {
    for (const text of ["", "0", "false"]) {
      expect(serverOptions({}, { CHOPIN_PROXY_PROTOCOL: text }).proxyProtocol).toBe(false);
    }
    expect(serverOptions({}, { CHOPIN_PROXY_PROTOCOL: "true" }).proxyProtocol).toBe(true);
    const { code, message } = faultOf(() => serverOptions({}, { CHOPIN_PROXY_PROTOCOL: "yes" }));
    expect([code, message]).toEqual([
      "invalid_environment",
      'CHOPIN_PROXY_PROTOCOL is 0 or 1, not "yes".',
    ]);
  });

  test("tells development from production", () => {
    expect(isDevelopment({})).toBe(true);
    expect(isDevelopment({ NODE_ENV: "production" })).toBe(false);
    expect(isDevelopment({ NODE_ENV: "production", CHOPIN_ENV: "development" })).toBe(true);
    expect(isDevelopment({ CHOPIN_ENV: "production" })).toBe(false);
  });
});

test("options outside of their ranges are refused", () => {
  for (const wrong of [
    { port: 65_536 },
    { port: -1 },
    { headLimit: 1 },
    { pendingMax: 0 },
    { fieldsMax: 5000 },
    { pipelineMax: 513 },
    { outputBacklog: 1 },
    { writeTimeoutMs: 0 },
    { headLimit: 200_000 },
    { bodyLimit: -1 },
    { idleTimeoutMs: 0 },
    { backlog: 0 },
    { maxConnections: 0 },
    { serverHeader: "a\r\nb" },
    { serverHeader: "" },
    { unix: "/tmp/x", port: 1 },
  ]) {
    expect(faultOf(() => serverOptions(wrong, {})).code).toBe("invalid_option");
  }
  expect(faultOf(() => workersWanted({ workers: 0 }, {})).code).toBe("invalid_option");
});

test("addresses", () => {
  expect(parseAddress("0.0.0.0:8080")).toEqual({ hostname: "0.0.0.0", port: 8080 });
  expect(parseAddress("localhost:0")).toEqual({ hostname: "localhost", port: 0 });
  expect(parseAddress("[::1]:81")).toEqual({ hostname: "[::1]", port: 81 });
  expect(parseAddress(":3000")).toEqual({ port: 3000 });
  expect(parseAddress("3000")).toEqual({ port: 3000 });
  expect(parseAddress("unix:/tmp/a.sock")).toEqual({ unix: "/tmp/a.sock" });
  expect(serverOptions(parseAddress("[::1]:81"), {}).hostname).toBe("::1");
  for (const wrong of [
    "",
    "host",
    "host:",
    "host:x",
    "::1:80",
    "a:65536",
    "a:b:1",
    "unix:",
    "1.2",
  ]) {
    const { code, message } = faultOf(() => parseAddress(wrong));
    expect([wrong, code]).toEqual([wrong, "invalid_address"]);
    expect(message).toContain(JSON.stringify(wrong));
  }
});
