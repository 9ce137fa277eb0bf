/**
 * The files of the page: Swagger UI, which the package carries compressed and a checkout takes from
 * the package `swagger-ui-dist`, and what starts it. Called by `serving.ts`.
 */
import type { PageFile } from "../../openapi.ts";
import { startScript } from "./start.ts";
import { pageStyles } from "./styles.ts";

/** A file as it is sent. */
export interface Asset {
  readonly type: string;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

const types: Readonly<Record<PageFile, string>> = {
  "swagger-ui.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "licences.txt": "text/plain; charset=utf-8",
};

const loaded = new Map<PageFile, Promise<Asset>>();

/** A file of the page, read when it is first asked for. */
export function assetOf(name: PageFile): Promise<Asset> {
  let asset = loaded.get(name);
  if (asset === undefined) {
    asset = load(name);
    loaded.set(name, asset);
    // What could not be read may be there the next time.
    asset.catch(() => loaded.delete(name));
  }
  return asset;
}

async function load(name: PageFile): Promise<Asset> {
  const gzip = await contentOf(name);
  return { type: types[name], gzip, etag: `"${Bun.hash(gzip).toString(36)}"` };
}

/** Each import stands for itself: that is the form of which a bundler makes a file. */
async function contentOf(name: PageFile): Promise<Uint8Array<ArrayBuffer>> {
  switch (name) {
    case "start.js":
      return Bun.gzipSync(startScript);
    case "page.css":
      return Bun.gzipSync(pageStyles);
    case "swagger-ui.js":
      return read(await import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "file" } }));
    case "swagger-ui.css":
      return read(await import("swagger-ui-dist/swagger-ui.css", { with: { type: "file" } }));
    case "licences.txt":
      return read(await import("swagger-ui-dist/LICENSE", { with: { type: "file" } }));
  }
}

async function read({ default: path }: { readonly default: string }): Promise<Asset["gzip"]> {
  // `bun build` without `--compile` copies the file beside the bundle and names it relatively.
  const file = Bun.file(path.startsWith("/") ? path : `${import.meta.dir}/${path}`);
  const bytes = await file.bytes();
  // RFC 1952 2.3.1: what the package carries is compressed already.
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? bytes : Bun.gzipSync(bytes);
}
