/** From a `Response` to the answer that a call gives. Called by `client.ts`. */
import type { BodyAs, ClientAnswer, Problem } from "./answers.ts";
import { ClientError, reasonOf } from "./error.ts";
import { type Limit, unlessAborted } from "./limit.ts";

/** A response that has just begun, and until when it may be read. */
export interface Arrival {
  readonly place: string;
  readonly method: string;
  readonly response: Response;
  readonly limit: Limit;
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json\b/i;
/** Of `events`, too. */
export const eventsType = /^text\/event-stream\b/i;
const textType = /^text\/|[/+]xml\b|\/x-www-form-urlencoded\b/i;

/**
 * The answer with its body; of a failure read by its Content-Type, however a success would be.
 *
 * @throws ClientError `network_error`, `timeout`, `invalid_answer`.
 */
export async function answerOf(arrival: Arrival, as: BodyAs): Promise<ClientAnswer> {
  const { response } = arrival;
  const body = await bodyOf(arrival, response.ok ? as : "auto");
  const { status, ok, headers } = response;
  const isProblem = /^application\/problem\+json\b/i.test(typeOf(response));
  const problem = isProblem && typeof body === "object" ? (body as Problem | null) : null;
  return { status, ok, headers, body, problem: problem ?? undefined, response };
}

/** The error for an answer of failure. */
export function failureOf(place: string, answer: ClientAnswer): ClientError {
  const { status, problem } = answer;
  const code = typeof problem?.code === "string" ? problem.code : "unexpected_status";
  const detail = typeof problem?.detail === "string" ? `: ${problem.detail}` : "";
  const name = problem === undefined ? "" : ` ${code}`;
  return new ClientError(code, `${place}: ${status}${name}${detail}`, answer);
}

/** Why an answer did not come, or broke off: what is told already, an abort, or the network. */
export function lossOf(
  { place, limit, response }: Pick<Arrival, "place" | "limit"> & Partial<Arrival>,
  cause: unknown,
): unknown {
  if (cause instanceof ClientError) return cause;
  if (limit.signal.aborted) return limit.signal.reason;
  const what = response === undefined ? "no answer" : "the answer broke off";
  const text = `${place}: ${what}: ${reasonOf(cause)}`;
  return new ClientError("network_error", text, { cause, response });
}

/** Content-Type; "" where there is none. */
export function typeOf(response: Response): string {
  return response.headers.get("content-type") ?? "";
}

/** Lets go of a body that nobody reads, and so of its connection. */
export function drop(response: Response): void {
  response.body?.cancel().catch(() => {});
}

async function bodyOf(arrival: Arrival, as: BodyAs): Promise<unknown> {
  const { response, method, limit } = arrival;
  // RFC 9110 9.3.2, 15.3.5, 15.3.6, 15.4.5: never with a body.
  if (method === "HEAD" || [204, 205, 304].includes(response.status)) {
    limit.end();
    drop(response);
    return null;
  }
  if (as === "stream") return streamOf(arrival);
  if (as === "events") return (await import("./events.ts")).eventsOf(arrival);
  try {
    return await wholeBody(arrival, as);
  } catch (error) {
    throw lossOf(arrival, error);
  } finally {
    limit.end();
  }
}

async function wholeBody(arrival: Arrival, as: BodyAs): Promise<unknown> {
  const { response, limit } = arrival;
  const type = typeOf(response);
  const how = as === "auto" ? howToRead(type) : as;
  switch (how) {
    case "json": {
      const text = await unlessAborted(limit.signal, response.text());
      return text === "" && type === "" ? null : parsed(arrival, text);
    }
    case "text":
      return unlessAborted(limit.signal, response.text());
    case "blob":
      return unlessAborted(limit.signal, response.blob());
    case "events":
      drop(response);
      throw unreadable(arrival, 'events are read by events(), or as: "events"');
    default: {
      const bytes = new Uint8Array(await unlessAborted(limit.signal, response.arrayBuffer()));
      return as === "auto" && bytes.length === 0 && type === "" ? null : bytes;
    }
  }
}

function howToRead(type: string): BodyAs {
  if (jsonType.test(type)) return "json";
  if (eventsType.test(type)) return "events";
  return textType.test(type) ? "text" : "bytes";
}

/** JSON that is none stays text where the status says more than it. */
function parsed(arrival: Arrival, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!arrival.response.ok) return text;
    throw unreadable(arrival, "its body is not JSON", { cause, body: text });
  }
}

function unreadable(arrival: Arrival, text: string, details: object = {}): ClientError {
  const { place, response } = arrival;
  const all = { ...details, response };
  return new ClientError("invalid_answer", `${place}: ${response.status}: ${text}.`, all);
}

/** The body as it comes, which ends as `ClientError` where it breaks off. Time is not limited. */
function streamOf(arrival: Arrival): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { response, limit } = arrival;
  limit.stopClock();
  const reader = response.body?.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const piece = await unlessAborted(limit.signal, reader?.read());
          if (piece?.value !== undefined) return controller.enqueue(piece.value);
          limit.end();
          controller.close();
        } catch (error) {
          limit.end();
          controller.error(lossOf(arrival, error));
        }
      },
      cancel(reason) {
        limit.end();
        return reader?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
