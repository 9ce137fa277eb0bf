/** What test clients are told, and the checks of it. Called by everything in this folder. */
import type { ClientHeaders, ClientOptions } from "../client/index.ts";
import { ChopinError } from "../errors.ts";

/** Options of `test`: those of every client, and what stands in for a connection. */
export interface TestOptions extends Omit<ClientOptions, "fetch"> {
  /**
   * Where the routes seem to lie: "http://localhost" unless told. "https://…" is `ctx.secure`, a
   * path goes before those of all calls. Of a server only the path counts.
   */
  readonly base?: string | URL;
  /** Address of the other end, in process; "127.0.0.1" unless told. */
  readonly ip?: string;
  /**
   * A call is rejected, with what was thrown as the `cause`, where a handler or middleware throws
   * something else than an `HTTPError` and the answer is 500 or above; false unless told.
   */
  readonly throwErrors?: boolean;
}

/** Options of `session`, beside those of its client. */
export interface SessionOptions {
  /** Fields of every request, over those of the client. */
  readonly headers?: ClientOptions["headers"];
  /** Cookies that it has from the beginning. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** Address of the other end, in process. */
  readonly ip?: string;
}

export const testOptions = ["base", "ip", "throwErrors", "headers", "timeoutMs", "retry", "init"];

/** @throws ChopinError `invalid_option`. */
export function checkTestOptions(options: TestOptions): void {
  checkNames("test", options, testOptions);
  if (typeof (options.ip ?? "") !== "string") throw fault("test", "ip is a text");
  if (typeof (options.throwErrors ?? false) !== "boolean") {
    throw fault("test", "throwErrors is true or false");
  }
}

/**
 * One that is misspelt would silently leave its default in force.
 *
 * @throws ChopinError `invalid_option`.
 */
export function checkNames(name: string, options: object, known: readonly string[]): void {
  const wrong = Object.keys(options).find((one) => !known.includes(one));
  if (wrong === undefined) return;
  throw fault(name, `${JSON.stringify(wrong)} is no option; there are ${known.join(", ")}`);
}

export function fault(name: string, text: string): ChopinError {
  return new ChopinError("invalid_option", `chopin/testing: ${name}: ${text}.`);
}

/** Fields of both; those of the second in the place of equal ones of the first. */
export function joinHeaders(
  first: ClientOptions["headers"],
  second: ClientOptions["headers"],
): ClientOptions["headers"] {
  if (first === undefined || second === undefined) return second ?? first;
  return async () => ({ ...(await fieldsOf(first)), ...(await fieldsOf(second)) });
}

async function fieldsOf(given: NonNullable<ClientOptions["headers"]>) {
  const headers: ClientHeaders = typeof given === "function" ? await given() : given;
  const pairs = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}
