/** Holds a contender's answers against what all have to send; a wrong one is not measured. */
import { gunzipSync } from "node:zlib";
import type { Answer } from "./answer.ts";
import { exchange } from "./exchange.ts";
import { type Expected, expectedAt } from "./expected.ts";
import type { Peer } from "./peers.ts";
import { startServer } from "./server.ts";
import type { Endpoint } from "./workloads.ts";

/** Date within two seconds of now (RFC 9110 6.6.1), in the one format that may be sent (5.6.7). */
function dateFault(answer: Answer): string | undefined {
  const date = answer.fields.get("date");
  if (date === undefined) return "no Date";
  if (new Date(date).toUTCString() !== date) return `Date in a wrong format: ${date}`;
  return Math.abs(Date.parse(date) - Date.now()) < 2_500 ? undefined : `Date is off: ${date}`;
}

function bodyFault(answer: Answer, wanted: Expected): string | undefined {
  if (wanted.body === undefined) return undefined;
  const body = wanted.inflated ? gunzipSync(answer.body) : answer.body;
  if (Buffer.from(wanted.body).equals(body)) return undefined;
  return `another body, ${body.length} bytes: ${body.toString("utf8", 0, 80)}`;
}

function fieldFault({ fields }: Answer, wanted: Expected): string | undefined {
  const type = fields.get("content-type") ?? "";
  if (wanted.type !== undefined && type.split(";")[0] !== wanted.type) {
    return `Content-Type ${type || "missing"}, not ${wanted.type}`;
  }
  const coding = fields.get("content-encoding") ?? "identity";
  if (wanted.coding !== undefined && coding !== wanted.coding) {
    return `Content-Encoding ${coding}, not ${wanted.coding}`;
  }
  if (wanted.chunked === true && fields.get("transfer-encoding") !== "chunked") {
    return "not chunked";
  }
  return undefined;
}

function fault(answer: Answer, wanted: Expected): string | undefined {
  const { method, path } = wanted.request;
  const found =
    answer.status === wanted.status
      ? (fieldFault(answer, wanted) ?? bodyFault(answer, wanted) ?? dateFault(answer))
      : `status ${answer.status}, not ${wanted.status}`;
  return found === undefined ? undefined : `${method} ${path}: ${found}`;
}

export interface Verified {
  /** Why the contender is not measured there, if so. */
  readonly fault: string | undefined;
  /** Bytes of head and body of the first answer: what travels for one request. */
  readonly answerBytes: number | undefined;
}

/**
 * Asks a contender everything that belongs to an endpoint; small answers also 16 at a time on one
 * connection.
 *
 * @throws Error when it does not start or breaks a connection
 */
export async function verify(peer: Peer, endpoint: Endpoint): Promise<Verified> {
  const server = await startServer(peer, endpoint);
  let answerBytes: number | undefined;
  try {
    for (const wanted of expectedAt(endpoint)) {
      const depth = wanted.depth ?? (wanted.request.method === "GET" ? 16 : 1);
      const sent = Array.from({ length: depth }, () => wanted.request);
      for (const answer of await exchange(server.port, sent)) {
        const found = fault(answer, wanted);
        if (found !== undefined) return { fault: found, answerBytes };
        answerBytes ??= answer.bytes;
      }
    }
    return { fault: undefined, answerBytes };
  } finally {
    await server.stop();
  }
}
