/** What judges documents: validators that know nothing of Chopin. */
import { validate } from "@readme/openapi-parser";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { JsonSchema, OpenApiDocument } from "../../src/openapi/index.ts";

/** What is wrong with a document; undefined: nothing. */
export async function faultOf(document: OpenApiDocument): Promise<string | undefined> {
  // The validator puts what is referred to in the place of the references.
  const copy = structuredClone(document) as unknown as Parameters<typeof validate>[0];
  const found = await validate(copy).catch((error: unknown) => ({ valid: false, errors: error }));
  if (!found.valid) return JSON.stringify(found, null, 1);
  return schemaFault(document) ?? securityFault(document);
}

/** A fault of a schema under JSON Schema 2020-12, which the validator of documents leaves alone. */
function schemaFault(document: OpenApiDocument): string | undefined {
  const ajv = newAjv();
  for (const [pointer, schema] of schemasIn(document)) {
    if (!ajv.validateSchema(schema)) return `${pointer}: ${ajv.errorsText()}`;
  }
  const judge = judgeOf(document);
  for (const [pointer] of schemasIn(document)) judge(pointer);
  return undefined;
}

function securityFault({ security = [], paths, components }: OpenApiDocument): string | undefined {
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const asked = [security, ...operations.map((one) => (one as { security?: [] }).security ?? [])];
  const names = asked.flat().flatMap((one) => Object.keys(one));
  const unknown = names.find((name) => components?.securitySchemes?.[name] === undefined);
  return unknown === undefined ? undefined : `no security scheme ${unknown}`;
}

/** Every schema of a document by a pointer to it. */
export function schemasIn(document: OpenApiDocument): [pointer: string, schema: JsonSchema][] {
  const found: [string, JsonSchema][] = [];
  const look = (value: unknown, pointer: string): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      const inner = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const named = pointer === "/components/schemas";
      if (key === "schema" || named) found.push([inner, member as JsonSchema]);
      else look(member, inner);
    }
  };
  look(document, "");
  return found;
}

/** Judges values by the schema at a pointer of a document. */
export function judgeOf(document: OpenApiDocument): (pointer: string) => ValidateFunction {
  const ajv = newAjv();
  ajv.addSchema(document, "document.json", undefined, false);
  return (pointer) => {
    const fragment = pointer.split("/").map(encodeURIComponent).join("/");
    return ajv.compile({ $ref: `document.json#${fragment}` });
  };
}

/** Formats of OpenAPI that are no formats of JSON Schema are not checked. */
function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  for (const name of ["binary", "int64"]) ajv.addFormat(name, true);
  return ajv;
}
