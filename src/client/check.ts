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
  checkNames("options", options, known);
  const { retry = false } = options;
  if (retry !== false) checkNames("retry", retry, retries);
  for (const [name, value] of Object.entries<unknown>({ ...options, ...retry })) {
    const wanted = value !== undefined && wantedOf(name, value);
    if (wanted) throw wrong(`${name} is ${wanted}`);
  }
}

/** @throws ClientError `invalid_option`. */
export function checkReader(as: string | undefined, known: string): void {
  if (as !== undefined) checkNames("as", { [as]: 1 }, known);
}

/** What an option has to be, if it is not. */
function wantedOf(name: string, value: unknown): string | false {
  if (/Ms$|Max$|^attempts$/.test(name)) {
    const least = name.startsWith("delay") ? 0 : 1;
    return !(typeof value === "number" && value >= least) && `a number, ${least} at least`;
  }
  if (name === "fetch") return typeof value !== "function" && "a function";
  // Not by its class, of which there may be several; null is none, as for `fetch`.
  const isSignal = value === null || (value as Partial<AbortSignal>).throwIfAborted !== undefined;
  return name === "signal" && !isSignal && "an AbortSignal";
}

function checkNames(place: string, options: unknown, known: string): void {
  const all = known.split(" ");
  const names =
    Object(options) === options ? Object.keys(options as object) : [`${place}: ${options}`];
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return;
  throw wrong(`"${unknown}" is none of ${all.join(", ")}`);
}

function wrong(text: string): ClientError {
  return new ClientError("invalid_option", `chopin/client: ${text}.`);
}
