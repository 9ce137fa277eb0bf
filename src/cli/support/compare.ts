/** What differs between two files of declarations for clients: for each route or type, a line. */
import { type Change, compare, type Members } from "../../openapi/compare.ts";

/** By entries of the map, and by types. */
export function compareDeclarations(before: string, after: string): Change[] {
  const old = before.replaceAll("\r\n", "\n");
  if (old === after) return [];
  const changes = compare(declarationsOf(old), declarationsOf(after));
  return changes.length > 0 ? changes : [{ kind: "changed", what: "layout or comments" }];
}

/** The text of each entry of `Api`, and of each other type, in the layout of `client-types/`. */
function declarationsOf(text: string): Members {
  const declarations = text.split("\n\n").map((one) => {
    return [/^export (?:interface|type) (\w+)/m.exec(one)?.[1] ?? "", one] as const;
  });
  const api = declarations.find(([name]) => name === "Api")?.[1] ?? "";
  const entries = [...api.matchAll(/^ {2}readonly "((?:\\.|[^"\\])+)": \{\n.*?^ {2}\};$/gms)];
  return Object.fromEntries([
    ...entries.map(([entry, name = ""]) => [name.replaceAll(/\\(.)/g, "$1"), entry]),
    ...declarations.filter(([name]) => name !== "" && name !== "Api"),
  ]);
}
