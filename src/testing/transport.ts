/** The two ways of a request to the application: in process, and over a socket. */
import { AsyncLocalStorage } from "node:async_hooks";
import { ClientError } from "../client/index.ts";
import type { ServeOptions } from "../serve-options.ts";
import type { Server } from "../serving.ts";
import { TestCall } from "./calls.ts";
import { fault } from "./options.ts";
import { decoded, errorIn } from "./responses.ts";
import { Watched } from "./watched.ts";

/** How requests reach an application. */
export interface Transport {
  /** What handlers threw; a list that the test may empty. */
  readonly errors: unknown[];
  /** Of the addresses that a client has; undefined: any. */
  readonly origin: string | undefined;
  /** Whether the client may say who it is. */
  readonly takesIp: boolean;
  send(request: Request, call: TestCall, ip: string): Promise<Response>;
}

/** The field by which a server knows a call again. */
const callField = "chopin-test-call";

/** Without a socket. */
export function inProcess(app: object): Transport {
  const errors: unknown[] = [];
  const calls = new AsyncLocalStorage<TestCall>();
  const watched = new Watched(app, {
    callOf: () => calls.getStore(),
    failed: (error) => errors.push(error),
  });
  return {
    errors,
    origin: undefined,
    takesIp: true,
    send: async (request, call, ip) =>
      decoded(await calls.run(call, () => watched.fetch(request, { ip }))),
  };
}

/** By a server of its own, on the loopback address and a port of the system's choice. */
export async function overSocket(
  app: object,
  options: ServeOptions,
): Promise<Transport & { readonly server: Server }> {
  if ((options.workers ?? 1) !== 1) throw fault("serve", "a server of tests has no workers");
  const errors: unknown[] = [];
  const calls = new Map<string, TestCall>();
  const watched = new Watched(app, {
    callOf: (ctx) => calls.get(ctx.header(callField) ?? ""),
    failed: (error) => errors.push(error),
  });
  const place = options.unix === undefined ? { hostname: "127.0.0.1", port: 0 } : {};
  const server = await watched.serve({ signals: false, ...place, ...options, workers: 1 });
  const { unix } = server;
  const init = { redirect: "manual", ...(unix !== undefined && { unix }) } as const;
  return {
    errors,
    server,
    origin: unix === undefined ? new URL(server.url).origin : "http://localhost",
    takesIp: false,
    async send(request, call) {
      calls.set(call.id, call);
      request.headers.set(callField, call.id);
      try {
        return await fetch(request, init);
      } finally {
        calls.delete(call.id);
      }
    },
  };
}

/** Sends one request, and tells what was thrown on its way. */
export async function exchange(
  transport: Transport,
  request: Request,
  { ip, throwErrors }: { readonly ip: string; readonly throwErrors: boolean },
): Promise<Response> {
  const { method, url } = request;
  if (request.redirect === "follow") {
    const text = "redirects are not followed: look at the field `location` of the answer";
    throw new ClientError("invalid_request", `${method} ${url}: ${text}.`);
  }
  const call = new TestCall();
  try {
    const response = await transport.send(request, call, ip);
    // What fails when its body is written has left the middleware before.
    const thrown = call.thrown ?? (await errorIn(response));
    if (thrown === undefined) return response;
    const { error } = thrown;
    if (call.thrown === undefined) transport.errors.push(error);
    if (!throwErrors) return response;
    const text = `${method} ${url}: ${response.status}: ${String(error)}`;
    throw new ClientError("internal_error", text, { cause: error, response });
  } finally {
    call.ended();
  }
}
