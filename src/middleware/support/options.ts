/** Checks of options: a wrong one fails where the middleware is created, and says what is right. */
import { isToken } from "../../answer-fields.ts";
import { ChopinError } from "../../errors.ts";

/** The error for a wrong option of a middleware. */
export function invalidOption(middleware: string, text: string): ChopinError {
  return new ChopinError("invalid_option", `${middleware}: ${text}.`);
}

/**
 * Options that have only known names: a misspelt one would silently leave its default in force.
 *
 * @throws ChopinError `invalid_option`.
 */
export function checkOptions(middleware: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalidOption(middleware, "options are an object");
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      const names = known.join(", ");
      throw invalidOption(middleware, `${JSON.stringify(name)} is no option; there are ${names}`);
    }
  }
}

/** @throws ChopinError `invalid_option` for what is no whole number from `least` to `most`. */
export function checkWhole(
  middleware: string,
  name: string,
  value: number,
  least: number,
  most: number,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = `${least.toLocaleString("en")} to ${most.toLocaleString("en")}`;
  throw invalidOption(middleware, `${name} is a whole number, ${range}, not ${String(value)}`);
}

/** @throws ChopinError `invalid_option` for what is not true or false. */
export function checkFlag(middleware: string, name: string, value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw invalidOption(middleware, `${name} is true or false, not ${String(value)}`);
}

/** @throws ChopinError `invalid_option` for what is no list of tokens (RFC 9110 5.6.2). */
export function checkTokens(middleware: string, name: string, value: readonly string[]): string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string" && isToken(one))) {
    throw invalidOption(middleware, `${name} is a list of names, not ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * Text as a quoted-string (RFC 9110 5.6.4).
 *
 * @throws ChopinError `invalid_option` for control characters and those beyond ASCII, which no
 * quoted-string can say.
 */
export function quoted(middleware: string, name: string, text: string): string {
  if (typeof text !== "string" || !/^[\t\x20-\x7e]*$/.test(text)) {
    throw invalidOption(middleware, `${name} is printable ASCII, not ${JSON.stringify(text)}`);
  }
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
