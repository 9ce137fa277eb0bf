/** Checks of options: one that is misspelt would silently leave its default in force. */
import { ClientError } from "./error.ts";
import type { SharedOptions } from "./options.ts";

const shared = "timeoutMs retry init";
const parts = `${shared} params query headers cookies signal as`;
const retries = "attempts methods statuses delayMs delayMaxMs attemptTimeoutMs";

/** Names of the options of each kind. */
export const names = {
  client: `${shared} headers fetch`,
  call: `${parts} body json`,
  events: `${parts} reconnect lastEventId eventLengthMax`,
};

/** @throws ClientError `invalid_option`. */
export function checkOptions(options: SharedOptions, known: string): void {
  const { retry } = options;
  checkNames(options, known);
  if (retry) checkNames(retry, retries);
  for (const [name, value] of Object.entries<unknown>({ ...options, ...retry })) {
    const least = name.startsWith("delay") ? 0 : 1;
    const isNumber = typeof value === "number" && value >= least;
    if (value !== undefined && /Ms$|Max$|^attempts$/.test(name) && !isNumber) {
      throw wrong(`${name} is a number, ${least} at least`);
    }
  }
}

/** @throws ClientError `invalid_option`. */
export function checkReader(as: string | undefined, known: string): void {
  if (as !== undefined) checkNames({ [as]: 1 }, known);
}

function checkNames(options: object, known: string): void {
  const all = known.split(" ");
  const unknown = Object.keys(options).find((name) => !all.includes(name));
  if (unknown === undefined) return;
  throw wrong(`"${unknown}" is none of ${all.join(", ")}`);
}

function wrong(text: string): ClientError {
  return new ClientError("invalid_option", `chopin/client: ${text}.`);
}
