/**
 * What counts as a schema, and the types that follow from one. Everything here is read by the
 * compiler alone; `route.ts` builds the types of handlers from it.
 */
import type { JavaScriptTypeBuilder } from "@sinclair/typebox";

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
  : T extends { readonly static: infer Value }
    ? Value
    : Otherwise;

/** What a client sends for a part: values before coercion and defaults. */
export type Sent<T, Otherwise> = T extends {
  readonly "~standard": { readonly types?: { readonly input: infer Input } | undefined };
}
  ? Input
  : T extends { readonly static: infer Value }
    ? Value
    : Otherwise;

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
