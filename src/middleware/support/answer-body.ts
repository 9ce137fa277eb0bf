/** Bodies of answers as the bytes that are sent, made once and kept with the answer. */
import { type Answer, bodyOf, type PreparedAnswer } from "../../answer.ts";
import { kind } from "../../native/abi.ts";
import type { StreamSource } from "../../stream.ts";
import { fieldOf } from "./answer-head.ts";
import type { AnyContext } from "./middleware.ts";

const encoder = new TextEncoder();

/** Content-Type of the kinds of body that the server names by itself. */
const typesOfKinds: Readonly<Record<number, string>> = {
  [kind.json]: "application/json",
  [kind.text]: "text/plain",
  [kind.html]: "text/html",
  [kind.problem]: "application/problem+json",
  [kind.bytes]: "application/octet-stream",
};

/** Whether the whole body is at hand, as a value or as bytes. */
export function isBuffered(answer: Answer): boolean {
  const { kind: kindOfBody, body } = answer as PreparedAnswer;
  if (kindOfBody === kind.json || body === null || body === undefined) return true;
  return typeof body === "string" || body instanceof Uint8Array;
}

/**
 * The body as bytes. They take the body's place, so that a large value is made into JSON once, no
 * matter how many middleware look at it. Do not change them.
 */
export function encodedBody(answer: Answer): Uint8Array<ArrayBuffer> {
  const prepared = answer as PreparedAnswer;
  const body = bodyOf(prepared.kind, prepared.body);
  if (typeof body !== "string") return body;
  const bytes = encoder.encode(body);
  // An empty body stays as it is: null is what tells 204 from 200.
  if (bytes.length > 0) replaceBody(answer, bytes);
  return bytes;
}

/** Puts other bytes in the body's place, at hand or streamed; the Content-Type stays. */
export function replaceBody(answer: Answer, body: Uint8Array<ArrayBuffer> | StreamSource): void {
  const prepared = answer as PreparedAnswer;
  const kindOfBody = prepared.kind;
  prepared.body = body;
  prepared.kind = kindOfBody;
}

/** The media type without parameters, in lower case; "" when the answer will have none. */
export function mediaTypeOf(ctx: AnyContext, answer: Answer): string {
  const named = fieldOf(ctx, answer, "content-type");
  if (named === undefined) return typesOfKinds[(answer as PreparedAnswer).kind] ?? "";
  return named.split(";", 1)[0]!.trim().toLowerCase();
}

/** Whether answers of this status never have content (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
