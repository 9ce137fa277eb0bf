/** The page that shows a document. Called by `serving.ts`. */
import type { OpenApiPaths } from "../../openapi.ts";
import type { OpenApiDocument, OpenApiServer, SecurityScheme } from "../types.ts";

/**
 * The page. Everything in it is named relatively, so that it stands at any prefix and behind any
 * proxy.
 *
 * @param at The path under which the browser has the page.
 */
export function pageHtml(document: OpenApiDocument, paths: OpenApiPaths, at: string): string {
  const { docs = "/", json = "/openapi.json" } = paths;
  const folder = at.endsWith("/") ? at : `${at}/`;
  const prefix = folder.slice(0, -(docs.endsWith("/") ? docs : `${docs}/`).length);
  const files = relativePath(at, folder);
  const told = relativePath(at, prefix + json);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(document.info.title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${files}swagger-ui.css">
<link rel="stylesheet" href="${files}page.css">
<script src="${files}swagger-ui.js" defer></script>
<script src="${files}start.js" defer></script>
</head>
<body>
<div id="docs" data-document="${told}"></div>
<noscript>This page needs JavaScript. The document itself is <a href="${told}">here</a>.</noscript>
</body>
</html>
`;
}

/**
 * What the page may do (CSP 3): run its own files, and send requests to the servers of the document
 * and for tokens. Not to where OpenID Connect is described, which Swagger UI would ask at once.
 * Styles inside of elements are its way.
 */
export function pagePolicy({ servers = [], components }: OpenApiDocument): string {
  const schemes = Object.values(components?.securitySchemes ?? {});
  const urls = [...servers.flatMap(urlsOf), ...schemes.flatMap(tokenUrls)];
  const origins = new Set(urls.flatMap(originOf));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    ["connect-src 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join("; ");
}

function tokenUrls(scheme: SecurityScheme): string[] {
  if (scheme.type !== "oauth2") return [];
  const flows = Object.values(scheme.flows);
  return flows.flatMap(({ tokenUrl, refreshUrl }) => [tokenUrl ?? "", refreshUrl ?? ""]);
}

/** The origin of an absolute URL. */
function originOf(url: string): string[] {
  const told = URL.canParse(url) ? new URL(url) : undefined;
  return told !== undefined && /^https?:$/.test(told.protocol) ? [told.origin] : [];
}

/** The URL of a server with its variables at their defaults, and with each other value. */
function urlsOf({ url, variables = {} }: OpenApiServer): string[] {
  const filled = (name?: string, value?: string): string =>
    url.replaceAll(/\{([^{}]*)\}/g, (_, variable: string) =>
      variable === name ? value! : (variables[variable]?.default ?? ""),
    );
  const others = Object.entries(variables).flatMap(([name, variable]) =>
    (variable.enum ?? []).map((value) => filled(name, value)),
  );
  return [filled(), ...others];
}

/** From the page at one path to another path of the same application. */
function relativePath(from: string, to: string): string {
  const here = from.split("/").slice(1, -1);
  const there = to.split("/").slice(1);
  let shared = 0;
  while (shared < here.length && shared < there.length - 1 && here[shared] === there[shared]) {
    shared++;
  }
  // A dot in front: what has a colon would be taken for a scheme.
  const up = "../".repeat(here.length - shared) || "./";
  return escaped(up + there.slice(shared).map(encodedSegment).join("/"));
}

/** A segment of a canonical path, in which a percent sign is an escape already. */
function encodedSegment(text: string): string {
  return encodeURI(text.toWellFormed()).replaceAll("%25", "%");
}

function escaped(text: string): string {
  const marks: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", '"': "&quot;" };
  return text.replaceAll(/[&<"]/g, (mark) => marks[mark]!);
}
