/** Error answers that the server itself gives, as components. Called by `responses.ts`. */
import type { JsonSchema } from "../schema/json-schema.ts";
import { Definition } from "./references.ts";

const problemProperties = {
  type: { type: "string", format: "uri-reference", default: "about:blank" },
  title: { type: "string", description: "The reason phrase of the status." },
  status: { type: "integer", minimum: 400, maximum: 599 },
  code: { type: "string", description: "A name for programs, such as `not_found`." },
  detail: { type: "string", description: "What went wrong, for people." },
};

const problemSchema: JsonSchema = {
  type: "object",
  description: "An error (RFC 9457). It may have further members.",
  properties: problemProperties,
  required: ["type", "title", "status", "code"],
};

const issueSchema: JsonSchema = {
  type: "object",
  properties: {
    in: { type: "string", enum: ["params", "query", "headers", "cookies", "body"] },
    pointer: {
      type: "string",
      description: "The field as a JSON Pointer (RFC 6901) into its part; empty: the whole part.",
    },
    message: { type: "string", description: "What is wrong, such as `is missing`." },
    expected: { type: "string", description: "What would be right." },
  },
  required: ["in", "pointer", "message"],
};

const validationSchema: JsonSchema = {
  type: "object",
  description: "Fields of a request that do not fit the schemas of its route.",
  properties: {
    ...problemProperties,
    status: { type: "integer", const: 422 },
    code: { type: "string", const: "validation_failed" },
    errors: { type: "array", items: issueSchema },
  },
  required: ["type", "title", "status", "code", "detail", "errors"],
};

/** Answers under `components/responses`, and what each says. */
const answers = {
  InvalidJson: "The body is not JSON.",
  Problem: "An error.",
  UnsupportedMediaType: "The body is not sent as JSON.",
  ValidationProblem: "The request does not fit its schemas.",
} as const;

/** Name of an answer under `components/responses`. */
export type ProblemName = keyof typeof answers;

/** RFC 9457 3. */
const mediaType = "application/problem+json";

/** The problems of one document, which has definitions of its own. */
export class Problems {
  readonly #problem = component("Problem", problemSchema);
  readonly #validation = component("ValidationProblem", validationSchema);
  readonly #used = new Set<ProblemName>();

  /** A reference to an answer. */
  reference(name: ProblemName): JsonSchema {
    this.#used.add(name);
    return { $ref: `#/components/responses/${name}` };
  }

  /** The content of an answer, beside what else it may contain. */
  content(name: ProblemName, others: JsonSchema = {}): JsonSchema {
    const own = { $ref: name === "ValidationProblem" ? this.#validation : this.#problem };
    const other = (others[mediaType] as { readonly schema: JsonSchema } | undefined)?.schema;
    const schema = other === undefined ? own : { anyOf: [other, own] };
    return { ...others, [mediaType]: { schema } };
  }

  /** What `components/responses` has to hold; undefined: nothing. */
  components(): JsonSchema | undefined {
    const used = Object.entries(answers).filter(([name]) => this.#used.has(name as ProblemName));
    if (used.length === 0) return undefined;
    return Object.fromEntries(
      used.map(([name, description]) => [
        name,
        { description, content: this.content(name as ProblemName) },
      ]),
    );
  }
}

function component(name: string, schema: JsonSchema): Definition {
  const definition = new Definition(undefined, name, "output", "Chopin");
  definition.kept = true;
  definition.schema = schema;
  return definition;
}
