/** Documents as YAML. */
import type { OpenApiDocument } from "./types.ts";

/**
 * A document as YAML 1.2; parsing it gives the same data again.
 *
 * @example
 * await Bun.write("openapi.yaml", openApiYaml(openApiDocument(app)));
 */
export function openApiYaml(document: OpenApiDocument): string {
  // A copy: what is in two places would be written once, with a reference to it in the other. And
  // half of a surrogate pair has no form in UTF-8.
  const copy: unknown = JSON.parse(JSON.stringify(document), (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
  return `${Bun.YAML.stringify(copy, null, 2)}\n`;
}
