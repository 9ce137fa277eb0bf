/**
 * From the text of a path, a query or a field to the value that a schema asks for. What has not
 * exactly the form of that value stays text, and the check says so. Called by what `shape.ts`
 * writes.
 */
import { isDate, isDateTime } from "./formats.ts";

const decimal = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const whole = /^-?\d+$/;

/** A decimal number: no sign "+", no white space, no "0x10", no "Infinity". */
export function toNumber(value: unknown): unknown {
  return typeof value === "string" && decimal.test(value) ? Number(value) : value;
}

/**
 * A whole number that a double has exactly: another number than the client's is worse than none.
 */
export function toInteger(value: unknown): unknown {
  if (typeof value !== "string" || !whole.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** "true" and "false", and the "1" and "0" of forms. */
export function toBoolean(value: unknown): unknown {
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : value;
}

export function toBigInt(value: unknown): unknown {
  return typeof value === "string" && whole.test(value) ? BigInt(value) : value;
}

/** A day or a moment as RFC 3339 writes them; a day is its first moment in UTC. */
export function toDate(value: unknown): unknown {
  if (typeof value !== "string" || !(isDate(value) || isDateTime(value))) return value;
  const moment = new Date(value);
  return Number.isNaN(moment.getTime()) ? value : moment;
}
