/** Options of a document, and their checks. Called by `document.ts` and by `app.openapi`. */
import { checkOptions, invalidOption } from "../middleware/support/options.ts";
import type { SecurityRequirements } from "../route-options.ts";
import { isObject } from "../schema/node.ts";
import type {
  ExternalDocs,
  OpenApiInfo,
  OpenApiServer,
  OpenApiTag,
  SecurityScheme,
} from "./types.ts";

/** What a document says beside the routes. */
export interface OpenApiOptions {
  readonly info?: OpenApiInfo;
  /** Where the API is served; unless told, at the root of the host of the document. */
  readonly servers?: readonly OpenApiServer[];
  /** Tags that routes have, with descriptions, in the order of pages. */
  readonly tags?: readonly OpenApiTag[];
  readonly externalDocs?: ExternalDocs;
  /** What is asked of callers of routes that say nothing themselves. */
  readonly security?: SecurityRequirements;
  /** The schemes that `security` names, here, of routes and of extractors. */
  readonly securitySchemes?: Readonly<Record<string, SecurityScheme>>;
}

/** Names of the options of a document. */
export const documentOptions: readonly (keyof OpenApiOptions)[] = [
  "info",
  "servers",
  "tags",
  "externalDocs",
  "security",
  "securitySchemes",
];

/** What the parts of a document may have beside extensions. */
const members = {
  info: ["title", "version", "summary", "description", "termsOfService", "contact", "license"],
  contact: ["name", "url", "email"],
  license: ["name", "identifier", "url"],
  server: ["url", "description", "variables"],
  variable: ["default", "enum", "description"],
  tag: ["name", "description", "externalDocs"],
  externalDocs: ["url", "description"],
} as const;

/** What each type of scheme has to have. */
const schemeMembers: Readonly<Record<SecurityScheme["type"], readonly string[]>> = {
  apiKey: ["in", "name"],
  http: ["scheme"],
  mutualTLS: [],
  oauth2: ["flows"],
  openIdConnect: ["openIdConnectUrl"],
};

/**
 * `others` are names of options that are not of the document.
 *
 * @throws ChopinError `invalid_option` for what would make the document invalid.
 */
export function checkDocumentOptions(
  name: string,
  options: OpenApiOptions,
  others: readonly string[] = [],
): void {
  checkOptions(name, options, [...documentOptions, ...others]);
  const { info = {}, servers = [], tags = [], externalDocs, securitySchemes = {} } = options;
  checkInfo(name, info);
  for (const server of listOf(name, "servers", servers)) checkServer(name, server);
  const names = listOf(name, "tags", tags).map((tag) => {
    checkPart(name, "tag", tag, "name");
    if (tag.externalDocs !== undefined) checkPart(name, "externalDocs", tag.externalDocs, "url");
    return tag.name;
  });
  const twice = names.find((tag, at) => names.indexOf(tag) !== at);
  if (twice !== undefined) {
    throw invalidOption(name, `two tags are called ${JSON.stringify(twice)}`);
  }
  if (externalDocs !== undefined) checkPart(name, "externalDocs", externalDocs, "url");
  for (const [scheme, told] of Object.entries(securitySchemes)) checkScheme(name, scheme, told);
}

function checkInfo(name: string, info: OpenApiInfo): void {
  checkPart(name, "info", info);
  const { contact, license, ...texts } = info;
  for (const [member, value] of Object.entries(texts)) {
    if (typeof value !== "string") throw invalidOption(name, `info: ${member} is a text`);
  }
  if (contact !== undefined) checkPart(name, "contact", contact);
  if (license === undefined) return;
  checkPart(name, "license", license, "name");
  if (license.identifier !== undefined && license.url !== undefined) {
    throw invalidOption(name, "license: it has an identifier or a url, not both");
  }
}

function checkServer(name: string, server: OpenApiServer): void {
  checkPart(name, "server", server, "url");
  const { url, variables = {} } = server;
  for (const variable of Object.values(variables)) {
    checkPart(name, "variable", variable, "default");
  }
  for (const [, variable = ""] of url.matchAll(/\{([^{}]*)\}/g)) {
    if (Object.hasOwn(variables, variable)) continue;
    throw invalidOption(name, `server: ${url} needs ${variable} among its variables`);
  }
}

/** Checks the names of a part, and that the one that it has to have is a text. */
function checkPart(name: string, part: keyof typeof members, given: object, needed?: string): void {
  // Extensions (OpenAPI 3.1, 4.9) are for whoever reads them.
  const known = [...members[part], ...Object.keys(given ?? {}).filter((one) => /^x-/.test(one))];
  checkOptions(`${name}: ${part}`, given, known);
  if (needed === undefined) return;
  const value = (given as Readonly<Record<string, unknown>>)[needed];
  if (typeof value !== "string") throw invalidOption(name, `${part}: ${needed} is a text`);
}

function checkScheme(name: string, scheme: string, told: SecurityScheme): void {
  const fault = (text: string) => invalidOption(name, text);
  if (!/^[\w.-]+$/.test(scheme)) {
    throw fault(`the name of a security scheme has letters, digits, ".", "-", "_": ${scheme}`);
  }
  if (!isObject(told) || !Object.hasOwn(schemeMembers, told.type)) {
    const types = Object.keys(schemeMembers).join(", ");
    throw fault(`the security scheme ${scheme} has one of the types ${types}`);
  }
  const missing = schemeMembers[told.type].find((member) => !Object.hasOwn(told, member));
  if (missing !== undefined) throw fault(`the security scheme ${scheme} has ${missing}`);
}

function listOf<Item>(name: string, option: string, given: readonly Item[]): readonly Item[] {
  if (Array.isArray(given)) return given;
  throw invalidOption(name, `${option} is a list`);
}
