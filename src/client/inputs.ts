/**
 * What the call of one route is given beside the options of every call. Read by the compiler alone;
 * `address.ts` and `request.ts` send it.
 */
import type { NameOf, SegmentOf } from "../path-types.ts";
import type { ClientHeaders, TextValue } from "./options.ts";
import type { Sendable } from "./wire.ts";

/**
 * The parts of a request; one that may be undefined, or has nothing that is demanded, may be left
 * out, but for a body: an empty object is another one than none. Members are computed for the one
 * route that is called: conditions around them would be multiplied with those of every other route.
 */
export interface CallParts<Entry, Own extends string, Method extends string, Path extends string> {
  readonly params: ParamsFor<Path, PartOf<Entry, "params">>;
  readonly query: QueryOf<PartOf<Entry, "query">>;
  readonly headers: HeadersOf<PartOf<Entry, "headers">, Own>;
  /** Cookies by name, in Bun and Node. Browsers send their own and no others; see `init`. */
  readonly cookies: CookiesOf<PartOf<Entry, "cookies">> | undefined;
  /**
   * JSON where the route has a schema for it. Where it has none, strings, forms, blobs, bytes and
   * streams are sent as they are, anything else as JSON.
   */
  readonly body: BodyOf<PartOf<Entry, "body">, Method>;
  /** The body is JSON although it is a string, which is sent as text otherwise. */
  readonly json: JsonMark<PartOf<Entry, "body">, Method>;
}

/** Arguments behind the path: none are needed where no part is. */
export type Arguments<Parts, Options> = [Needed<Parts>] extends [never]
  ? [options?: Partial<Parts> & Options]
  : [options: Pick<Parts, Needed<Parts>> & Partial<Parts> & Options];

type Needed<Parts> = {
  [Name in keyof Parts]: undefined extends Parts[Name]
    ? never
    : Name extends "body"
      ? Name
      : Record<never, never> extends Parts[Name]
        ? never
        : Name extends "params" | "query"
          ? NeededObject<Name, Parts[Name]>
          : Name;
}[keyof Parts];

/** By its own members: `{}` has a `constructor`, and so is none where one is optional. */
type NeededObject<Name, Part> = Partial<Part> extends Part ? never : Name;

/** What is sent as it is, on routes without a schema for their body; anything else is JSON. */
export type RawBody =
  | string
  | FormData
  | URLSearchParams
  | Blob
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | ReadableStream<Uint8Array<ArrayBuffer>>;

type PartOf<Entry, Name extends string> = Name extends keyof Entry ? Entry[Name] : undefined;

/** The path says which captures there are, the schema what they may be. */
type ParamsFor<Path extends string, Schema> = Path extends `${string}/${":" | "*"}${string}`
  ? {
      readonly [Segment in SegmentOf<Path> as Segment extends `:${string}?`
        ? never
        : NameOf<Segment>]: ParamOf<NameOf<Segment>, Schema>;
    } & {
      readonly [Segment in SegmentOf<Path> as Segment extends `:${string}?`
        ? NameOf<Segment>
        : never]?: ParamOf<NameOf<Segment>, Schema> | undefined;
    }
  : undefined;

/** Text without a rule of its own may be given as the number that it often is. */
type ParamOf<Name extends string, Schema> = Name extends keyof Schema
  ? string extends Schema[Name]
    ? Schema[Name] | string | number | bigint
    : Exclude<Sendable<Schema[Name]>, undefined>
  : string | number | bigint;

type QueryOf<Schema> = Schema extends undefined
  ? Readonly<Record<string, TextValue | readonly TextValue[] | undefined>>
  : Absent<Schema>;

/** What is optional may also be undefined, under `exactOptionalPropertyTypes` too. */
type Absent<Schema> = {
  readonly [Name in keyof Schema]:
    | Sendable<Schema[Name]>
    | (Record<never, never> extends Pick<Schema, Name> ? undefined : never);
};

type HeadersOf<Schema, Own extends string> = Schema extends undefined
  ? ClientHeaders
  : ([Own] extends [never] ? Absent<Schema> : Absent<Lent<Schema, Own>>) &
      Readonly<Record<string, TextValue | readonly TextValue[] | undefined>>;

/** What the client sends by itself may be left out. */
type Lent<Schema, Own extends string> = Omit<Schema, Own> &
  Partial<Pick<Schema, Own & keyof Schema>>;

type CookiesOf<Schema> = Schema extends undefined
  ? Readonly<Record<string, TextValue | undefined>>
  : { readonly [Name in keyof Schema]?: Sendable<Schema[Name]> | undefined };

type BodyOf<Schema, Method extends string> = Method extends "GET" | "HEAD"
  ? undefined
  : [Schema] extends [undefined]
    ? RawBody | object | number | boolean | null | undefined
    : Sendable<Schema>;

/** Without the mark a string would be sent as text, and refused. */
type JsonMark<Schema, Method extends string> = Method extends "GET" | "HEAD"
  ? undefined
  : [Schema] extends [undefined]
    ? true | undefined
    : [Extract<Sendable<Schema>, string>] extends [never]
      ? true | undefined
      : true;
