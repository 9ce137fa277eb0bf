/** The answers that a `response` option or a constant stands for. Called by `describe.ts`. */
import { isPlain } from "../answer.ts";
import { mayBeUndefined } from "./absence.ts";
import { bodiless, schemasByStatus } from "./answers.ts";
import type { SchemaReader } from "./describe.ts";
import type { Resolve } from "./describe-parameters.ts";
import type { JsonSchema } from "./json-schema.ts";
import { typeOf, typesOf } from "./json-types.ts";
import { isTypeBox, kindOfNode } from "./node.ts";
import type { Responses, Schema } from "./types.ts";

/** An answer of one status. */
export interface AnswerDescription {
  readonly status: number;
  /** Undefined: without a body, or the library of the schema has no JSON Schema for it. */
  readonly schema: JsonSchema | undefined;
  readonly hasBody: boolean;
  /** The body by its media type: text goes out as such, all else as JSON. Empty: not known. */
  readonly content: readonly BodyDescription[];
  /** Nobody but extractors answers so, by throwing. */
  readonly thrown: boolean;
  /** It may be the usual problem document, beside what `content` says. */
  readonly problem: boolean;
}

/** A body of one media type. */
export interface BodyDescription {
  readonly mediaType: string;
  readonly schema: JsonSchema;
}

/** Answers of a `response` option; `thrown`: of an extractor, which answers by errors. */
export function answersOf(
  response: Responses,
  reader: SchemaReader,
  thrown: boolean,
): AnswerDescription[] {
  if (response === undefined) return [];
  const { success, byStatus } = schemasByStatus(response);
  const given: (readonly [status: number, schema: Schema | undefined])[] =
    success === undefined
      ? Object.keys(response).map((key) => [Number(key), byStatus.get(Number(key))])
      : [[200, success]];
  const answers = given.map(([status, schema]) => answerOf(status, schema, reader, thrown));
  // A handler that returns null or nothing answers with 204.
  const at = given.findIndex(([status]) => status === 200);
  const ok = answers[at];
  if (ok === undefined || !isNullable(ok, given[at]![1], reader.resolve)) return answers;
  const empty = emptyAnswer(204, thrown);
  const others = ok.hasBody || success === undefined ? answers : [];
  return answers.some(({ status }) => status === 204) ? others : [...others, empty];
}

function answerOf(
  status: number,
  schema: Schema | undefined,
  { read, resolve }: SchemaReader,
  thrown: boolean,
): AnswerDescription {
  const error = thrown && status >= 400;
  const empty = emptyAnswer(status, thrown);
  if (schema === undefined) return { ...empty, problem: error };
  if (bodiless.includes(status)) return empty;
  const told = read(schema, "output");
  if (told === undefined) return { ...empty, hasBody: true };
  const types = typesOf(told, resolve);
  if (types?.size === 0) return empty;
  const content = error
    ? [{ mediaType: "application/problem+json", schema: told }]
    : contentOf(told, isDate(schema) ? new Set() : types, resolve);
  return { ...empty, schema: told, hasBody: true, content };
}

function emptyAnswer(status: number, thrown: boolean): AnswerDescription {
  return { status, schema: undefined, hasBody: false, content: [], thrown, problem: false };
}

/** A date is an object to whoever sends it, and so goes out as JSON. */
function isDate(schema: Schema): boolean {
  return isTypeBox(schema) && kindOfNode(schema) === "Date";
}

/** What a plain value goes out as; see `answer.ts`. */
function contentOf(
  schema: JsonSchema,
  types: ReadonlySet<string> | undefined,
  resolve: Resolve,
): BodyDescription[] {
  const json = { mediaType: "application/json", schema };
  if (types === undefined) return [json, { mediaType: "text/plain", schema: { type: "string" } }];
  if (!types.has("string")) return [json];
  if (types.size === 1) {
    const binary = resolve(schema).format === "binary";
    return [{ mediaType: binary ? "application/octet-stream" : "text/plain", schema }];
  }
  const variants = resolve(schema).anyOf;
  const all = Array.isArray(variants) ? (variants as readonly JsonSchema[]) : [schema];
  const onlyText = (one: JsonSchema): boolean => {
    const own = typesOf(one, resolve);
    return own?.size === 1 && own.has("string");
  };
  const text = all.filter(onlyText);
  const rest = all.filter((one) => !onlyText(one));
  return [
    { mediaType: "application/json", schema: unionOf(rest, schema) },
    { mediaType: "text/plain", schema: text.length === 0 ? { type: "string" } : unionOf(text) },
  ];
}

function unionOf(variants: readonly JsonSchema[], otherwise: JsonSchema = {}): JsonSchema {
  if (variants.length === 0) return otherwise;
  return variants.length === 1 ? variants[0]! : { anyOf: variants };
}

function isNullable(
  { schema: told, hasBody }: AnswerDescription,
  schema: Schema | undefined,
  resolve: Resolve,
): boolean {
  if (!hasBody) return told === undefined;
  // Of a schema of anything nothing is known, and nothing is said.
  const types = told === undefined ? undefined : typesOf(told, resolve);
  if (types === undefined || schema === undefined) return false;
  return types.has("null") || mayBeUndefined(schema);
}

/** Answers that several sources name, each status once: any of them may be given. */
export function combinedAnswers(all: readonly AnswerDescription[]): AnswerDescription[] {
  const combined = new Map<number, AnswerDescription>();
  for (const answer of all) {
    const other = combined.get(answer.status);
    combined.set(answer.status, other === undefined ? answer : either(other, answer));
  }
  return [...combined.values()];
}

function either(one: AnswerDescription, other: AnswerDescription): AnswerDescription {
  const content = new Map(one.content.map((body) => [body.mediaType, body]));
  for (const { mediaType, schema } of other.content) {
    const both = eitherSchema(content.get(mediaType)?.schema, schema);
    content.set(mediaType, { mediaType, schema: both });
  }
  const schema = other.schema === undefined ? one.schema : eitherSchema(one.schema, other.schema);
  return {
    ...one,
    schema,
    hasBody: one.hasBody || other.hasBody,
    content: [...content.values()],
    thrown: one.thrown && other.thrown,
    problem: one.problem || other.problem,
  };
}

function eitherSchema(one: JsonSchema | undefined, other: JsonSchema): JsonSchema {
  return one === undefined || Bun.deepEquals(one, other) ? other : { anyOf: [one, other] };
}

/** The answer of a route that has a constant in place of a handler; its value is not told. */
export function constantAnswers(constant: unknown): AnswerDescription[] {
  if (constant === undefined) return [];
  if (constant === null) return [emptyAnswer(204, false)];
  if (typeof constant === "object" && !isPlain(constant)) return [];
  const schema = { type: typeOf(constant) };
  const mediaType = schema.type === "string" ? "text/plain" : "application/json";
  return [{ ...emptyAnswer(200, false), schema, hasBody: true, content: [{ mediaType, schema }] }];
}
