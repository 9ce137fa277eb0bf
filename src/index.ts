/** Everything that a program imports from "chopin". */
export type { Answer, EventsAnswer, OtherAnswer } from "./answer.ts";
export type { FieldsInit } from "./answer-fields.ts";
export type { AnswerHeaders } from "./answer-headers.ts";
export { Chopin } from "./app.ts";
export type {
  AnswerInit,
  AnyContext,
  BodyStream,
  Bytes,
  Context,
  Params,
  RequestCookies,
  State,
} from "./context.ts";
export type { AppOptions, RouteListing } from "./definition.ts";
export type { Mounting } from "./discovery.ts";
export {
  all,
  del,
  del as delete,
  get,
  head,
  options,
  patch,
  post,
  put,
  route,
  websocket,
} from "./discovery.ts";
export {
  ChopinError,
  ContextUsedAfterAnswer,
  type FaultCode,
  faults,
  HTTPError,
  type HTTPErrorOptions,
  type ProblemCode,
  problems,
} from "./errors.ts";
export type { EventProducer, EventStream, EventsOptions, ServerEvent } from "./events.ts";
export { type Extracted, type ExtractOptions, Extractor, extract } from "./extract.ts";
export {
  type EmbeddedFiles,
  type FileOptions,
  type FileReference,
  FileResponse as Response,
  type FilesOptions,
  file,
} from "./files.ts";
export type { Form, FormFile, FormLimits, FormOptions, FormValue, Part } from "./form.ts";
export type { RequestHeaders } from "./headers.ts";
export type { HealthCheck, HealthChecks, HealthOptions } from "./health.ts";
export type { MetricsOptions } from "./metrics.ts";
export type { OpenApiOptions } from "./openapi/options.ts";
export type { OpenApiRoutesOptions } from "./openapi.ts";
export type { Query } from "./query.ts";
export { bytes, html, json, redirect, text } from "./response.ts";
export type {
  Constant,
  ErrorHandler,
  Handler,
  InvalidHandler,
  Middleware,
  Next,
  ParamsOf,
} from "./route.ts";
export type {
  RouteContext,
  RouteDocumentation,
  RouteOptions,
  SecurityRequirements,
  TypedHandler,
} from "./route-options.ts";
export type { DeclareRoute, Route, RouteShape, RoutesOf, RouteTypes } from "./routes.ts";
export { t } from "./schema/builder.ts";
export { type Issue, type PartName, ValidationError } from "./schema/issue.ts";
export type {
  Schema,
  SchemaBuilder,
  StandardSchema,
  Static,
  TypeBoxSchema,
} from "./schema/types.ts";
export type { ClosedConnections, ReactorName, ServeOptions } from "./serve-options.ts";
export type { Server, StopOptions } from "./serving.ts";
export type { TrustedHops, TrustProxy } from "./trust-proxy.ts";
export type { WebSocketRoute } from "./websocket/declare.ts";
export type { TopicTransport } from "./websocket/transport.ts";
export type {
  DeclareWebSocket,
  Message as WebSocketMessage,
  ServerWebSocket,
  WebSocketHandlers,
  WebSocketLimits,
  WebSocketOptions,
} from "./websocket/types.ts";
export type { LifeOptions, WorkerInfo } from "./workers/options.ts";
