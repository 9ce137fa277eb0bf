/**
 * Refuses schemas of bodies and answers whose values JSON has not: they would fail, or be sent as
 * something else, with every request. Called by `shape.ts`.
 */
import { ChopinError } from "../errors.ts";
import { isObject, kindOfNode, type SchemaNode } from "./node.ts";

/** What to take instead. */
const unsendable: Readonly<Record<string, string>> = {
  BigInt: "JSON has no BigInt: take t.Integer(), or t.String() for its digits",
  Uint8Array: "JSON has no bytes: take t.String() for base64, or bytes as the whole answer",
};

/**
 * `whole`: this is not inside of anything, and bytes may be an answer by themselves.
 *
 * @throws ChopinError `invalid_route`.
 */
export function checkSendable(
  node: SchemaNode,
  whole: boolean,
  seen = new Set<SchemaNode>(),
): void {
  if (seen.has(node)) return;
  seen.add(node);
  const kind = kindOfNode(node);
  const reason = unsendable[kind];
  if (reason !== undefined && !(whole && kind === "Uint8Array")) {
    throw new ChopinError("invalid_route", reason);
  }
  for (const variant of [...(node.anyOf ?? []), ...(node.allOf ?? [])]) {
    checkSendable(variant, whole, seen);
  }
  const { properties, patternProperties, additionalProperties, items, $defs } = node;
  const inner = [properties, patternProperties, $defs].flatMap((map) => Object.values(map ?? {}));
  for (const one of [...inner, additionalProperties, items].flat()) {
    if (isObject(one)) checkSendable(one as SchemaNode, false, seen);
  }
}
