/** Options of a document, and their checks. Called by `document.ts` and by `app.openapi`. */
import { ChopinError } from "../errors.ts";
import type { SecurityRequirements } from "../route-options.ts";
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

const infoMembers: readonly (keyof OpenApiInfo)[] = [
  "title",
  "version",
  "summary",
  "description",
  "termsOfService",
  "contact",
  "license",
];

/** What each type of scheme has to have. */
const schemeMembers: Readonly<Record<SecurityScheme["type"], readonly string[]>> = {
  apiKey: ["in", "name"],
  http: ["scheme"],
  mutualTLS: [],
  oauth2: ["flows"],
  openIdConnect: ["openIdConnectUrl"],
};

/** @throws ChopinError `invalid_option` for what would make the document invalid. */
export function checkDocumentOptions(
  name: string,
  options: OpenApiOptions,
  others: readonly string[] = [],
): void {
  const fault = (text: string) => new ChopinError("invalid_option", `${name}: ${text}.`);
  checkNames("", options, [...documentOptions, ...others]);
  const { info = {}, servers = [], tags = [], externalDocs, securitySchemes = {} } = options;
  checkNames("info: ", info, infoMembers);
  for (const [member, value] of Object.entries(info)) {
    const text = member !== "contact" && member !== "license";
    if (text && typeof value !== "string") throw fault(`info: ${member} is a text`);
  }
  if (info.license !== undefined && typeof info.license.name !== "string") {
    throw fault("info: a license has a name");
  }
  for (const { url } of servers) if (typeof url !== "string") throw fault("a server has a url");
  const names = tags.map((tag) => tag.name);
  for (const [at, tag] of names.entries()) {
    if (typeof tag !== "string") throw fault("a tag has a name");
    if (names.indexOf(tag) !== at) throw fault(`two tags are called ${JSON.stringify(tag)}`);
  }
  if (externalDocs !== undefined && typeof externalDocs.url !== "string") {
    throw fault("externalDocs has a url");
  }
  for (const [scheme, told] of Object.entries(securitySchemes)) checkScheme(scheme, told);

  function checkNames(place: string, given: object, known: readonly string[]): void {
    const wrong = Object.keys(given).find((one) => !known.includes(one));
    if (wrong === undefined) return;
    throw fault(`${place}${wrong} is no option; there are ${known.join(", ")}`);
  }

  function checkScheme(scheme: string, told: SecurityScheme): void {
    if (!/^[\w.-]+$/.test(scheme)) {
      throw fault(`the name of a security scheme has letters, digits, ".", "-", "_": ${scheme}`);
    }
    const members = schemeMembers[told.type];
    if (members === undefined) {
      const types = Object.keys(schemeMembers).join(", ");
      throw fault(`the security scheme ${scheme} has one of the types ${types}`);
    }
    const missing = members.find((member) => !Object.hasOwn(told, member));
    if (missing !== undefined) throw fault(`the security scheme ${scheme} has ${missing}`);
  }
}
