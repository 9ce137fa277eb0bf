/** A request that does not fit the schemas of its route, as `parts.ts` finds it. */
import { problemBody } from "../errors.ts";
import { Refused } from "../refused.ts";
import type { Finding, Refusal } from "./finding.ts";
import { type Issue, invalid, type PartName, ValidationError } from "./issue.ts";

/** A part of a request and what is wrong with it. */
export type RefusedPart = readonly [part: PartName, refusal: Refusal];

/** The body before its issues, which come last. */
const { status, code, detail } = invalid;
const bodyStart = `${problemBody(status, code, detail).slice(0, -1)},"errors":[`;

/** Issues and error are made for those who ask; most are answered with the body alone. */
export class Misfit extends Refused {
  readonly #parts: readonly RefusedPart[];
  #issues: readonly Issue[] | undefined;

  constructor(parts: readonly RefusedPart[]) {
    super();
    this.#parts = parts;
    this.#issues = undefined;
  }

  get status(): number {
    return status;
  }

  /** Always the same ones. */
  get issues(): readonly Issue[] {
    this.#issues ??= this.#parts.flatMap(([part, { findings }]) =>
      findings.map((finding) => issueOf(part, finding)),
    );
    return this.#issues;
  }

  body(): string {
    let issues = "";
    for (const [part, { findings }] of this.#parts) {
      for (const finding of findings) {
        const issue = textOf(part, finding);
        issues = issues === "" ? issue : `${issues},${issue}`;
      }
    }
    return `${bodyStart}${issues}]}`;
  }

  protected makeError(): ValidationError {
    return new ValidationError(this.issues);
  }
}

function issueOf(part: PartName, { at, fault }: Finding): Issue {
  const { message, expected } = fault;
  const pointer = at + fault.pointer;
  // One literal for each shape: a copy with one more key takes three times as long.
  if (expected === undefined) return { in: part, pointer, message };
  return { in: part, pointer, message, expected };
}

/** An issue as JSON; to write it anew takes ten times as long. */
function textOf(part: PartName, finding: Finding): string {
  const { at, fault } = finding;
  if (at !== "") return JSON.stringify(issueOf(part, finding));
  fault.json ??= JSON.stringify(issueOf(part, finding));
  return fault.json;
}
