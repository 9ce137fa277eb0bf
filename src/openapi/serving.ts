/**
 * What the routes of `app.openapi` answer: the document as JSON and YAML, and the page with its
 * files. Loaded with the first request to one of them.
 */
import type { RouteListing } from "../definition.ts";
import { negotiate } from "../middleware/support/coding.ts";
import { isKnown } from "../middleware/support/entity-tag.ts";
import type { OpenApiPaths, PageFile } from "../openapi.ts";
import type { RequestContext } from "../request-context.ts";
import { openApiDocument } from "./document.ts";
import type { OpenApiOptions } from "./options.ts";
import { type Asset, assetOf } from "./page/assets.ts";
import { pageHtml, pagePolicy } from "./page/page.ts";
import type { OpenApiDocument } from "./types.ts";
import { openApiYaml } from "./yaml.ts";

/** A text that is the same for every request, and its mark. */
interface Text {
  readonly text: string;
  readonly etag: string;
}

type Fields = Readonly<Record<string, string>>;

export class ServedDocument {
  readonly #document: OpenApiDocument;
  readonly #paths: OpenApiPaths;
  #json: Text | undefined;
  #yaml: Text | undefined;

  /** @throws ChopinError as `openApiDocument` does. */
  constructor(routes: readonly RouteListing[], options: OpenApiOptions, paths: OpenApiPaths) {
    this.#document = openApiDocument({ routes: () => routes }, options);
    this.#paths = paths;
  }

  json(ctx: RequestContext): unknown {
    this.#json ??= marked(JSON.stringify(this.#document));
    return answerText(ctx, this.#json, { "Content-Type": "application/json" });
  }

  yaml(ctx: RequestContext): unknown {
    this.#yaml ??= marked(openApiYaml(this.#document));
    // RFC 9512.
    return answerText(ctx, this.#yaml, { "Content-Type": "application/yaml" });
  }

  page(ctx: RequestContext): unknown {
    const html = pageHtml(this.#document, this.#paths, ctx.path);
    return answerText(ctx, marked(html), {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": pagePolicy(this.#document),
      "X-Content-Type-Options": "nosniff",
    });
  }

  async file(name: PageFile, ctx: RequestContext): Promise<unknown> {
    const asset = await assetOf(name);
    const fields: Fields = {
      "Content-Type": asset.type,
      "X-Content-Type-Options": "nosniff",
      Vary: "Accept-Encoding",
    };
    return answerAsset(ctx, asset, fields);
  }
}

function marked(text: string): Text {
  return { text, etag: `"${Bun.hash(text).toString(36)}"` };
}

/** What may change with the next start is asked for again each time, and mostly not sent. */
function answerText(ctx: RequestContext, { text, etag }: Text, fields: Fields): unknown {
  const headers = { ...fields, "Cache-Control": "no-cache", ETag: etag };
  if (has(ctx, etag)) return notModified(ctx, headers);
  return ctx.text(text, { headers });
}

function answerAsset(ctx: RequestContext, asset: Asset, fields: Fields): unknown {
  const coding = negotiate(ctx.header("accept-encoding"), ["gzip"]);
  const etag = coding === undefined ? asset.etag : `${asset.etag.slice(0, -1)}-gzip"`;
  const headers = { ...fields, "Cache-Control": "no-cache", ETag: etag };
  if (has(ctx, etag)) return notModified(ctx, headers);
  if (coding === undefined) return ctx.bytes(Bun.gunzipSync(asset.gzip), { headers });
  return ctx.bytes(asset.gzip, { headers: { ...headers, "Content-Encoding": coding } });
}

function notModified(ctx: RequestContext, headers: Fields): null {
  for (const [name, value] of Object.entries(headers)) {
    if (name !== "Content-Type" && name !== "Content-Encoding") ctx.header(name, value);
  }
  ctx.status(304);
  return null;
}

/** Whether the client has it. */
function has(ctx: RequestContext, etag: string): boolean {
  const known = ctx.header("if-none-match");
  return known !== undefined && isKnown(known, etag);
}
