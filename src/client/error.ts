/** The one error that a client throws by itself. */
import type { Problem } from "./answers.ts";

/**
 * `invalid_option` and `invalid_request`: what was asked for cannot be sent, so nothing was.
 * `network_error`: there was no answer, or not the whole of it. `timeout`: it took too long.
 * `invalid_answer`: an answer that is not what its Content-Type says, or that no reader fits.
 * `unexpected_status`: from `orThrow` and `events`, an answer without a problem body; with one, the
 * code is that of the problem.
 */
export type ClientErrorCode =
  | "invalid_option"
  | "invalid_request"
  | "network_error"
  | "timeout"
  | "invalid_answer"
  | "unexpected_status"
  | (string & {});

/** What is known of the answer that an error is about. */
export interface ClientErrorDetails extends ErrorOptions {
  readonly response?: Response | undefined;
  readonly body?: unknown;
  readonly problem?: Problem | undefined;
}

/**
 * A call without a usable answer, or, from `orThrow`, one with an answer of failure.
 *
 * @example
 * const user = await api.get("/users/:id", { params: { id: 7 } }).orThrow();
 * // ClientError: GET https://api.example.org/users/:id: 404 user_not_found: There is no user 7.
 */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined;
  readonly problem: Problem | undefined;
  readonly body: unknown;
  readonly response: Response | undefined;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message, details);
    this.name = "ClientError";
    this.code = code;
    const { response, problem, body } = details;
    this.status = response?.status;
    this.problem = problem;
    this.body = body;
    this.response = response;
  }
}

/** What a message says of an error of others. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
