/** Checks of options: one that is misspelt would silently leave its default in force. */
import { ClientError } from "./error.ts";
import type { CallOptions, ClientOptions, EventsOptions, SharedOptions } from "./options.ts";

const shared = ["timeoutMs", "retry", "init"];
const parts = ["params", "query", "headers", "cookies", "signal", "as"];
const client = [...shared, "headers", "fetch"];
const call = [...shared, ...parts, "body", "json"];
const events = [...shared, ...parts, "reconnect", "lastEventId", "eventLengthMax"];
const retries = ["attempts", "methods", "statuses", "delayMs", "delayMaxMs", "attemptTimeoutMs"];
const readers = ["auto", "json", "text", "bytes", "blob", "stream", "events"];

/** @throws ClientError `invalid_option`. */
export function checkClient(options: ClientOptions): void {
  checkShared(options, client);
}

/** @throws ClientError `invalid_option`. */
export function checkCall(options: CallOptions): void {
  checkShared(options, call);
  const { as = "auto" } = options;
  if (!readers.includes(as)) throw wrong(`as is one of ${readers.join(", ")}`);
}

/** @throws ClientError `invalid_option`. */
export function checkEvents(options: EventsOptions): void {
  checkShared(options, events);
  const { as = "json", eventLengthMax = 1 } = options;
  if (as !== "json" && as !== "text") throw wrong("as is json or text");
  if (!(eventLengthMax >= 1)) throw wrong("eventLengthMax is a number of characters");
}

function checkShared(options: SharedOptions, known: readonly string[]): void {
  checkNames(options, known);
  const { timeoutMs = 1, retry } = options;
  if (!(timeoutMs > 0)) throw wrong("timeoutMs is a number of milliseconds above 0");
  if (retry === undefined || retry === false) return;
  checkNames(retry, retries);
  const { attempts = 1, delayMs = 0, delayMaxMs = 0, attemptTimeoutMs = 1 } = retry;
  if (!(Number.isInteger(attempts) && attempts >= 1)) {
    throw wrong("retry.attempts is a whole number, the first attempt included");
  }
  if (!(delayMs >= 0 && delayMaxMs >= 0 && attemptTimeoutMs > 0)) {
    throw wrong("delayMs, delayMaxMs and attemptTimeoutMs of retry are milliseconds");
  }
}

function checkNames(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw wrong(`${JSON.stringify(unknown)} is no option; there are ${known.join(", ")}`);
}

function wrong(text: string): ClientError {
  return new ClientError("invalid_option", `chopin/client: ${text}.`);
}
