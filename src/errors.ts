/**
 * Every error that Chopin answers with or throws, under a stable code. Codes never change their
 * meaning; programs may compare them.
 */
import { fieldsFrom } from "./answer-fields.ts";
import { reasonPhrase } from "./status.ts";

/** Codes of error answers: status and meaning. Those marked native are also sent by the library. */
export const problems = {
  bad_path: [400, "escape, NUL, UTF-8 or dot segment in the path (native)"],
  invalid_json: [400, "the body is not JSON"],
  invalid_form: [400, "the body is not a form as its Content-Type says"],
  invalid_encoding: [400, "the body cannot be decoded as its Content-Encoding says"],
  too_many_query_fields: [400, "more than 1,024 fields in the query"],
  tls_client_hello: [400, "TLS on a port that speaks clear HTTP (native)"],
  too_many_empty_lines: [400, "empty lines before the request line (native)"],
  bad_method: [400, "the method is not a token (native)"],
  method_too_long: [400, "the method has more than 32 bytes (native)"],
  extra_space: [400, "several spaces in the request line (native)"],
  bad_target: [400, "the request target has no valid form (native)"],
  fragment_in_target: [400, "a request target has no fragment (native)"],
  missing_version: [400, "HTTP/0.9 request line (native)"],
  bad_version: [400, "malformed HTTP version (native)"],
  bare_lf: [400, "a line ends with LF alone (native)"],
  bare_cr: [400, "CR without LF (native)"],
  space_before_field: [400, "white space before the first field (native)"],
  folded_field: [400, "obsolete line folding (native)"],
  space_before_colon: [400, "white space between field name and colon (native)"],
  missing_colon: [400, "field line without a colon (native)"],
  bad_field_name: [400, "the field name is not a token (native)"],
  bad_field_value: [400, "control byte in a field value (native)"],
  missing_host: [400, "HTTP/1.1 without Host (native)"],
  duplicate_host: [400, "more than one Host (native)"],
  bad_host: [400, "Host is not an authority (native)"],
  bad_content_length: [400, "Content-Length is not a decimal number (native)"],
  duplicate_content_length: [400, "more than one Content-Length (native)"],
  length_with_transfer_encoding: [400, "Content-Length beside Transfer-Encoding (native)"],
  bad_transfer_encoding: [400, "Transfer-Encoding that does not end in chunked (native)"],
  duplicate_transfer_encoding: [400, "more than one Transfer-Encoding (native)"],
  transfer_encoding_in_http_1_0: [400, "HTTP/1.0 has no Transfer-Encoding (native)"],
  bad_chunk_size: [400, "malformed chunk size (native)"],
  bad_chunk_extension: [400, "malformed chunk extension (native)"],
  chunk_line_too_long: [400, "chunk size line above its limit (native)"],
  chunk_extensions_too_large: [400, "chunk extensions above their limit (native)"],
  bad_chunk_end: [400, "chunk data without CRLF behind it (native)"],
  bad_trailer: [400, "malformed trailer (native)"],
  bad_websocket_key: [400, "Sec-WebSocket-Key is not the base64 of 16 bytes"],
  forbidden: [403, "the file may not be read (native)"],
  origin_not_allowed: [403, "pages of this origin may not open the WebSocket"],
  not_found: [404, "no route has this path (native)"],
  method_not_allowed: [405, "the path is routed, but not for this method (native)"],
  request_timeout: [408, "head or body came too slowly (native)"],
  precondition_failed: [412, "If-Match or If-Unmodified-Since does not hold (native)"],
  body_too_large: [413, "the body exceeds the route's limit (native)"],
  too_many_parts: [413, "a form has too many parts"],
  part_too_large: [413, "a part of a form, its head or its name is too large"],
  target_too_long: [414, "the request target exceeds its limit (native)"],
  unsupported_media_type: [415, "the handler takes another Content-Type"],
  unsupported_encoding: [415, "a Content-Encoding that is not decoded here"],
  range_not_satisfiable: [416, "the range begins behind the end of the file (native)"],
  expectation_failed: [417, "an expectation other than 100-continue (native)"],
  validation_failed: [422, "parts of the request do not fit the schemas of its route"],
  upgrade_required: [426, "the path is a WebSocket, and no upgrade to one is asked for"],
  websocket_version_not_supported: [426, "a version of WebSockets other than 13"],
  head_too_large: [431, "the head exceeds its limit (native)"],
  too_many_fields: [431, "too many field lines (native)"],
  trailers_too_large: [431, "the trailer section exceeds its limit (native)"],
  internal_error: [500, "the handler failed (native)"],
  not_implemented: [501, "unknown method on a routed path (native)"],
  websocket_unavailable: [501, "a WebSocket was asked for without a socket"],
  transfer_coding_not_supported: [501, "a transfer coding before chunked (native)"],
  overloaded: [503, "too many requests are waiting (native)"],
  out_of_memory: [503, "no memory for this request (native)"],
  version_not_supported: [505, "HTTP version other than 1.x (native)"],
} as const satisfies Readonly<Record<string, readonly [status: number, meaning: string]>>;

