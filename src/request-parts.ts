/**
 * The parts of a request that its context shows: captures, query, fields, cookies, addresses and
 * the request as a whole; read when they are first asked for, and kept. `request-context.ts` builds
 * on it; where the bytes are is up to `native/native-context.ts` and `web-context.ts`.
 */
import type { Params, RequestCookies } from "./context.ts";
import { allLines } from "./forwarded.ts";
import { type FieldSource, RequestHeaders } from "./headers.ts";
import { parseCookies } from "./middleware/support/cookie-text.ts";
import {
  allValues,
  firstValues,
  groupedValues,
  parseQuery,
  type Query,
  type QueryPairs,
} from "./query.ts";
import { ReplacedFields, type Replacements } from "./replaced-fields.ts";
import { RequestBody } from "./request-body.ts";
import type { PartName } from "./schema/issue.ts";
import type { Origin, ProxyTrust } from "./trust-proxy.ts";

/** Names of a route's captures, in the order of its pattern. */
export interface CaptureNames {
  readonly names: readonly string[];
  /** The last capture takes the whole rest. */
  readonly wildcard: boolean;
  /** The pattern itself; "" where there is none. */
  readonly route: string;
}

/** What is rarely asked for, so that a context stays small. */
interface Cache {
  query: Query | undefined;
  pairs: QueryPairs | undefined;
  fields: RequestHeaders | undefined;
  /** What a schema made of the fields. */
  headers: RequestHeaders | undefined;
  cookies: RequestCookies | undefined;
  request: Request | undefined;
  told: Origin | undefined;
}

export abstract class RequestParts extends RequestBody implements FieldSource {
  #params: Params | undefined;
  #cache: Cache | undefined;

  constructor() {
    super();
    this.#params = undefined;
    this.#cache = undefined;
  }

  abstract get method(): string;
  abstract get path(): string;
  abstract get socketIp(): string;
  /** Of the request itself, whatever proxies say of it. */
  protected abstract get ownHost(): string;
  protected abstract get ownSecure(): boolean;
  /** How far proxies are believed; undefined: not at all. */
  protected abstract get trust(): ProxyTrust | undefined;
  abstract fieldValue(name: string, nth: number): string | undefined;
  abstract fieldLines(): readonly (readonly [name: string, value: string])[];
  /** The request target as sent. */
  protected abstract get target(): string;
  /** Behind "?", without it. */
  protected abstract get search(): string;
  protected abstract get captures(): CaptureNames;
  /** A capture, with `slash` for one that was escaped inside a segment; undefined when absent. */
  protected abstract capture(index: number, slash: string): string | undefined;

  get route(): string {
    this.check();
    return this.captures.route;
  }

  get ip(): string {
    return this.#told()?.ip ?? this.socketIp;
  }

  get host(): string {
    return this.#told()?.host ?? this.ownHost;
  }

  get secure(): boolean {
    return this.#told()?.secure ?? this.ownSecure;
  }

  get params(): Params {
    this.check();
    if (this.#params === undefined) this.#params = this.#readParams();
    return this.#params;
  }

  get query(): Query {
    const cache = this.#cached();
    if (cache.query === undefined) cache.query = firstValues(this.#queryPairs(cache));
    return cache.query;
  }

  queries(name: string): string[] {
    return allValues(this.#queryPairs(this.#cached()), name);
  }

  /** The values of every query field, for schemas that do not say which are lists. */
  allQueries(): ReadonlyMap<string, string[]> {
    return groupedValues(this.#queryPairs(this.#cached()));
  }

  get headers(): RequestHeaders {
    return this.#cached().headers ?? this.fieldsAsSent();
  }

  get cookies(): RequestCookies {
    const cache = this.#cached();
    cache.cookies ??= parseCookies(this.fieldsAsSent().get("cookie") ?? undefined);
    return cache.cookies;
  }

  /** For the schemas of a route: what they made of a part takes its place. */
  setPart(part: PartName, value: unknown): void {
    if (part === "body") this.setBodyValue(value);
    else if (part === "params") this.#params = value as Params;
    else if (part === "query") this.#cached().query = value as Query;
    else if (part === "headers") this.#cached().headers = value as RequestHeaders;
    else this.#cached().cookies = value as RequestCookies;
  }

  /**
   * For middleware that decode bodies: whoever is behind them sees this body, and these fields in
   * the place of those that tell of the other.
   */
  replaceBody(
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    fields: Replacements,
  ): void {
    this.setBody(body);
    const cache = this.#cached();
    cache.fields = new RequestHeaders(new ReplacedFields(this, fields));
    cache.request = undefined;
  }

  get url(): string {
    const target = this.target;
    if (!target.startsWith("/")) return target === "*" ? this.#origin() : target;
    return this.#origin() + target;
  }

  get request(): Request {
    const cache = this.#cached();
    if (cache.request === undefined) cache.request = this.makeRequest();
    return cache.request;
  }

  param(name: string): string | undefined {
    return this.params[name];
  }

  protected makeRequest(): Request {
    const method = this.method;
    const headers = new Headers();
    for (const [name, value] of this.fieldsAsSent()) headers.append(name, value);
    const bare = method === "GET" || method === "HEAD";
    const body = bare ? null : this.bodyAsSent;
    return new Request(this.url, { method, headers, body });
  }

  #origin(): string {
    return `${this.secure ? "https" : "http"}://${this.host || "localhost"}`;
  }

  /** What proxies say that are believed. */
  #told(): Origin | undefined {
    const { trust } = this;
    if (trust === undefined) return undefined;
    const cache = this.#cached();
    cache.told ??= trust.follow(this.socketIp, (name) => allLines(this, name));
    return cache.told;
  }

  /** The fields, whatever a schema made of them. */
  protected fieldsAsSent(): RequestHeaders {
    const cache = this.#cached();
    if (cache.fields === undefined) cache.fields = new RequestHeaders(this);
    return cache.fields;
  }

  #cached(): Cache {
    this.check();
    if (this.#cache === undefined) {
      this.#cache = {
        query: undefined,
        pairs: undefined,
        fields: undefined,
        headers: undefined,
        cookies: undefined,
        request: undefined,
        told: undefined,
      };
    }
    return this.#cache;
  }

  #queryPairs(cache: Cache): QueryPairs {
    if (cache.pairs === undefined) cache.pairs = parseQuery(this.search);
    return cache.pairs;
  }

  /**
   * A parameter has an escaped slash back, a wildcard keeps it apart from those between segments.
   */
  #readParams(): Params {
    const { names, wildcard } = this.captures;
    const params: Record<string, string | undefined> = Object.create(null);
    const count = names.length;
    for (let index = 0; index < count; index++) {
      const slash = wildcard && index === count - 1 ? "%2F" : "/";
      const text = this.capture(index, slash);
      if (text !== undefined) params[names[index]!] = text;
    }
    return params;
  }
}
