/**
 * From a schema to the one function that takes a part of a request: shaped, then checked. Loaded
 * with the first schema of a program, because TypeBox's compiler takes longer to load than all of
 * Chopin.
 */
import { FormatRegistry, type TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Check } from "@sinclair/typebox/value";
import { ChopinError } from "../errors.ts";
import { Explainer } from "./explain.ts";
import { Refusal, type Validator } from "./finding.ts";
import { formats } from "./formats.ts";
import { isObject, isOptional, isTypeBox, kindOfNode, type SchemaNode } from "./node.ts";
import { type CheckOf, type Origin, type Shape, shapeOf } from "./shape.ts";
import { standardValidator } from "./standard.ts";
import type { Schema } from "./types.ts";

for (const [name, check] of Object.entries(formats)) {
  // A program may have put its own in the place of one of ours.
  if (!FormatRegistry.Has(name)) FormatRegistry.Set(name, check);
}

/** A schema of TypeBox, compiled. */
export interface Compiled {
  readonly shape: Shape | undefined;
  readonly check: (value: unknown) => boolean;
  readonly explainer: Explainer;
}

/**
 * The function of one part.
 *
 * @param known Keys of a query that extractors of the route name.
 * @throws ChopinError `invalid_route` for what is no schema or cannot be compiled.
 */
export function validatorOf(
  schema: Schema,
  origin: Origin,
  known: readonly string[] = [],
): Validator {
  if (isTypeBox(schema)) {
    return typeBoxValidator(compileTypeBox(schema, origin, known), schema);
  }
  return standardValidator(schema);
}

export function compileTypeBox(
  schema: SchemaNode,
  origin: Origin,
  known: readonly string[] = [],
): Compiled {
  const definitions = definitionsIn(schema);
  const checkOf = checksOver([...definitions.values()]);
  try {
    const shape = shapeOf(schema, origin, checkOf, known);
    const explainer = new Explainer(schema, checkOf, definitions);
    return { shape, check: checkOf(schema), explainer };
  } catch (cause) {
    if (cause instanceof ChopinError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ChopinError("invalid_route", `TypeBox cannot compile the schema: ${reason}`, {
      cause,
    });
  }
}

function typeBoxValidator({ shape, check, explainer }: Compiled, schema: SchemaNode): Validator {
  const { default: fallback } = schema;
  const optional = isOptional(schema);
  return (given) => {
    const present = given === undefined ? structuredClone(fallback) : given;
    if (present === undefined && optional) return undefined;
    const value = shape === undefined || present === undefined ? present : shape(present);
    return check(value) ? value : new Refusal(explainer.explain(value));
  };
}

/** Checks of nodes, each compiled once; what refers to something around it is interpreted. */
function checksOver(references: readonly SchemaNode[]): CheckOf {
  const checks = new Map<SchemaNode, (value: unknown) => boolean>();
  const known = references as unknown as TSchema[];
  const make = (node: SchemaNode): ((value: unknown) => boolean) => {
    const type = node as unknown as TSchema;
    if (node.$id === undefined && hasReference(node)) {
      return (value) => Check(type, known, value);
    }
    const compiled = TypeCompiler.Compile(
      type,
      known.filter((other) => other !== type),
    );
    return (value) => compiled.Check(value);
  };
  return (node) => {
    let check = checks.get(node);
    if (check === undefined) {
      check = make(node);
      checks.set(node, check);
    }
    return check;
  };
}

/** All schemas inside of one that have an `$id`. */
function definitionsIn(schema: SchemaNode): Map<string, SchemaNode> {
  const found = new Map<string, SchemaNode>();
  for (const node of nodesOf(schema)) if (node.$id !== undefined) found.set(node.$id, node);
  return found;
}

function hasReference(schema: SchemaNode): boolean {
  for (const node of nodesOf(schema)) {
    const kind = kindOfNode(node);
    if (kind === "This" || kind === "Ref") return true;
  }
  return false;
}

/** A schema and all that it is made of. */
function* nodesOf(node: unknown): Generator<SchemaNode> {
  if (Array.isArray(node)) {
    for (const member of node) yield* nodesOf(member);
    return;
  }
  if (!isObject(node)) return;
  if (isTypeBox(node)) yield node;
  for (const member of Object.values(node)) yield* nodesOf(member);
}
