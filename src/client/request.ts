/** From what a call was given to the `Request` of one attempt. Called by `attempts.ts`. */
import { type Parts, targetOf, textsOf } from "./address.ts";
import { ClientError, reasonOf } from "./error.ts";
import { unlessAborted } from "./limit.ts";
import type { ClientHeaders, ClientOptions, FetchInit } from "./options.ts";

/** The parts of a call that make its request; what is undefined was not given. */
export interface RequestParts {
  readonly params?: Parts | undefined;
  readonly query?: Parts | undefined;
  readonly headers?: ClientHeaders | undefined;
  readonly cookies?: Parts | undefined;
  readonly body?: unknown;
  readonly json?: true | undefined;
  readonly init?: FetchInit | undefined;
}

/** A request that can be made again, unless its body is a stream. */
export interface Draft {
  readonly method: string;
  readonly url: string;
  /** For messages: method and pattern, without what is secret in queries. */
  readonly place: string;
  readonly parts: RequestParts;
  readonly body: RequestInit["body"];
  readonly isJson: boolean;
}

/** A token (RFC 6265 4.1.1). */
const cookieName = /^[\w!#$%&'*+.^`|~-]+$/;

/** Of strings, by the Fetch standard; not every runtime sets it. */
const textType = "text/plain;charset=UTF-8";

/** @throws ClientError `invalid_request` for what cannot be sent. */
export function draftOf(base: string, method: string, path: string, parts: RequestParts): Draft {
  const place = `${method} ${base}${path}`;
  const { body } = parts;
  const isJson = body !== undefined && (parts.json === true || !isRaw(body));
  return {
    method,
    place,
    parts,
    isJson,
    url: base + sending(place, () => targetOf(path, parts.params, parts.query)),
    body: sending(place, () => {
      // Not every runtime refuses it before a connection is made.
      if (body !== undefined && /^(GET|HEAD)$/i.test(method)) {
        throw new TypeError(`${method} has no body.`);
      }
      return isJson ? jsonOf(body) : (body as RequestInit["body"]);
    }),
  };
}

/**
 * The request of one attempt.
 *
 * @throws ClientError `invalid_request`, and what the function for the headers throws.
 */
export async function requestOf(
  draft: Draft,
  shared: ClientOptions["headers"],
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Request> {
  const given = typeof shared === "function" ? await unlessAborted(signal, shared()) : shared;
  const { method, url, parts, body } = draft;
  return sending(draft.place, () => {
    const headers = new Headers(fields);
    const type = draft.isJson ? "application/json" : typeof body === "string" ? textType : "";
    if (type !== "") headers.set("content-type", type);
    setFields(headers, given);
    setFields(headers, parts.headers);
    if (parts.cookies !== undefined) headers.set("cookie", cookiesOf(parts.cookies));
    const init: Record<string, unknown> = { ...parts.init, method, headers, signal };
    if (body !== undefined) init.body = body;
    // Without it no runtime takes a stream (Fetch standard, 5.4).
    if (body instanceof ReadableStream) init.duplex = "half";
    return new Request(url, init);
  });
}

function setFields(headers: Headers, given: ClientHeaders | undefined): void {
  const fields = given instanceof Headers ? Object.fromEntries(given) : given;
  for (const [name, value] of Object.entries(fields ?? {})) {
    const texts = textsOf(`headers.${name}`, value);
    if (Array.isArray(value) && texts.some((text) => text.includes(","))) {
      throw new TypeError(`headers.${name}: an item has a comma; send all as one text.`);
    }
    if (texts.length > 0) headers.set(name, texts.join(", "));
  }
}

/** Values are escaped, as servers decode them. */
function cookiesOf(cookies: Parts): string {
  const pairs = Object.entries(cookies).flatMap(([name, value]) => {
    if (!cookieName.test(name)) throw new TypeError(`no cookie has the name ${name}`);
    return textsOf(`cookies.${name}`, value).map((text) => `${name}=${encodeURIComponent(text)}`);
  });
  return pairs.join("; ");
}

/** What `fetch` takes as a body. */
function isRaw(body: unknown): boolean {
  return (
    typeof body === "string" ||
    ArrayBuffer.isView(body) ||
    [ArrayBuffer, FormData, URLSearchParams, Blob, ReadableStream].some(
      (kind) => body instanceof kind,
    )
  );
}

function jsonOf(body: unknown): string {
  const text = JSON.stringify(body);
  if (text === undefined) throw new TypeError("the body is nothing that JSON can say");
  return text;
}

/** What the platform refuses is told like what is refused here: with the route. */
function sending<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new ClientError("invalid_request", `${place}: ${reasonOf(cause)}`, { cause });
  }
}
