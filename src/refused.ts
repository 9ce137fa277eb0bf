/**
 * Requests that are refused where nobody needs an error yet: to make one takes as long as to answer
 * it, and so does to throw it. `schema/` gives them, `compose.ts` answers.
 */
import { type HTTPError, type ProblemCode, problem, problemBody, problems } from "./errors.ts";

/** What is answered; and the error, for `onError` and for middleware that looks at it. */
export abstract class Refused {
  #error: HTTPError | undefined;

  constructor() {
    this.#error = undefined;
  }

  abstract get status(): number;
  /** What `problemBodyOf` writes for the error. */
  abstract body(): string;
  protected abstract makeError(): HTTPError;

  /** Always the same one. */
  get error(): HTTPError {
    this.#error ??= this.makeError();
    return this.#error;
  }
}

/** A request that is refused with one of Chopin's own codes. */
export class RefusedAs extends Refused {
  readonly #code: ProblemCode;
  readonly #detail: string | undefined;

  constructor(code: ProblemCode, detail: string | undefined) {
    super();
    this.#code = code;
    this.#detail = detail;
  }

  get status(): number {
    return problems[this.#code][0];
  }

  body(): string {
    return problemBody(this.status, this.#code, this.#detail);
  }

  protected makeError(): HTTPError {
    return problem(this.#code, this.#detail);
  }
}

/** The error of a `Refused`; anything else is what was thrown. */
export function errorOf(thrown: unknown): unknown {
  return thrown instanceof Refused ? thrown.error : thrown;
}

/** The value of a JSON text, or why it has none. */
export function parseJson(text: string): unknown | Refused {
  // Of what is thrown here only the message is wanted, and a stack takes half of its time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return JSON.parse(text);
  } catch (cause) {
    return new RefusedAs("invalid_json", cause instanceof Error ? cause.message : undefined);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
