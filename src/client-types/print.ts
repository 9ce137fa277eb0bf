/**
 * Types as text, in the layout that formatters give them: one line where there is room, otherwise
 * one for each member. Called by `declarations.ts`.
 */
import { type Member, type ObjectType, quoted, type TypeNode } from "./type-node.ts";

/** A line of an object type, before the colon and behind it. */
type Line = Pick<Member, "type" | "doc"> & { readonly head: string };

/** The width that formatters agree on unless told. */
const columns = 80;

/**
 * A type as text. `indent` is that of its line, `column` where in it the text begins. What begins
 * with a line break belongs below what it is the type of.
 */
export function print(node: TypeNode, indent = "", column = 0): string {
  const line = inline(node);
  return line !== undefined && column + line.length < columns ? line : broken(node, indent, column);
}

/** A type in several lines, where it can be. */
function broken(node: TypeNode, indent: string, column: number): string {
  switch (node.kind) {
    case "object":
      return brokenObject(node, indent);
    case "union":
      return brokenUnion(node.members, indent);
    case "intersection":
      return brokenIntersection(node.members, indent, column);
    case "array":
      return `${bracketed(node.item, broken(node.item, indent, column), indent)}[]`;
    case "tuple": {
      const inside = `${indent}  `;
      const items = itemsOf(node, (one) => {
        const item = print(one, inside, inside.length);
        return item.startsWith("\n") ? bracketed(one, item, inside) : item;
      });
      return `[\n${items.map((item) => `${inside}${item},\n`).join("")}${indent}]`;
    }
    case "text":
      return node.text;
  }
}

/** A comment above a line; nothing where there is nothing to say. */
export function comment(doc: readonly string[], indent: string): string {
  if (doc.length === 0) return "";
  const lines = doc.map((line) => line.replaceAll("*/", "*\\/").trimEnd());
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const inside = lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`);
  return `${indent}/**\n${inside.join("")}${indent} */\n`;
}

/** Behind a colon or an equals sign. */
export function spaced(type: string): string {
  return type.startsWith("\n") ? type : ` ${type}`;
}

/** Undefined where something of it has a comment, or lines of its own. */
function inline(node: TypeNode): string | undefined {
  switch (node.kind) {
    case "text":
      return node.text;
    case "object":
      return inlineObject(node);
    case "array": {
      const item = inline(node.item);
      return item === undefined ? undefined : `${isSimple(node.item) ? item : `(${item})`}[]`;
    }
    case "tuple": {
      const items = itemsOf(node, inline);
      return items.includes(undefined) ? undefined : `[${items.join(", ")}]`;
    }
    default: {
      const parts = node.members.map((one) => {
        const part = inline(one);
        return part === undefined || isSimple(one) ? part : `(${part})`;
      });
      if (parts.includes(undefined)) return undefined;
      return parts.join(node.kind === "union" ? " | " : " & ");
    }
  }
}

function inlineObject(node: ObjectType): string | undefined {
  const lines = linesOf(node);
  if (lines.length === 0) return "{}";
  if (node.broken || lines.some(({ doc = [] }) => doc.length > 0)) return undefined;
  const parts = lines.map(({ head, type }) => [head, inline(type)] as const);
  if (parts.some(([, type]) => type === undefined)) return undefined;
  return `{ ${parts.map(([head, type]) => `${head}: ${type}`).join("; ")} }`;
}

function brokenObject(node: ObjectType, indent: string): string {
  const inside = `${indent}  `;
  const lines = linesOf(node).map(({ head, type, doc = [] }) => {
    const begin = `${inside}${head}:`;
    const written = print(type, inside, begin.length + 2);
    return `${comment(doc, inside)}${begin}${spaced(written)};\n`;
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}${indent}}`;
}

function brokenUnion(members: readonly TypeNode[], indent: string): string {
  const isAbsence = (one: TypeNode) => one.kind === "text" && /^(null|undefined)$/.test(one.text);
  const [first, ...others] = members.filter((one) => !isAbsence(one));
  // One object and its absence stay together.
  if (first?.kind === "object" && others.length === 0) {
    return members.map((one) => broken(one, indent, 0)).join(" | ");
  }
  const inside = `${indent}  `;
  return members.map((one) => `\n${inside}| ${operand(one, `${inside}  `)}`).join("");
}

function brokenIntersection(members: readonly TypeNode[], indent: string, column: number): string {
  let written = "";
  for (const [at, one] of members.entries()) {
    const line = written.slice(written.lastIndexOf("\n") + 1);
    const before = line.length + (line.length === written.length ? column : 0);
    // Behind all but the last stands the beginning of the next.
    const behind = at < members.length - 1 ? " & {".length - 1 : 0;
    written += bracketed(one, print(one, indent, before + behind), indent);
    if (behind > 0) written += " & ";
  }
  return written;
}

function operand(node: TypeNode, indent: string): string {
  return bracketed(node, print(node, indent, indent.length), indent);
}

/** In brackets where something stronger stands beside it. */
function bracketed(node: TypeNode, written: string, indent: string): string {
  if (isSimple(node)) return written;
  return written.startsWith("\n") ? `(${written}\n${indent})` : `(${written})`;
}

function itemsOf<Written>(
  { items, required, rest }: TypeNode & { readonly kind: "tuple" },
  write: (node: TypeNode) => Written,
): (Written | string)[] {
  const marked = (node: TypeNode, before: string, after: string): Written | string => {
    const written = write(node);
    if (written === undefined || before + after === "") return written;
    return `${before}${isSimple(node) ? written : `(${written})`}${after}`;
  };
  const all = items.map((one, at) => marked(one, "", at < required ? "" : "?"));
  return rest === undefined ? all : [...all, marked(rest, "...", "[]")];
}

/** The index signature is the last line. */
function linesOf({ members, others }: ObjectType): readonly Line[] {
  const lines: Line[] = members.map((one) => ({ ...one, head: headOf(one) }));
  return others === undefined ? lines : [...lines, { head: "[name: string]", type: others }];
}

function headOf({ name, optional, readonly }: Member): string {
  const isWord = typeof name === "number" || /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name);
  const key = isWord ? name : quoted(name);
  return `${readonly ? "readonly " : ""}${key}${optional ? "?" : ""}`;
}

/** What needs no brackets anywhere. */
function isSimple({ kind }: TypeNode): boolean {
  return kind !== "union" && kind !== "intersection";
}
