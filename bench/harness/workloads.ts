/** What is asked of the contenders, and who takes part in each. */
import { type ContentEndpoint, contentRequests, contentWorkloads } from "./content.ts";

/** A route of the contenders; `endpoints` says what each answers. */
export type Endpoint =
  | "plaintext"
  | "json"
  | "users"
  | "create"
  | "baseline"
  | "pipeline"
  | "arena"
  | "constant"
  | ContentEndpoint;

export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  /** Content-Type of the body; JSON unless told. */
  readonly type?: string;
  /** Value of Accept-Encoding. */
  readonly accept?: string;
  /** Length of a body that is sent block by block. */
  readonly uploadBytes?: number;
}

/** What a workload sends in turn. */
export type Requests = readonly [Request, ...Request[]];

const user = '{"name":"Ada Lovelace","age":36,"email":"ada@example.org"}';

export const requests: Readonly<Record<Endpoint, Requests>> = {
  plaintext: [{ method: "GET", path: "/plaintext" }],
  json: [{ method: "GET", path: "/json" }],
  users: [{ method: "GET", path: "/users/42" }],
  create: [{ method: "POST", path: "/users", body: user }],
  baseline: [{ method: "GET", path: "/baseline11?a=13&b=42" }],
  pipeline: [{ method: "GET", path: "/pipeline" }],
  arena: [{ method: "GET", path: "/json/25?m=4" }],
  constant: [{ method: "GET", path: "/constant" }],
  ...contentRequests,
};

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Requests sent at a time on one connection. */
  readonly depth: number;
  /** `saturated` and `pipelined` by wrk, the others by the generator in `bench/load`. */
  readonly mode: "saturated" | "pipelined" | "paced" | "closed";
  /** Bodies are what it is about: the report has CPU time by MiB too. */
  readonly perByte?: boolean;
  /** Takes part only if named here; without it everyone who serves the endpoint. */
  readonly only?: readonly string[];
}

const saturated = { connections: 64, depth: 1, mode: "saturated" } as const;
const pipelined = { connections: 64, depth: 16, mode: "pipelined" } as const;

export const workloads: readonly Workload[] = [
  { name: "json", title: "GET /json", endpoint: "json", ...saturated },
  { name: "plaintext", title: "GET /plaintext", endpoint: "plaintext", ...saturated },
  { name: "users", title: "GET /users/:id", endpoint: "users", ...saturated },
  { name: "create", title: "POST /users, validated", endpoint: "create", ...saturated },
  { name: "baseline", title: "GET /baseline11?a=13&b=42", endpoint: "baseline", ...saturated },
  { name: "arena", title: "GET /json/25?m=4", endpoint: "arena", ...saturated },
  { name: "constant", title: "constant answer", endpoint: "constant", ...saturated },
  { name: "pipelined-json", title: "GET /json ×16", endpoint: "json", ...pipelined },
  { name: "pipelined-plaintext", title: "GET /plaintext ×16", endpoint: "plaintext", ...pipelined },
  { name: "pipeline", title: "GET /pipeline ×16", endpoint: "pipeline", ...pipelined },
  {
    name: "paced-json",
    title: "GET /json at half the floor's maximum",
    endpoint: "json",
    connections: 64,
    depth: 1,
    mode: "paced",
    only: ["floor", "chopin", "chopin-metrics", "bun-serve", "elysia", "actix", "axum", "hyper"],
  },
  {
    name: "single-json",
    title: "GET /json on one connection",
    endpoint: "json",
    connections: 1,
    depth: 1,
    mode: "closed",
  },
  ...contentWorkloads,
];
