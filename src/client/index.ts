/** Everything that a program imports from "chopin/client". */
export type {
  BodyAs,
  ClientAnswer,
  Problem,
  SuccessBody,
  ValidationIssue,
  ValidationProblem,
} from "./answers.ts";
export { createClient } from "./client.ts";
export { ClientError, type ClientErrorCode } from "./error.ts";
export type { ClientEvent, EventsAs } from "./event-types.ts";
export type { RawBody } from "./inputs.ts";
export type {
  CallOptions,
  ClientHeaders,
  ClientOptions,
  EventsOptions,
  FetchInit,
  RetryOptions,
  TextValue,
} from "./options.ts";
export type { Call, CallMethod, Client } from "./routes.ts";
export type { Wire } from "./wire.ts";
