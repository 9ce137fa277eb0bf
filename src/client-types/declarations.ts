/**
 * `chopin openapi --client`: the routes of an application as declarations that stand for
 * themselves, for people who do not share its source. The map has the form of `RoutesOf` in
 * `routes.ts`, with dates as JSON has them.
 */
import type { RouteListing } from "../definition.ts";
import { writeDocument } from "../openapi/components.ts";
import type { JsonSchema } from "../schema/json-schema.ts";
import { docOf, SchemaReader } from "./json-schema-type.ts";
import { comment, print, spaced } from "./print.ts";
import { membersOf, type RouteSchemas, schemasOf } from "./route-parts.ts";
import { typeNames } from "./type-names.ts";
import type { Member, TypeNode } from "./type-node.ts";

const head = `// Written by \`chopin openapi --client\`. Run it again instead of changing this file.

/** What each route is sent, and what it answers. */
`;

/**
 * The text of a `.d.ts` that exports the interface `Api`, and a type for each schema with an `$id`.
 * Routes that are hidden from the document are left out. The same routes always give the same text.
 *
 * @throws ChopinError `invalid_route` for two schemas of one name.
 * @example
 * await Bun.write("api.d.ts", clientTypes(app.routes()));
 */
export function clientTypes(routes: readonly RouteListing[]): string {
  const listings = routes.filter(({ options }) => options.hidden !== true);
  const { document, schemas } = writeDocument({ routes: listings.map(schemasOf) });
  const names = typeNames(Object.keys(schemas));
  const reader = new SchemaReader(schemas, names);
  const read = document.routes as readonly RouteSchemas[];
  const entries = listings.map(({ method, path, options }, at): Member => {
    const members = membersOf(path, read[at]!, reader);
    const type: TypeNode = { kind: "object", members, broken: true };
    return { name: `${method} ${path}`, readonly: true, type, doc: docOf(options) };
  });
  const api = print({ kind: "object", members: entries, broken: true });
  const components = Object.entries(schemas).map(([component, schema]) =>
    declarationOf(names.get(component)!, schema, reader),
  );
  return [`${head}export interface Api ${api}\n`, ...components].join("\n");
}

function declarationOf(name: string, schema: JsonSchema, reader: SchemaReader): string {
  const node = reader.read(schema);
  const before = comment(docOf(schema), "");
  if (node.kind === "object") {
    return `${before}export interface ${name} ${print({ ...node, broken: true })}\n`;
  }
  const begin = `export type ${name} =`;
  return `${before}${begin}${spaced(print(node, "", begin.length + 2))};\n`;
}
