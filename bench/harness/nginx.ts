/** How nginx is started: with a configuration for one port and endpoint. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesFolder } from "./files.ts";
import { benchFolder, cacheFolder, findTool } from "./tools.ts";
import type { Endpoint } from "./workloads.ts";

const source = join(benchFolder, "peers", "nginx", "nginx.conf");
const text = readFileSync(source, "utf8");

/** Debian's libnginx-mod-http-brotli-static; other systems build it in or leave it out. */
const brotliModule = "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so";

/** nginx needs a module for `.br` files. */
export function nginxMissing(endpoint: Endpoint): string | undefined {
  if (endpoint !== "static" || existsSync(brotliModule)) return undefined;
  return `${brotliModule} is not installed`;
}

/** Writes the configuration and says how to start nginx with it. */
export function nginxCommand(port: number, endpoint: Endpoint): string[] {
  const folder = join(cacheFolder, `nginx-${port}`);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "nginx.conf");
  // Workers of a master that root started would otherwise belong to nobody.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const brotli = endpoint === "static";
  const filled = text
    .replaceAll("USER", user)
    .replaceAll("LOAD", brotli ? `load_module ${brotliModule};` : "")
    .replaceAll("VARIANTS", brotli ? "brotli_static on; gzip_static on;" : "")
    .replaceAll("FILES", filesFolder)
    .replaceAll("FOLDER", folder)
    .replaceAll("PORT", String(port));
  writeFileSync(path, filled);
  return [findTool("nginx") ?? "nginx", "-e", join(folder, "error.log"), "-c", path];
}

export async function nginxVersion(): Promise<string> {
  const said = Bun.spawnSync([findTool("nginx") ?? "nginx", "-v"]).stderr.toString();
  return /nginx\/(\S+)/.exec(said)?.[1] ?? "unknown";
}
