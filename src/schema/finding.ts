/** What a validator finds wrong in one part of a request, or in an answer. */

/** What may be wrong with one field: known to its schema before any value was sent. */
export interface Fault {
  /** From the value that has the field: "/age"; "" where that is known only with a value. */
  readonly pointer: string;
  readonly message: string;
  readonly expected: string | undefined;
  /** Its issue as JSON, once it was written: every fault belongs to one part of one route. */
  json: string | undefined;
}

export function faultOf(pointer: string, message: string, expected?: string): Fault {
  return { pointer, message, expected, json: undefined };
}

/** What is wrong with one field of a value. */
export interface Finding {
  /** Where the pointer of the fault begins; "" for most. */
  readonly at: string;
  readonly fault: Fault;
}

/** What a validator gives for a value that it does not take. */
export class Refusal {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    this.findings = findings;
  }
}

/** Turns what came into what a handler gets, or refuses it. */
export type Validator = (value: unknown) => unknown | Refusal | Promise<unknown | Refusal>;

/** Of one value: what is wrong beyond them is of no use to anybody, and could be a million. */
export const findingsMax = 32;

/** A key of a JSON Pointer (RFC 6901 3). */
export function pointerTo(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
