/** Schemas of libraries that keep to Standard Schema. They coerce by themselves, where told to. */
import { ChopinError } from "../errors.ts";
import {
  type Finding,
  faultOf,
  findingsMax,
  pointerTo,
  Refusal,
  type Validator,
} from "./finding.ts";
import type { Schema, StandardIssue, StandardResult, StandardSchema } from "./types.ts";

/**
 * The validator of a schema; it waits where the library does.
 *
 * @throws ChopinError `invalid_route` for what is no schema.
 */
export function standardValidator(schema: Schema): Validator {
  const standard = (schema as Partial<StandardSchema> | undefined)?.["~standard"];
  if (standard === undefined || typeof standard.validate !== "function") {
    throw new ChopinError(
      "invalid_route",
      "a schema is one of TypeBox (`t`) or keeps to Standard Schema, as Zod, Valibot and ArkType do",
    );
  }
  return (value) => {
    const result = standard.validate(value);
    return result instanceof Promise ? result.then(outcome) : outcome(result);
  };
}

function outcome(result: StandardResult): unknown {
  const { issues } = result;
  if (issues === undefined) return result.value;
  return new Refusal(issues.slice(0, findingsMax).map(findingOf));
}

function findingOf(issue: StandardIssue): Finding {
  const keys = (issue.path ?? []).map((segment) => {
    const key = typeof segment === "object" ? segment.key : segment;
    return pointerTo(String(key));
  });
  const { expected } = issue as { readonly expected?: unknown };
  const known = typeof expected === "string" ? expected : undefined;
  return { at: "", fault: faultOf(keys.join(""), issue.message, known) };
}
