/** TypeScript types before they are text: made by `json-schema-type.ts`, written by `print.ts`. */
export type TypeNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "union" | "intersection"; readonly members: readonly TypeNode[] }
  | { readonly kind: "array"; readonly item: TypeNode }
  | Tuple
  | ObjectType;

interface Tuple {
  readonly kind: "tuple";
  readonly items: readonly TypeNode[];
  /** Items that must be there; the others are optional. */
  readonly required: number;
  readonly rest: TypeNode | undefined;
}

export interface ObjectType {
  readonly kind: "object";
  readonly members: readonly Member[];
  /** Of keys that no member names. */
  readonly others?: TypeNode | undefined;
  /** Each member has a line of its own, also where there is room for all in one. */
  readonly broken?: boolean;
}

export interface Member {
  /** A status is a number: with quotes it would be another key. */
  readonly name: string | number;
  readonly type: TypeNode;
  readonly optional?: boolean;
  readonly readonly?: boolean;
  /** What its comment says, line by line. */
  readonly doc?: readonly string[];
}

export const unknownType = text("unknown");
export const neverType = text("never");

export function text(written: string): TypeNode {
  return { kind: "text", text: written };
}

/** A literal of JSON as a type. */
export function literal(value: unknown): TypeNode {
  if (Array.isArray(value)) {
    const items = value.map(literal);
    return { kind: "tuple", items, required: items.length, rest: undefined };
  }
  if (typeof value === "string") return text(quoted(value));
  if (typeof value !== "object" || value === null) return text(JSON.stringify(value) ?? "unknown");
  const members = Object.entries(value).map(([name, own]) => ({ name, type: literal(own) }));
  return { kind: "object", members };
}

/** With the quotes that need less of an escape. */
export function quoted(value: string): string {
  const written = JSON.stringify(value);
  const countOf = (quote: string) => value.split(quote).length;
  if (countOf('"') <= countOf("'")) return written;
  return `'${written.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

export function union(members: readonly TypeNode[]): TypeNode {
  const flat = members.flatMap((one) => (one.kind === "union" ? one.members : [one]));
  if (flat.some((one) => isText(one, "unknown"))) return unknownType;
  return combined("union", flat, "never");
}

export function intersection(members: readonly TypeNode[]): TypeNode {
  if (members.some((one) => isText(one, "never"))) return neverType;
  return combined("intersection", members, "unknown");
}

/** `neutral` is what adds nothing, and what nothing at all comes to. */
function combined(
  kind: "union" | "intersection",
  members: readonly TypeNode[],
  neutral: "never" | "unknown",
): TypeNode {
  const kept: TypeNode[] = [];
  for (const one of members) {
    const known = one.kind === "text" && kept.some((other) => isText(other, one.text));
    if (!known && !isText(one, neutral)) kept.push(one);
  }
  if (kept.length === 0) return text(neutral);
  return kept.length === 1 ? kept[0]! : { kind, members: kept };
}

function isText(node: TypeNode, written: string): boolean {
  return node.kind === "text" && node.text === written;
}
