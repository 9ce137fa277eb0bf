/** The query of a request, parsed when it is first asked for. */
import { problem } from "./errors.ts";

/**
 * Fields of one query. A form of a thousand fields is long; more of them is an attack on the
 * parser.
 */
const fieldsMax = 1024;

/** Every field of the query by name; of repeated names the first value. */
export type Query = Readonly<Record<string, string | undefined>>;

/** Names and values in the order in which they were sent: name, value, name, value… */
export type QueryPairs = readonly string[];

/**
 * Splits and decodes a query as HTML forms encode it: `+` is a space, broken escapes stay as they
 * are.
 *
 * @throws HTTPError 400 `too_many_query_fields` above 1,024 fields.
 */
export function parseQuery(text: string): QueryPairs {
  const pairs: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf("&", start);
    if (end === -1) end = text.length;
    if (end > start) {
      if (pairs.length === 2 * fieldsMax) throw problem("too_many_query_fields");
      const equals = text.indexOf("=", start);
      const nameEnd = equals === -1 || equals > end ? end : equals;
      pairs.push(
        decode(text.slice(start, nameEnd)),
        nameEnd === end ? "" : decode(text.slice(nameEnd + 1, end)),
      );
    }
    start = end + 1;
  }
  return pairs;
}

/** The first value of every name, in an object without prototype. */
export function firstValues(pairs: QueryPairs): Query {
  const fields: Record<string, string | undefined> = Object.create(null);
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at]!;
    if (fields[name] === undefined) fields[name] = pairs[at + 1]!;
  }
  return fields;
}

/** All values of one name, in the order in which they were sent. */
export function allValues(pairs: QueryPairs, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    if (pairs[at] === name) values.push(pairs[at + 1]!);
  }
  return values;
}

/** The values of every name, in the order in which names were first sent. */
export function groupedValues(pairs: QueryPairs): ReadonlyMap<string, string[]> {
  const groups = new Map<string, string[]>();
  for (let at = 0; at < pairs.length; at += 2) {
    const values = groups.get(pairs[at]!);
    if (values === undefined) groups.set(pairs[at]!, [pairs[at + 1]!]);
    else values.push(pairs[at + 1]!);
  }
  return groups;
}

function decode(text: string): string {
  if (!text.includes("%")) return text.includes("+") ? text.replaceAll("+", " ") : text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Broken escapes: the lenient rules of the URL standard, which never fail.
    return new URLSearchParams(`=${text}`).get("") ?? text;
  }
}
