/** What is wrong with a request, field by field, and the error that says so to its client. */
import { HTTPError, problems } from "../errors.ts";

/** The part of a request that a field belongs to. */
export type PartName = "params" | "query" | "headers" | "cookies" | "body";

/** One field that is not as its schema says. */
export interface Issue {
  readonly in: PartName;
  /** The field as a JSON Pointer (RFC 6901) into its part: "/user/age"; "" is the whole part. */
  readonly pointer: string;
  /** What is wrong, such as "must be an integer of at least 0", "is missing", "is not known". */
  readonly message: string;
  /** What would be right, such as "integer of at least 0"; not every library says it. */
  readonly expected?: string;
}

/** What every problem body of a request that does not fit says, before its issues. */
export const invalid = {
  status: problems.validation_failed[0],
  code: "validation_failed",
  detail: "The request does not fit the schemas of its route.",
} as const;

/**
 * Thrown before the handler for a request that does not fit the schemas of its route: 422
 * `validation_failed`. `onError` sees it; `onInvalid` may answer instead.
 */
export class ValidationError extends HTTPError {
  // Declared only, as in `HTTPError`.
  declare readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    // The stack would lead into this folder, and costs more than all the rest of such an error.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(invalid.status, invalid.code, invalid.detail, { members: { errors: issues } });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "ValidationError";
    this.issues = issues;
  }
}
