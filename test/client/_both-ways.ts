/** A client of an application in process, and one through a socket. */
import { test } from "bun:test";
import {
  type Client,
  ClientError,
  type ClientOptions,
  createClient,
} from "../../src/client/index.ts";
import type { Chopin } from "../../src/index.ts";
import { withServer } from "../_setup.ts";

/** The error of a call that fails. */
export async function failure(call: Promise<unknown>): Promise<ClientError> {
  const given = await call.catch((error: unknown) => error);
  if (given instanceof ClientError) return given;
  throw new Error(`no ClientError: ${String(given)}`);
}

/** One test of each, for behaviour that must not differ. */
export function clients<App extends object>(
  name: string,
  make: () => Chopin,
  check: (api: Client<App>) => Promise<void>,
  options: ClientOptions = {},
): void {
  test(`${name} (fetch)`, async () => {
    const app = make();
    const inProcess = { ...options, fetch: (request: Request) => app.fetch(request) };
    await check(createClient<App>("http://localhost", inProcess));
  });
  test(`${name} (socket)`, () =>
    withServer(make(), ({ url }) => check(createClient<App>(url, options))));
}