/** Code of an error answer that Chopin itself gives. */
export type ProblemCode = keyof typeof problems;

/** Codes of errors that are thrown where a program sets Chopin up or uses it wrongly. */
export const faults = {
  invalid_route: "a path, method, option or handler of a route cannot be used",
  duplicate_route: "the same method and path were registered twice",
  conflicting_route: "two routes match the same requests with different names",
  already_serving: "routes and middleware are fixed once the application serves",
  invalid_address: "the address to listen on is malformed",
  invalid_option: "an option is outside its range",
  invalid_environment: "an environment variable is outside its range",
  routes_folder: "a folder of routes cannot be imported",
  invalid_header: "a field name or value cannot be sent",
  files_folder: "a folder or an embedded file cannot be served",
  file_changed: "a file became shorter while it was sent",
  invalid_status: "an answer's status is a whole number from 200 to 599",
  part_used: "a part of a form was read twice, or after the next one was asked for",
  invalid_event: "an event of a stream of events cannot be sent",
  invalid_answer: "a handler returned something that is no answer",
  answer_too_large: "a streamed answer exceeds what is buffered, or a head is too large",
  invalid_message: "a message, ping or close of a WebSocket cannot be sent",
  next_called_twice: "a middleware called next() more than once",
  no_answer: "a middleware neither called next() nor answered",
  body_is_streamed: "a whole body was asked for where it comes in pieces",
  head_sent: "status or fields were changed after they had been sent",
  context_used_after_answer: "the context was touched after its answer was sent",
  native_failure: "a call into the native library failed",
} as const satisfies Readonly<Record<string, string>>;

/** Code of a `ChopinError`. */
export type FaultCode = keyof typeof faults;

/**
 * A mistake in how Chopin is set up or used. `code` is one of `faults`, `message` says what to
 * change.
 *
 * @example
 * try { app.get("users", list) } catch (error) { (error as ChopinError).code } // "invalid_route"
 */
export class ChopinError extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChopinError";
    this.code = code;
  }
}

/** Thrown by every member of a context whose answer has been sent. */
export class ContextUsedAfterAnswer extends ChopinError {
  constructor() {
    super(
      "context_used_after_answer",
      "This request was answered already: its context can no longer be used. " +
        "Read what you need before the answer, or await your work before returning.",
    );
    this.name = "ContextUsedAfterAnswer";
  }
}

/** What `HTTPError` takes beside status, code and detail. */
export interface HTTPErrorOptions extends ErrorOptions {
  /** Fields of the answer, such as WWW-Authenticate. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem body (RFC 9457 3.2): what a program wants to know of it. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/**
 * Throw it, from a handler or a middleware, to answer with an error: `status` from 400 to 599, a
 * stable snake_case `code` for programs (by default made from the status: 404 is `not_found`), and
 * an optional `detail` for people. The body is `application/problem+json` (RFC 9457).
 *
 * @example
 * throw new HTTPError(404, "user_not_found", "There is no user 7.");
 */
export class HTTPError extends Error {
  // Declared only: to define a field of an error takes twenty times as long as to assign to it.
  declare readonly status: number;
  declare readonly code: string;
  declare readonly detail: string | undefined;
  declare readonly headers: Readonly<Record<string, string>> | undefined;
  declare readonly members: Readonly<Record<string, unknown>> | undefined;

  constructor(status: number, code?: string, detail?: string, options?: HTTPErrorOptions) {
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new ChopinError(
        "invalid_status",
        `An HTTPError has a status from 400 to 599: ${status}.`,
      );
    }
    super(detail ?? reasonPhrase(status), options);
    // A field that cannot be sent fails here, where it was written.
    fieldsFrom(options?.headers);
    this.status = status;
    this.code = code ?? defaultCode(status);
    this.detail = detail;
    this.headers = options?.headers;
    this.members = options?.members;
    this.name = "HTTPError";
  }
}

/** An `HTTPError` with one of Chopin's own codes and the status that belongs to it. */
export function problem(code: ProblemCode, detail?: string): HTTPError {
  return new HTTPError(problems[code][0], code, detail);
}

/** The body of an `HTTPError`; its own members come last. */
export function problemBodyOf({ status, code, detail, members }: HTTPError): string {
  const body = problemBody(status, code, detail);
  if (members === undefined) return body;
  let own = "";
  for (const name of Object.keys(members)) {
    const value = problemMembers.includes(name) ? undefined : JSON.stringify(members[name]);
    if (value !== undefined) own += `,${JSON.stringify(name)}:${value}`;
  }
  return `${body.slice(0, -1)}${own}}`;
}

/** What every problem body may have by itself. */
const problemMembers: readonly string[] = ["type", "title", "status", "code", "detail", "stack"];

/**
 * The body of an error answer, byte for byte as the native library writes it; `detail` comes last,
 * in development followed by the stack.
 */
export function problemBody(status: number, code: string, detail?: string, stack?: string): string {
  const title = reasonPhrase(status);
  return JSON.stringify({ type: "about:blank", title, status, code, detail, stack });
}

function defaultCode(status: number): string {
  if (status === 500) return "internal_error";
  return reasonPhrase(status)
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, "_");
}
