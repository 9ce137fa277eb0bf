/** Whether a schema takes what is not there: a body that was not sent, an answer of nothing. */
import { isOptional, isTypeBox, kindOfNode, type SchemaNode } from "./node.ts";
import type { Schema, StandardSchema } from "./types.ts";

/** Whether a body of a schema need not be sent. */
export function mayBeAbsent(body: Schema): boolean {
  if (!isTypeBox(body)) return validatesUndefined(body as StandardSchema);
  return isOptional(body) || body.default !== undefined || hasKind(body, [...nothing, ...anything]);
}

/** Whether a handler may return undefined where a schema describes its answer. */
export function mayBeUndefined(answer: Schema): boolean {
  if (!isTypeBox(answer)) return validatesUndefined(answer as StandardSchema);
  return hasKind(answer, nothing);
}

const nothing: readonly string[] = ["Undefined", "Void"];
const anything: readonly string[] = ["Any", "Unknown"];

/** Of a union it is enough that one variant has it. */
function hasKind(node: SchemaNode, kinds: readonly string[]): boolean {
  const kind = kindOfNode(node);
  if (kind === "Union") return (node.anyOf ?? []).some((variant) => hasKind(variant, kinds));
  return kinds.includes(kind);
}

function validatesUndefined(schema: StandardSchema): boolean {
  try {
    const result = schema["~standard"].validate(undefined);
    if (!(result instanceof Promise)) return result.issues === undefined;
    // What waits is not waited for, and nobody is to hear that it failed.
    result.catch(() => undefined);
  } catch {
    // A schema of another kind is refused when the application starts.
  }
  return false;
}
