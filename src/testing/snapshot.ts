/** The OpenAPI document of an application beside a file that is committed. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { compareDocuments, documentIn, lineOf, type Members } from "../openapi/compare.ts";
import type { OpenApiSource } from "../openapi/document.ts";
import type { OpenApiOptions } from "../openapi/options.ts";
import type { OpenApiDocument } from "../openapi/types.ts";
import { openApiYaml } from "../openapi/yaml.ts";
import { fault } from "./options.ts";

const variable = "CHOPIN_UPDATE_SNAPSHOTS";

/**
 * Fails where the document of an application is not that of a file, and says for each operation
 * what differs. A file that is not there is written, and so is every one with
 * CHOPIN_UPDATE_SNAPSHOTS=1 or `bun test --update-snapshots`; where CI is set, none ever is. The
 * order of members counts for nothing. `chopin openapi --out` writes the same file.
 *
 * @param file Ends in .json, .yaml or .yml; a path from the folder in which tests run, or a URL.
 * @param options Of the document; those of `app.openapi` unless told.
 * @throws Error where they differ; ChopinError `invalid_option`, and what
 * `openApiDocument` throws.
 * @example
 * it("has the document that clients know", () => expectOpenApi(app, "openapi.json"));
 */
export async function expectOpenApi(
  app: OpenApiSource,
  file: string | URL,
  options?: OpenApiOptions,
): Promise<void> {
  const path = resolve(typeof file === "string" ? file : fileURLToPath(file));
  if (!/\.(json|ya?ml)$/i.test(path)) {
    throw fault("expectOpenApi", `the file ends in .json, .yaml or .yml: ${path}`);
  }
  // More to load than the rest of the kit.
  const { openApiDocument } = await import("../openapi/document.ts");
  const document = openApiDocument(app, options);
  const before = textOf(path);
  const name = relative(process.cwd(), path);
  const differs =
    before === undefined ? `There is no ${name}.` : difference(before, name, document);
  if (differs === undefined) return;
  const fail = (advice: string): never => {
    throw new Error(`${differs}\n${advice}`);
  };
  if (isOn(process.env.CI)) fail("Run the test where CI is not set, and commit what it writes.");
  if (before !== undefined && !isUpdating()) {
    fail(`Run the test with ${variable}=1, or --update-snapshots, to write it.`);
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, written(document, path));
}

/** What differs, in lines; undefined: nothing. */
function difference(text: string, name: string, document: OpenApiDocument): string | undefined {
  let before: Members;
  try {
    before = documentIn(text, name);
  } catch (error) {
    return `${(error as Error).message}.`;
  }
  const changes = compareDocuments(before, document as unknown as Members);
  if (changes.length === 0) return undefined;
  const lines = changes.map((change) => `  ${lineOf(change)}`);
  return [`The application is no longer as ${name} has it:`, ...lines].join("\n");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function written(document: OpenApiDocument, path: string): string {
  if (/\.json$/i.test(path)) return `${JSON.stringify(document, null, 2)}\n`;
  return openApiYaml(document);
}

function isUpdating(): boolean {
  if (isOn(process.env[variable])) return true;
  const words = runnerWords();
  return words.includes("test") && words.some((word) => /^(-u|--update-snapshots)$/.test(word));
}

function isOn(text = ""): boolean {
  return !["", "0", "false"].includes(text.toLowerCase());
}

/** How this process was started: Bun leaves the options of its test runner out of `argv`. */
function runnerWords(): string[] {
  if (process.platform === "linux") return readFileSync("/proc/self/cmdline", "utf8").split("\0");
  const { stdout } = Bun.spawnSync(["ps", "-ww", "-o", "args=", "-p", String(process.pid)]);
  return stdout.toString().split(/\s+/);
}
