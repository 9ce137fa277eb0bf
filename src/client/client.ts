/** `createClient`: the calls of a typed client. */
import { baseOf } from "./address.ts";
import type { ClientAnswer } from "./answers.ts";
import { attempts, type Sending } from "./attempts.ts";
import { checkOptions, checkReader, names } from "./check.ts";
import { endable } from "./endable.ts";
import type { ClientEvent } from "./event-types.ts";
import { Limit } from "./limit.ts";
import type { CallOptions, ClientOptions, EventsOptions, SharedOptions } from "./options.ts";
import { answerOf, failureOf } from "./receive.ts";
import { type Draft, draftOf, type RequestParts } from "./request.ts";
import type { Call, Client } from "./routes.ts";

/**
 * A client of the routes of `App`: a flat map of routes (`RoutesOf`, or the declaration file that
 * was written from an application), or a module of them. It needs nothing of the server when it
 * runs. Fields that routes demand, and `headers` gives, are named by `Own`.
 *
 * @param base Where the routes lie, such as "https://api.example.org/v1"; in browsers also a path.
 * @throws ClientError `invalid_option`.
 * @example
 * const api = createClient<typeof import("./routes/users")>("https://api.example.org");
 * const answer = await api.get("/users/:id", { params: { id: 7 } });
 * if (answer.status === 200) console.log(answer.body.name);
 */
export function createClient<App extends object, Own extends string = never>(
  base: string | URL,
  options: ClientOptions = {},
): Client<App, Own> {
  checkOptions(options, names.client);
  const caller = new Caller(baseOf(base), options);
  const calling = (method: string) => (path: string, given?: CallGiven) =>
    caller.call(method, path, given);
  const client = {
    get: calling("GET"),
    post: calling("POST"),
    put: calling("PUT"),
    patch: calling("PATCH"),
    delete: calling("DELETE"),
    head: calling("HEAD"),
    options: calling("OPTIONS"),
    request: caller.call.bind(caller),
    events: caller.events.bind(caller),
  };
  return client as unknown as Client<App, Own>;
}

type CallGiven = RequestParts & CallOptions;
type EventsGiven = RequestParts & EventsOptions;

/** What all calls of one client share. */
class Caller {
  readonly #base: string;
  readonly #options: ClientOptions;

  constructor(base: string, options: ClientOptions) {
    this.#base = base;
    this.#options = options;
  }

  call(method: string, path: string, given: CallGiven = {}): Call<ClientAnswer> {
    const answer = this.#answer(method, path, given);
    const orThrow = async (): Promise<unknown> => {
      const got = await answer;
      if (got.ok) return got.body;
      throw failureOf(`${method} ${this.#base}${path}`, got);
    };
    return Object.assign(answer, { orThrow }) as Call<ClientAnswer>;
  }

  events(path: string, given: EventsGiven = {}): AsyncIterableIterator<ClientEvent, undefined> {
    const limit = new Limit();
    return endable(this.#events(path, given, limit), limit);
  }

  async #answer(method: string, path: string, given: CallGiven): Promise<ClientAnswer> {
    checkOptions(given, names.call);
    checkReader(given.as, "auto json text bytes blob stream events");
    const draft = this.#draft(method, path, given);
    const sending = this.#sending(given, given.signal);
    return attempts(draft, sending, (arrival) => answerOf(arrival, given.as ?? "auto"));
  }

  async *#events(
    path: string,
    given: EventsGiven,
    limit: Limit,
  ): AsyncGenerator<ClientEvent, undefined> {
    checkOptions(given, names.events);
    checkReader(given.as, "json text");
    const draft = this.#draft("GET", path, given);
    limit.follow(given.signal);
    const { follow } = await import("./events.ts");
    return yield* follow(draft, this.#sending(given, limit.signal), given);
  }

  #draft(method: string, path: string, given: RequestParts): Draft {
    const init = { ...this.#options.init, ...given.init };
    return draftOf(this.#base, method, path, { ...given, init });
  }

  #sending(given: SharedOptions, signal: AbortSignal | undefined): Sending {
    const { timeoutMs = Number.POSITIVE_INFINITY, retry = false } = this.#options;
    const own = given.retry ?? retry;
    return {
      client: this.#options,
      signal: signal ?? undefined,
      timeoutMs: given.timeoutMs ?? timeoutMs,
      retry: own && { ...retry, ...own },
      fields: {},
    };
  }
}
