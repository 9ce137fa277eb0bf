/** Holds a contender's answers against what all have to send; a wrong one is not measured. */
import dataset from "../data/arena-dataset.json";
import { type Answer, exchange } from "./exchange.ts";
import type { Peer } from "./peers.ts";
import { startServer } from "./server.ts";
import { type Endpoint, type Request, requests } from "./workloads.ts";

interface Expected {
  readonly request: Request;
  readonly status: number;
  /** Undefined where contenders may word a refusal as they like. */
  readonly body?: string;
  readonly type?: "text/plain" | "application/json";
}

function totals(count: number, multiplier: number): string {
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return JSON.stringify({ items, count });
}

const text = (endpoint: Endpoint, body: string): Expected[] => [
  { request: requests[endpoint], status: 200, body, type: "text/plain" },
];
const json = (request: Request, body: string): Expected => ({
  request,
  status: 200,
  body,
  type: "application/json",
});
const wrongUsers = [
  '{"name":"","age":36,"email":"a@b"}',
  '{"name":"Ada","age":-1,"email":"a@b"}',
  '{"name":"Ada","age":1.5,"email":"a@b"}',
  '{"name":"Ada","age":36}',
];

const expected: Readonly<Record<Endpoint, readonly Expected[]>> = {
  plaintext: text("plaintext", "Hello, World!"),
  json: [json(requests.json, '{"message":"Hello, World!"}')],
  users: [
    json(requests.users, '{"id":"42"}'),
    json({ method: "GET", path: "/users/ab-c" }, '{"id":"ab-c"}'),
  ],
  create: [
    json(requests.create, '{"ok":true,"name":"Ada Lovelace","age":36}'),
    ...wrongUsers.map((body): Expected => {
      return { request: { method: "POST", path: "/users", body }, status: 422 };
    }),
  ],
  baseline: text("baseline", "55"),
  pipeline: text("pipeline", "ok"),
  arena: [
    json(requests.arena, totals(25, 4)),
    json({ method: "GET", path: "/json/3?m=1" }, totals(3, 1)),
  ],
  constant: text("constant", "Hello, World!"),
};

/** Date within two seconds of now (RFC 9110 6.6.1), in the one format that may be sent (5.6.7). */
function dateFault(answer: Answer): string | undefined {
  const date = answer.fields.get("date");
  if (date === undefined) return "no Date";
  if (new Date(date).toUTCString() !== date) return `Date in a wrong format: ${date}`;
  return Math.abs(Date.parse(date) - Date.now()) < 2_500 ? undefined : `Date is off: ${date}`;
}

function fault(answer: Answer, wanted: Expected): string | undefined {
  const { method, path } = wanted.request;
  const place = `${method} ${path}`;
  if (answer.status !== wanted.status) {
    return `${place}: status ${answer.status}, not ${wanted.status}`;
  }
  if (wanted.body !== undefined && answer.body !== wanted.body) {
    return `${place}: another body: ${answer.body.slice(0, 80)}`;
  }
  const type = answer.fields.get("content-type") ?? "";
  if (wanted.type !== undefined && type.split(";")[0] !== wanted.type) {
    return `${place}: Content-Type ${type || "missing"}`;
  }
  const date = dateFault(answer);
  return date === undefined ? undefined : `${place}: ${date}`;
}

export interface Verified {
  /** Why the contender is not measured, if so. */
  readonly fault: string | undefined;
  /** Bytes of head and body of the first answer to each endpoint: what travels for one request. */
  readonly answerBytes: Partial<Record<Endpoint, number>>;
}

/** Asks a contender everything it says it serves; each also 16 at a time on one connection. */
export async function verify(peer: Peer, endpoints: readonly Endpoint[]): Promise<Verified> {
  const answerBytes: Partial<Record<Endpoint, number>> = {};
  for (const endpoint of endpoints) {
    const server = await startServer(peer, endpoint);
    try {
      for (const wanted of expected[endpoint]) {
        const depth = wanted.request.method === "GET" ? 16 : 1;
        const sent = Array.from({ length: depth }, () => wanted.request);
        for (const answer of await exchange(server.port, sent)) {
          const found = fault(answer, wanted);
          if (found !== undefined) return { fault: found, answerBytes };
          answerBytes[endpoint] ??= answer.headBytes + Buffer.byteLength(answer.body);
        }
      }
    } finally {
      await server.stop();
    }
  }
  return { fault: undefined, answerBytes };
}
