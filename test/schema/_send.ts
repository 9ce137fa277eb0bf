/** What the tests of schemas send and read. */
import type { Issue } from "../../src/index.ts";
import type { Received, Send, Sent } from "../_setup.ts";

/** Sends a value as JSON. */
export function sendJson(
  send: Send,
  method: string,
  path: string,
  body: unknown,
): Promise<Received> {
  const sent: Sent = {
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
  return send(method, path, sent);
}

/** Issues of an answer with 422 as "in pointer message", in order. */
export function issuesOf(answer: Received): string[] {
  const { status, code, errors } = JSON.parse(answer.body);
  if (answer.status !== 422 || status !== 422 || code !== "validation_failed") {
    throw new Error(`not refused: ${answer.status} ${answer.body}`);
  }
  return (errors as Issue[]).map(
    ({ in: part, pointer, message }) => `${part} ${pointer} ${message}`,
  );
}
