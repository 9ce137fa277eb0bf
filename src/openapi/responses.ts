/** Answers of an operation. Called by `operations.ts`. */
import type { AnswerDescription } from "../schema/describe.ts";
import type { JsonSchema } from "../schema/json-schema.ts";
import { reasonPhrase } from "../status.ts";
import type { DescribedRoute } from "./operations.ts";
import type { ProblemName, Problems } from "./problems.ts";

/** Answers by status: those that the route tells, and those that the server gives for it. */
export function responsesFor(
  { listing, description }: DescribedRoute,
  method: string,
  problems: Problems,
): JsonSchema {
  const { answers, validates, body } = description;
  const { hooks } = listing;
  const responses = new Map<string, JsonSchema>();
  for (const answer of answers) responses.set(String(answer.status), responseOf(answer));
  const add = (status: number, name: ProblemName) => {
    const told = responses.get(String(status));
    const whole = told === undefined ? problems.reference(name) : beside(told, name);
    responses.set(String(status), whole);
  };
  // What a hook answers is the application's to tell, by `response`.
  if (!hooks.onError) {
    for (const { status, problem } of answers) if (problem) add(status, "Problem");
    if (body !== undefined) {
      add(400, "InvalidJson");
      add(415, "UnsupportedMediaType");
    }
    if (validates && !hooks.onInvalid) add(422, "ValidationProblem");
  }
  if (answers.every(({ thrown }) => thrown)) {
    responses.set("default", { description: "An answer that no schema describes." });
  } else if (!hooks.onError) responses.set("default", problems.reference("Problem"));
  // Keys that are numbers come in their order by themselves.
  const all = [...responses].map(([status, response]): [string, JsonSchema] => [
    status,
    method === "HEAD" ? withoutContent(status, response) : response,
  ]);
  return Object.fromEntries(all);

  function beside(told: JsonSchema, name: ProblemName): JsonSchema {
    return { ...told, content: problems.content(name, told.content as JsonSchema | undefined) };
  }
}

function responseOf({ status, content }: AnswerDescription): JsonSchema {
  const description = reasonPhrase(status);
  if (content.length === 0) return { description };
  const bodies = content.map(({ mediaType, schema }) => [mediaType, { schema }]);
  return { description, content: Object.fromEntries(bodies) };
}

/** An answer to HEAD (RFC 9110 9.3.2). */
function withoutContent(status: string, response: JsonSchema): JsonSchema {
  const usual = status === "default" ? "An error." : reasonPhrase(Number(status));
  return { description: response.description ?? usual };
}
