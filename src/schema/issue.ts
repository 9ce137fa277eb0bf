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

/** An issue whose part is not yet known. */
export type Finding = Omit<Issue, "in">;

/** Of one request: what is wrong beyond them is of no use to anybody, and could be a million. */
export const issuesMax = 32;

/**
 * Thrown before the handler for a request that does not fit the schemas of its route: 422
 * `validation_failed`. `onError` sees it; `onInvalid` may answer instead.
 */
export class ValidationError extends HTTPError {
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    // The stack would lead into this folder, and costs more than all the rest of such an answer.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const detail = "The request does not fit the schemas of its route.";
    super(problems.validation_failed[0], "validation_failed", detail, {
      members: { errors: issues },
    });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "ValidationError";
    this.issues = issues;
  }
}

/** What a validator gives for a value that it does not take; issues are looked for only then. */
export class Refusal {
  readonly findings: () => readonly Finding[];

  constructor(findings: () => readonly Finding[]) {
    this.findings = findings;
  }
}

/** Turns what came into what a handler gets, or refuses it. */
export type Validator = (value: unknown) => unknown | Refusal | Promise<unknown | Refusal>;

/** A key of a JSON Pointer (RFC 6901 3). */
export function pointerTo(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
