/** `test`: a client for the tests of an application, in process or with a server of its own. */
import { type Client, createClient } from "../client/index.ts";
import type { OpenApiSource } from "../openapi/document.ts";
import type { ServeOptions } from "../serve-options.ts";
import type { Server, StopOptions } from "../serving.ts";
import type { AnyCall, AnyCalls, AnyRoutes } from "./any-routes.ts";
import { SessionCookies } from "./cookies.ts";
import {
  checkNames,
  checkTestOptions,
  fault,
  joinHeaders,
  type SessionOptions,
  type TestOptions,
} from "./options.ts";
import { exchange, inProcess, overSocket, type Transport } from "./transport.ts";

/** What is tested: an application. */
export interface TestSource extends OpenApiSource {
  fetch(request: Request, options?: { readonly ip?: string }): Promise<Response>;
}

/** The calls of a client, and what all clients of tests have. */
export type TestCalls<App extends object, Own extends string> = ([App] extends [AnyRoutes]
  ? AnyCalls
  : Client<App, Own>) & {
  /**
   * What handlers and middleware threw, but for `HTTPError`, where the answer was 500 or above; of
   * all clients of one application or server that come from one call of `test` or `serve`. A test
   * may empty it.
   */
  readonly errors: unknown[];
  /**
   * A further client, as somebody else: it keeps the cookies that answers set, as a browser does,
   * and may have fields and an address of its own.
   *
   * @throws ChopinError `invalid_option`.
   */
  session<More extends string = never>(options?: SessionOptions): SessionClient<App, Own | More>;
  /** Any request, such as one that no typed call can make: with cookies, without other fields. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
};

/** What `test` gives. */
export type TestClient<App extends object = AnyRoutes, Own extends string = never> = TestCalls<
  App,
  Own
> & {
  /**
   * Serves the application as it does in earnest, on a port of the system's choice at 127.0.0.1
   * unless told, by a server that is not the application's own. Ports of its own for metrics and
   * health stay closed.
   *
   * @throws ChopinError for wrong options, and what the bind failed with.
   */
  serve(options?: ServeOptions): Promise<ServedClient<App, Own>>;
};

/** What `session` gives. */
export type SessionClient<App extends object = AnyRoutes, Own extends string = never> = TestCalls<
  App,
  Own
> & {
  /** The cookies that a call to a path, "/" unless told, would send. */
  cookies(path?: string): Promise<Record<string, string>>;
};

/** A client of a server, and that server. The end of `await using` closes all connections. */
export type ServedClient<App extends object = AnyRoutes, Own extends string = never> = TestCalls<
  App,
  Own
> &
  Omit<Server, "stop"> &
  AsyncDisposable & {
    /** Stops the server; at once, unless `timeoutMs` says otherwise. */
    stop(options?: StopOptions): Promise<void>;
  };

/**
 * A typed client of an application, without a socket: the calls of `createClient`, answered in this
 * process. Redirects are not followed. Without `App` it takes any path, and bodies are unknown.
 *
 * @throws ChopinError or ClientError `invalid_option`.
 * @example
 * const api = test<Api>(app);
 * const answer = await api.post("/users", { body: { name: "Kim" } });
 * await using served = await api.serve();
 */
export function test<App extends object = AnyRoutes, Own extends string = never>(
  app: TestSource,
  options: TestOptions = {},
): TestClient<App, Own> {
  checkTestOptions(options);
  const client = clientOn({ transport: inProcess(app), options, cookies: undefined });
  const serve = async (given: ServeOptions = {}) => served(app, options, given);
  return Object.assign(client, { serve }) as unknown as TestClient<App, Own>;
}

/** What makes a client. */
interface Setting {
  readonly transport: Transport;
  readonly options: TestOptions;
  readonly cookies: SessionCookies | undefined;
}

type Untyped = AnyCalls & Omit<TestCalls<AnyRoutes, never>, "session">;

const methods = ["get", "post", "put", "patch", "delete", "head", "options", "events"] as const;

function clientOn(setting: Setting): Untyped {
  const { transport, options, cookies } = setting;
  const { base: _, ip = "127.0.0.1", throwErrors = false, ...shared } = options;
  const base = baseOf(setting);
  const send = async (request: Request): Promise<Response> => {
    await cookies?.addTo(request);
    const response = await exchange(transport, request, { ip, throwErrors });
    await cookies?.takeFrom(request, response);
    return response;
  };
  const init = { redirect: "manual", ...shared.init } as const;
  const client = createClient(base, { ...shared, init, fetch: send }) as unknown as AnyCalls;
  const { request } = client;
  return {
    ...client,
    ...Object.fromEntries(methods.map((name) => [name, checked(client[name] as AnyCall)])),
    request: (method, path, given) => checked(request.bind(undefined, method))(path, given),
    errors: transport.errors,
    session: (given: SessionOptions = {}) => session(setting, given),
    fetch: async (path: string, given: RequestInit = {}) => {
      if (!path.startsWith("/")) throw fault("fetch", `a path begins with a slash: ${path}`);
      return send(new Request(base + path, { redirect: "manual", ...given }));
    },
  } as Untyped;
}

/** In a path it would be escaped, and no route would have that path. */
function checked<Given, Result>(call: (path: string, given?: Given) => Result) {
  return (path: string, given?: Given): Result => {
    if (!/^[^:*(]*\?/.test(path)) return call(path, given);
    throw fault("test", `${path}: the query of a call stands in \`query\`, not in its path`);
  };
}

/** Without a slash at the end. */
function baseOf({ transport, options }: Setting): string {
  const { base = "http://localhost" } = options;
  if (transport.origin === undefined) return String(base).replace(/\/+$/, "");
  return transport.origin + new URL(base).pathname.replace(/\/+$/, "");
}

function session(setting: Setting, given: SessionOptions): unknown {
  const { transport, options } = setting;
  checkNames("session", given, ["headers", "cookies", "ip"]);
  if (given.ip !== undefined && !transport.takesIp) {
    throw fault("session", "over a socket the address is that of the connection: leave out ip");
  }
  const base = baseOf(setting);
  const cookies = new SessionCookies(base, given.cookies ?? {});
  const headers = joinHeaders(options.headers, given.headers);
  const own = { ...options, ...(headers && { headers }), ...(given.ip && { ip: given.ip }) };
  const client = clientOn({ transport, options: own, cookies });
  return Object.assign(client, { cookies: (path = "/") => cookies.list(base + path) });
}

async function served(app: TestSource, options: TestOptions, given: ServeOptions) {
  const transport = await overSocket(app, given);
  const { server } = transport;
  const stop = ({ timeoutMs = 0, idleMs = 0 }: StopOptions = {}) =>
    server.stop({ timeoutMs, idleMs });
  const client = clientOn({ transport, options, cookies: undefined });
  return { ...client, ...server, stop, [Symbol.asyncDispose]: () => stop() };
}
