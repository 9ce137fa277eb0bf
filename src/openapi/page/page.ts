/** The page that shows a document. Called by `serving.ts`. */
import type { OpenApiPaths } from "../../openapi.ts";
import type { OpenApiDocument, SecurityScheme } from "../types.ts";

/**
 * The page. Everything in it is named relatively, so that it stands at any prefix and behind any
 * proxy.
 *
 * @param slash Whether the browser has a slash at the end of the page's path.
 */
export function pageHtml(document: OpenApiDocument, paths: OpenApiPaths, slash: boolean): string {
  const { docs = "/", json = "/openapi.json" } = paths;
  const page = slash && !docs.endsWith("/") ? `${docs}/` : docs;
  const files = relativePath(page, docs.endsWith("/") ? docs : `${docs}/`);
  const told = relativePath(page, json);
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
 * and for tokens. Styles inside of elements are Swagger UI's way.
 */
export function pagePolicy({ servers = [], components }: OpenApiDocument): string {
  const schemes = Object.values(components?.securitySchemes ?? {});
  const urls = [...servers.map(({ url }) => url), ...schemes.flatMap(tokenUrls)];
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
  if (scheme.type === "openIdConnect") return [scheme.openIdConnectUrl];
  if (scheme.type !== "oauth2") return [];
  const flows = Object.values(scheme.flows);
  return flows.flatMap(({ tokenUrl, refreshUrl }) => [tokenUrl ?? "", refreshUrl ?? ""]);
}

/** The origin of an absolute URL; variables of a server have values that nobody knows here. */
function originOf(url: string): string[] {
  const origin = /^https?:\/\/[^/?#\s;,{}'"]+/i.exec(url)?.[0];
  return origin === undefined ? [] : [origin.toLowerCase()];
}

/** From the page at one path to another path of the same application. */
function relativePath(from: string, to: string): string {
  const here = from.split("/").slice(1, -1);
  const there = to.split("/").slice(1);
  let shared = 0;
  while (shared < here.length && shared < there.length - 1 && here[shared] === there[shared]) {
    shared++;
  }
  const up = "../".repeat(here.length - shared);
  return escaped(up + there.slice(shared).join("/")) || "./";
}

function escaped(text: string): string {
  const marks: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", '"': "&quot;" };
  return text.replaceAll(/[&<"]/g, (mark) => marks[mark]!);
}
