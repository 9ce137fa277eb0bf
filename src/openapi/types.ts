/** An OpenAPI 3.1 document as data, as far as Chopin writes it. */
import type { JsonSchema } from "../schema/json-schema.ts";

export type { JsonSchema } from "../schema/json-schema.ts";

/** What the document is of. */
export interface OpenApiInfo {
  /** "API" unless told. */
  readonly title?: string;
  /** Of the API, not of OpenAPI; "0.0.0" unless told. */
  readonly version?: string;
  readonly summary?: string;
  /** In CommonMark. */
  readonly description?: string;
  readonly termsOfService?: string;
  readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string };
  /** `identifier` is one of SPDX, and goes without a `url`. */
  readonly license?: { readonly name: string; readonly identifier?: string; readonly url?: string };
}

/** Where the API is served. A URL may be relative to where the document is. */
export interface OpenApiServer {
  readonly url: string;
  readonly description?: string;
  /** Of the braces in `url`, by name. */
  readonly variables?: Readonly<
    Record<
      string,
      { readonly default: string; readonly enum?: readonly string[]; readonly description?: string }
    >
  >;
}

/** A page elsewhere. */
export interface ExternalDocs {
  readonly url: string;
  readonly description?: string;
}

/** A tag that routes may have, in the order in which pages list them. */
export interface OpenApiTag {
  readonly name: string;
  readonly description?: string;
  readonly externalDocs?: ExternalDocs;
}

/** A way of OAuth 2 to get a token. */
export interface OAuthFlow {
  readonly authorizationUrl?: string;
  readonly tokenUrl?: string;
  readonly refreshUrl?: string;
  /** What each scope allows. */
  readonly scopes: Readonly<Record<string, string>>;
}

/** How callers show who they are. */
export type SecurityScheme = { readonly description?: string } & (
  | {
      readonly type: "apiKey";
      readonly in: "query" | "header" | "cookie";
      /** Of the field or cookie. */
      readonly name: string;
    }
  | { readonly type: "http"; readonly scheme: string; readonly bearerFormat?: string }
  | { readonly type: "mutualTLS" }
  | {
      readonly type: "oauth2";
      readonly flows: {
        readonly implicit?: OAuthFlow;
        readonly password?: OAuthFlow;
        readonly clientCredentials?: OAuthFlow;
        readonly authorizationCode?: OAuthFlow;
      };
    }
  | { readonly type: "openIdConnect"; readonly openIdConnectUrl: string }
);

/** Something under `components`. */
export interface Reference {
  readonly $ref: string;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header" | "cookie";
  readonly description?: string;
  readonly required?: boolean;
  readonly deprecated?: boolean;
  readonly style?: string;
  readonly explode?: boolean;
  readonly schema: JsonSchema;
}

/** Bodies by their media type. */
export type OpenApiContent = Readonly<Record<string, { readonly schema: JsonSchema }>>;

export interface OpenApiRequestBody {
  readonly required?: boolean;
  readonly content: OpenApiContent;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly content?: OpenApiContent;
}

/** What one method of a path does. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: boolean;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: OpenApiRequestBody;
  /** By status, or "default". */
  readonly responses: Readonly<Record<string, OpenApiResponse | Reference>>;
}

/** Methods that OpenAPI 3.1 has a place for, and that routes can have. */
export type OpenApiMethod = "get" | "put" | "post" | "delete" | "options" | "head" | "patch";

export interface OpenApiPath extends Readonly<Partial<Record<OpenApiMethod, OpenApiOperation>>> {
  /** Of other methods, such as PROPFIND, in the form that OpenAPI 3.2 gives them. */
  readonly "x-additionalOperations"?: Readonly<Record<string, OpenApiOperation>>;
}

/** A document as data, ready for `JSON.stringify`. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: OpenApiInfo & { readonly title: string; readonly version: string };
  readonly servers?: readonly OpenApiServer[];
  readonly tags?: readonly OpenApiTag[];
  readonly externalDocs?: ExternalDocs;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly paths: Readonly<Record<string, OpenApiPath>>;
  readonly components?: {
    readonly schemas?: Readonly<Record<string, JsonSchema>>;
    readonly responses?: Readonly<Record<string, OpenApiResponse>>;
    readonly securitySchemes?: Readonly<Record<string, SecurityScheme>>;
  };
}
