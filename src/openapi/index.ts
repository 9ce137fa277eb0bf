/** Everything that a program imports from "chopin/openapi". */
export { type OpenApiSource, openApiDocument } from "./document.ts";
export type { OpenApiOptions } from "./options.ts";
export type {
  ExternalDocs,
  JsonSchema,
  OAuthFlow,
  OpenApiContent,
  OpenApiDocument,
  OpenApiInfo,
  OpenApiMethod,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiPath,
  OpenApiRequestBody,
  OpenApiResponse,
  OpenApiServer,
  OpenApiTag,
  Reference,
  SecurityScheme,
} from "./types.ts";
export { openApiYaml } from "./yaml.ts";
