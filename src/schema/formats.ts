/** The formats of strings that schemas may name. Registered with TypeBox by `compile.ts`. */
import { isIPv4, isIPv6 } from "node:net";

/** Labels of a host name, at most 63 characters each (RFC 1123 2.1). */
const label = "[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?";
const labels = `${label}(?:\\.${label})*`;
/** HTML's rule for `<input type=email>`, which demands no dot in the domain. */
const email = new RegExp(`^[\\w.!#$%&'*+/=?^\`{|}~-]+@${labels}$`, "i");
/** RFC 9562 4. */
const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
/** RFC 3339 5.6, without the check of a month's days. */
const date = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const time =
  /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;
/** RFC 3986 2 and 3.1: a scheme, then only characters that a URI has. */
const uri = /^[a-z][a-z\d+.-]*:(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[\da-f]{2})+$/i;
const hostname = new RegExp(`^(?=.{1,253}$)${labels}$`, "i");

/** The bytes of a longer address are no address (RFC 5321 4.5.3.1). */
const emailLengthMax = 254;

/** Whether a text has the format, by its name in JSON Schema. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  email: (text) => text.length <= emailLengthMax && email.test(text),
  uuid: (text) => uuid.test(text),
  date: isDate,
  time: (text) => time.test(text),
  "date-time": isDateTime,
  uri: (text) => uri.test(text) && URL.canParse(text),
  hostname: (text) => hostname.test(text),
  ipv4: isIPv4,
  ipv6: (text) => isIPv6(text) && !text.includes("%"),
};

/** `2026-02-28`, a day that exists. */
export function isDate(text: string): boolean {
  const parts = date.exec(text);
  if (parts === null) return false;
  const day = Number(parts[3]);
  return day <= 28 || new Date(`${text}T00:00:00Z`).getUTCDate() === day;
}

/** `2026-02-28T12:00:00Z`, with an offset, as RFC 3339 has it. */
export function isDateTime(text: string): boolean {
  const separator = text[10];
  if (separator !== "T" && separator !== "t" && separator !== " ") return false;
  return isDate(text.slice(0, 10)) && time.test(text.slice(11));
}
