/**
 * What counts as a schema, and the types that follow from one. Everything here is read by the
 * compiler alone; `route.ts` builds the types of handlers from it.
 */
import type { JavaScriptTypeBuilder, OptionalKind, ReadonlyKind, TObject } from "@sinclair/typebox";

/** A schema of TypeBox, by what its types show: `t` and copies of the library of any origin. */
export interface TypeBoxSchema {
  readonly static: unknown;
  readonly params: readonly unknown[];
}

/** What a Standard Schema (standardschema.dev) finds wrong. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type StandardResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** A schema of any library that keeps to Standard Schema, version 1: Zod, Valibot, ArkType… */
export interface StandardSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
    readonly types?: { readonly input: unknown; readonly output: unknown } | undefined;
  };
}

/** A schema of TypeBox (`t`), Zod, Valibot, ArkType or any other Standard Schema. */
export type Schema = TypeBoxSchema | StandardSchema;

/** A part of a request that may have a schema. */
export type Part = Schema | undefined;

/** Answers by status; null: without a body. One schema alone is that of success. */
export type Responses = Schema | { readonly [status: number]: Schema | null } | undefined;

/** What a handler sees of a part: the value of its schema, or what it is without one. */
export type Validated<T, Otherwise> = T extends {
  readonly "~standard": { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : ValueOf<T, Otherwise>;

/** What a client sends for a part: values before coercion and defaults. */
export type Sent<T, Otherwise> = T extends {
  readonly "~standard": { readonly types?: { readonly input: infer Input } | undefined };
}
  ? Input
  : ValueOf<T, Otherwise>;

/**
 * The value of a TypeBox schema, as its `static` has it. Objects without optional or read-only
 * fields are read field by field, because `static` sorts the fields of every object into four
 * groups, which is half of what a route costs the compiler.
 */
type ValueOf<T, Otherwise> =
  T extends TObject<infer Fields>
    ? [Marked<Fields>] extends [never]
      ? { [Name in keyof Fields]: ValueOf<Fields[Name], never> }
      : T["static"]
    : T extends { readonly static: infer Value }
      ? Value
      : Otherwise;

/** Fields that are optional or read-only. */
type Marked<Fields> = {
  [Name in keyof Fields]: Fields[Name] extends Mark ? Name : never;
}[keyof Fields];

type Mark = { readonly [OptionalKind]: unknown } | { readonly [ReadonlyKind]: unknown };

/**
 * The type of the values of a TypeBox schema.
 *
 * @example
 * const User = t.Object({ name: t.String() });
 * type User = Static<typeof User>;
 */
export type { Static } from "@sinclair/typebox";

/** The builder of TypeBox schemas. */
export type SchemaBuilder = JavaScriptTypeBuilder;
