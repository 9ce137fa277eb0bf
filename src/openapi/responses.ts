/** Answers of an operation. Called by `operations.ts`. */
import type { AnswerDescription } from "../schema/describe.ts";
import type { JsonSchema } from "../schema/json-schema.ts";
import { reasonPhrase } from "../status.ts";
import type { DescribedRoute } from "./operations.ts";
import type { Problems } from "./problems.ts";

/** Answers by status: those that the route tells, and those that the server gives for it. */
export function responsesFor(
  { listing, description }: DescribedRoute,
  method: string,
  problems: Problems,
): JsonSchema {
  const { answers, validates, body } = description;
  const { hooks } = listing;
  const told = answers.map((answer): [string, JsonSchema] => {
    const problem = answer.thrown && !answer.hasBody && !hooks.onError;
    const response = problem ? problems.answer(answer.status) : responseOf(answer, method);
    return [String(answer.status), response];
  });
  const responses = new Map(told);
  const add = (status: string, response: () => JsonSchema) => {
    if (!responses.has(status)) responses.set(status, response());
  };
  // What a hook answers is the application's to tell, by `response`.
  if (!hooks.onError) {
    if (body !== undefined) {
      add("400", () => problems.reference("InvalidJson"));
      add("415", () => problems.reference("UnsupportedMediaType"));
    }
    if (validates && !hooks.onInvalid) add("422", () => problems.reference("ValidationProblem"));
  }
  const own = answers.some(({ thrown = false }) => !thrown);
  if (!own) responses.set("default", { description: "An answer that no schema describes." });
  else if (!hooks.onError) responses.set("default", problems.reference("Problem"));
  // Keys that are numbers come in their order by themselves.
  return Object.fromEntries(responses);
}

function responseOf({ status, content }: AnswerDescription, method: string): JsonSchema {
  const description = reasonPhrase(status);
  if (method === "HEAD" || content.length === 0) return { description };
  const bodies = content.map(({ mediaType, schema }) => [mediaType, { schema }]);
  return { description, content: Object.fromEntries(bodies) };
}
