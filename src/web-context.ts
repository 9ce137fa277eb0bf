/** The context of a request that came without a socket: see `fetch.ts`. */

import type { Match } from "./native/router.ts";
import type { Target } from "./program.ts";
import { bodyIsStreamed, wholeBody } from "./request-body.ts";
import { RequestContext } from "./request-context.ts";
import { clientLeft } from "./stream.ts";
import type { ProxyTrust } from "./trust-proxy.ts";

const decoder = new TextDecoder();

/** The context of a request that came without a socket. */
export class WebContext extends RequestContext {
  readonly #request: Request;
  readonly #target: string;
  readonly #match: Match;
  readonly #end: Target;
  readonly #body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #ip: string;
  readonly #reader = new AbortController();
  #signal: AbortSignal | undefined;
  readonly #trust: ProxyTrust | undefined;

  constructor(
    request: Request,
    target: string,
    match: Match,
    end: Target,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    ip: string,
    trust: ProxyTrust | undefined,
  ) {
    super();
    this.#request = request;
    this.#target = target;
    this.#match = match;
    this.#end = end;
    this.#body = body;
    this.#ip = ip;
    this.#trust = trust;
  }

  get method(): string {
    this.check();
    return this.#request.method;
  }

  get path(): string {
    this.check();
    return this.#match.path;
  }

  get socketIp(): string {
    this.check();
    return this.#ip;
  }

  protected get ownHost(): string {
    this.check();
    return this.#request.headers.get("host") ?? new URL(this.#request.url).host;
  }

  protected get trust(): ProxyTrust | undefined {
    return this.#trust;
  }

  protected get ownSecure(): boolean {
    this.check();
    return this.#request.url.startsWith("https:");
  }

  get hasSocket(): boolean {
    return false;
  }

  get upgradable(): boolean {
    return this.#request.body === null;
  }

  get allow(): string {
    return this.#match.allow;
  }

  /** `Headers` has joined the lines of one name already, so there is one of each. */
  fieldValue(name: string, nth: number): string | undefined {
    this.check();
    if (nth > 0) return undefined;
    try {
      return this.#request.headers.get(name) ?? undefined;
    } catch {
      // Not a token, so no field has this name.
      return undefined;
    }
  }

  fieldLines(): readonly (readonly [name: string, value: string])[] {
    this.check();
    return [...this.#request.headers];
  }

  protected get target(): string {
    this.check();
    return this.#target;
  }

  protected get search(): string {
    this.check();
    const start = this.#target.indexOf("?");
    return start === -1 ? "" : this.#target.slice(start + 1);
  }

  protected get captures(): Target {
    return this.#end;
  }

  protected capture(index: number, slash: string): string | undefined {
    return this.#match.captures[index]?.replaceAll("\0", slash);
  }

  get signal(): AbortSignal {
    this.check();
    this.#signal ??= AbortSignal.any([this.#request.signal, this.#reader.signal]);
    return this.#signal;
  }

  /** The answer is complete. */
  end(): void {
    this.answered = true;
    this.release();
  }

  /** Whoever asked takes no more of the answer. */
  leave(): void {
    this.#reader.abort(clientLeft());
  }

  protected bodyText(): string {
    return decoder.decode(this.#whole());
  }

  protected bodyBytes(): Uint8Array<ArrayBuffer> {
    return this.#whole().slice();
  }

  protected bodyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#body instanceof ReadableStream ? this.#body : wholeBody(this.bodyBytes());
  }

  #whole(): Uint8Array<ArrayBuffer> {
    if (this.#body instanceof ReadableStream) throw bodyIsStreamed();
    return this.#body;
  }
}
