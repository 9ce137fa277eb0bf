/** Error answers that the server itself gives, as components. Called by `responses.ts`. */
import type { JsonSchema } from "../schema/json-schema.ts";
import { reasonPhrase } from "../status.ts";
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

/** Answers under `components/responses`. */
export type ProblemName = "Problem" | "InvalidJson" | "UnsupportedMediaType" | "ValidationProblem";

const mediaType = "application/problem+json";

/** The problems of one document: each has definitions of its own. */
export class Problems {
  readonly #problem = component("Problem", problemSchema);
  readonly #validation = component("ValidationProblem", validationSchema);
  readonly #used = new Set<ProblemName>();

  /** An answer that is a problem, by its status. */
  answer(status: number): JsonSchema {
    return { description: reasonPhrase(status), ...this.#content(this.#problem) };
  }

  /** A reference to one of the answers that stand under `components`. */
  reference(name: ProblemName): JsonSchema {
    this.#used.add(name);
    return { $ref: `#/components/responses/${name}` };
  }

  /** What `components/responses` has to hold; undefined: nothing. */
  components(): JsonSchema | undefined {
    const all: Readonly<Record<ProblemName, JsonSchema>> = {
      InvalidJson: { description: "The body is not JSON.", ...this.#content(this.#problem) },
      Problem: { description: "An error.", ...this.#content(this.#problem) },
      UnsupportedMediaType: {
        description: "The body is not sent as JSON.",
        ...this.#content(this.#problem),
      },
      ValidationProblem: {
        description: "The request does not fit its schemas.",
        ...this.#content(this.#validation),
      },
    };
    const used = Object.entries(all).filter(([name]) => this.#used.has(name as ProblemName));
    return used.length === 0 ? undefined : Object.fromEntries(used);
  }

  #content(definition: Definition): JsonSchema {
    return { content: { [mediaType]: { schema: { $ref: definition } } } };
  }
}

function component(name: string, schema: JsonSchema): Definition {
  const definition = new Definition(undefined, name, "output", "Chopin");
  definition.kept = true;
  definition.schema = schema;
  return definition;
}
