/**
 * What JSON makes of a value's type on its way from a handler to a client. Read by the compiler
 * alone; `routes.ts` and `answers.ts` make the types of answers from it.
 */

/**
 * A value as it comes out of JSON: a `Date` is text, what has `toJSON` is what that gives, methods
 * and undefined are gone. Members are computed when they are looked at.
 *
 * @example
 * type Sent = Wire<{ id: number; born: Date }>; // { id: number; born: string }
 */
export type Wire<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends { readonly toJSON: (...list: never) => infer Value }
      ? Wire<Value>
      : T extends symbol | ((...list: never) => unknown)
        ? undefined
        : T extends bigint
          ? never
          : T extends readonly (infer Element)[]
            ? List<T, Element>
            : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
              ? Readonly<Record<string, never>>
              : T extends ArrayBufferView
                ? Readonly<Record<string, number>>
                : { [Name in keyof T]: Wire<T[Name]> };

/** Not mapped unless it is a tuple: a type of all JSON contains lists of itself. */
type List<T extends readonly unknown[], Element> = number extends T["length"]
  ? T extends unknown[]
    ? Item<Element>[]
    : readonly Item<Element>[]
  : { [Index in keyof T]: Item<T[Index]> };

/** A list has null where an object has nothing. */
type Item<T> = Wire<T> extends infer Value ? (Value extends undefined ? null : Value) : never;

/** The body of an answer: bytes stay bytes, no body is null, everything else is text or JSON. */
export type WireBody<T> = unknown extends T
  ? T
  : // biome-ignore lint/suspicious/noConfusingVoidType: of handlers that return nothing
    T extends null | undefined | void
    ? null
    : T extends ArrayBuffer | ArrayBufferView
      ? Uint8Array<ArrayBuffer>
      : Wire<T>;
