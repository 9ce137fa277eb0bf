/** One server-sent event as text (WHATWG HTML 9.2.5, 9.2.6). */
import { ChopinError } from "../errors.ts";
import type { ServerEvent } from "../events.ts";

const members: readonly string[] = ["data", "event", "id", "retry", "comment"];
const lineEnd = /\r\n|\r|\n/;

/**
 * An event as it is sent.
 *
 * @throws ChopinError `invalid_event` for an unknown member, a line end or NUL in `event` or `id`,
 * and data that JSON cannot express.
 * @example
 * encodeEvent({ event: "tick", data: { at: 1 } }); // 'event: tick\ndata: {"at":1}\n\n'
 */
export function encodeEvent(event: ServerEvent | string): string {
  if (typeof event === "string") return `${lines("data", event)}\n`;
  if (typeof event !== "object" || event === null) throw invalid("An event is text or an object");
  for (const name of Object.keys(event)) {
    if (!members.includes(name)) {
      throw invalid(`${JSON.stringify(name)} is no member of an event: ${members.join(", ")}`);
    }
  }
  let text = "";
  if (event.comment !== undefined) text += lines("", checkText("comment", event.comment));
  if (event.event !== undefined) text += `event: ${checkLine("event", event.event)}\n`;
  if (event.id !== undefined) text += `id: ${checkLine("id", event.id)}\n`;
  if (event.retry !== undefined) text += `retry: ${checkRetry(event.retry)}\n`;
  if (event.data !== undefined) text += lines("data", dataText(event.data));
  // Browsers drop events without data, even those that have a type.
  else if (event.event !== undefined) text += "data: \n";
  return `${text}\n`;
}

/** Each line of a text as a line of its own; the space is what clients take off again. */
function lines(field: string, text: string): string {
  return text
    .split(lineEnd)
    .map((line) => `${field}: ${line}\n`)
    .join("");
}

function dataText(data: unknown): string {
  if (typeof data === "string") return data;
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw invalid("The data of an event is text or JSON", cause);
  return text;
}

function checkText(name: string, value: string): string {
  if (typeof value !== "string") throw invalid(`The ${name} of an event is text`);
  return value;
}

/** A line end would start another field; clients ignore an id with NUL. */
function checkLine(name: string, value: string): string {
  if (/[\r\n\0]/.test(checkText(name, value))) {
    throw invalid(`The ${name} of an event has no line end and no NUL`);
  }
  return value;
}

function checkRetry(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid("The retry of an event is a whole number of milliseconds");
}

function invalid(text: string, cause?: unknown): ChopinError {
  return new ChopinError("invalid_event", `${text}.`, cause === undefined ? undefined : { cause });
}
