/**
 * Server-sent events (WHATWG HTML 9.2) as they come: read only as fast as they are taken, and asked
 * for again where the connection was lost. Loaded by the first call for events.
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { attempts, isPassing, passing, retryAfterMs, type Sending } from "./attempts.ts";
import { endable } from "./endable.ts";
import { ClientError } from "./error.ts";
import type { ClientEvent } from "./event-types.ts";
import { unlessAborted, wait } from "./limit.ts";
import type { EventsOptions } from "./options.ts";
import { type Arrival, answerOf, drop, eventsType, failureOf, lossOf, typeOf } from "./receive.ts";
import type { Draft } from "./request.ts";

/** What outlives a connection. */
interface Progress {
  lastEventId: string | undefined;
  /** Milliseconds until the next connection, as the server says. */
  delayMs: number;
}

const delayDefaultMs = 1000;
/** A server that asks for no delay is not asked in a loop when it fails. */
const delayLeastMs = 100;
const delayMostMs = 30_000;
const eventLengthDefault = 1024 * 1024;
/** What the parser holds beside that which counts: the name of a field, a delay. */
const uncountedMost = 32;

/** The events of a route, until the server answers 204. Ends with the error of the abort. */
export async function* follow(
  draft: Draft,
  sending: Sending,
  options: EventsOptions,
): AsyncGenerator<ClientEvent, undefined> {
  const { reconnect = true } = options;
  const progress: Progress = { lastEventId: options.lastEventId, delayMs: delayDefaultMs };
  let connected = false;
  for (let failures = 0; ; ) {
    let asked = 0;
    try {
      const retry = connected ? false : sending.retry;
      const again = { ...sending, retry, fields: fieldsOf(progress) };
      const arrival = await attempts(draft, again, opening);
      if (arrival === undefined) return;
      connected = true;
      failures = 0;
      yield* read(arrival, options, progress);
      if (!reconnect) return;
    } catch (error) {
      if (!connected || !reconnect || !mayPass(error)) throw error;
      failures += 1;
      asked = error.response === undefined ? 0 : (retryAfterMs(error.response) ?? 0);
    }
    await wait(Math.max(asked, delayOf(progress, failures)), sending.signal);
  }
}

/**
 * The events of one answer.
 *
 * @throws ClientError `invalid_answer` when it has none.
 */
export function eventsOf(arrival: Arrival): AsyncIterableIterator<ClientEvent, undefined> {
  const progress = { lastEventId: undefined, delayMs: delayDefaultMs };
  return endable(read(opened(arrival), {}, progress), arrival.limit);
}

function fieldsOf({ lastEventId }: Progress): Record<string, string> {
  const fields: Record<string, string> = { accept: "text/event-stream" };
  // A field has one character for each byte.
  if (lastEventId) {
    const bytes = new TextEncoder().encode(lastEventId);
    fields["last-event-id"] = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
  return fields;
}

/** An answer with events; undefined for that which says that there are no more. */
async function opening(arrival: Arrival): Promise<Arrival | undefined> {
  const { response, place } = arrival;
  if (response.ok && response.status !== 204) return opened(arrival);
  const answer = await answerOf(arrival, "auto");
  if (!response.ok) throw failureOf(place, answer);
  return undefined;
}

/** From here on time is not limited. */
function opened(arrival: Arrival): Arrival {
  const { response, limit, place } = arrival;
  limit.stopClock();
  if (eventsType.test(typeOf(response))) return arrival;
  drop(response);
  const type = typeOf(response) || "no Content-Type";
  const text = `${place}: ${response.status} with ${type} is no stream of events.`;
  throw new ClientError("invalid_answer", text, { response });
}

async function* read(
  arrival: Arrival,
  { as = "json", eventLengthMax = eventLengthDefault }: EventsOptions,
  progress: Progress,
): AsyncGenerator<ClientEvent, undefined> {
  const { response, limit, place } = arrival;
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const ready: ClientEvent[] = [];
  let tooLong = false;
  // The parser looks only at what a piece has left: without this the network would decide.
  const check = (length: number): void => {
    tooLong ||= length > eventLengthMax;
  };
  const parser = createParser({
    maxBufferSize: eventLengthMax + uncountedMost,
    onId: (id) => {
      check(id.length);
      progress.lastEventId = id === "" ? undefined : id;
    },
    onRetry: (ms) => {
      progress.delayMs = ms;
    },
    onEvent: (message) => {
      const { data, event = "", id = "" } = message;
      check(data.length + event.length + id.length);
      if (!tooLong) ready.push(eventOf(message, as, progress.lastEventId));
    },
    onError: ({ type }) => {
      tooLong ||= type === "max-buffer-size-exceeded";
    },
  });
  try {
    for (;;) {
      const piece = await next(arrival, reader);
      if (piece === undefined) return;
      parser.feed(decoder.decode(piece, { stream: true }));
      yield* ready.splice(0);
      if (tooLong) {
        const text = `${place}: an event is longer than ${eventLengthMax} characters.`;
        throw new ClientError("invalid_answer", text, { response });
      }
    }
  } finally {
    limit.end();
    reader?.cancel().catch(() => {});
  }
}

/** The next bytes; undefined at the end. */
async function next(
  arrival: Arrival,
  reader: { read(): Promise<{ readonly value?: Uint8Array }> } | undefined,
): Promise<Uint8Array | undefined> {
  try {
    return (await unlessAborted(arrival.limit.signal, reader?.read()))?.value;
  } catch (error) {
    throw lossOf(arrival, error);
  }
}

function eventOf(
  { event = "message", data: text }: EventSourceMessage,
  as: EventsOptions["as"],
  id: string | undefined,
): ClientEvent {
  return { event, data: as === "text" ? text : parsed(text), text, id };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function mayPass(error: unknown): error is ClientError {
  if (isPassing(error)) return true;
  return error instanceof ClientError && passing.includes(error.status ?? 0);
}

/** Up to half more at random, so that clients of a server that was away do not come together. */
function delayOf({ delayMs }: Progress, failures: number): number {
  const spread = 1 + Math.random() / 2;
  if (failures === 0) return delayMs * spread;
  const grown = Math.max(delayMs, delayLeastMs) * 2 ** failures;
  return Math.max(delayMs, Math.min(grown, delayMostMs)) * spread;
}
