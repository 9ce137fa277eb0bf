/**
 * What becomes of a value's type on its way between a handler and a client. Read by the compiler
 * alone; `answers.ts` makes the types of answers from it, `inputs.ts` those of what is sent.
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

/** A value that is sent: a date may be the text that it becomes, a bigint a number. */
export type Sendable<T> = unknown extends T
  ? T
  : T extends Date
    ? T | string
    : T extends bigint
      ? T | number
      : T extends string | number | boolean | symbol | null | undefined
        ? T
        : T extends readonly (infer Element)[]
          ? SendableList<T, Element>
          : { [Name in keyof T]: Sendable<T[Name]> };

type SendableList<T extends readonly unknown[], Element> = number extends T["length"]
  ? readonly Sendable<Element>[]
  : { [Index in keyof T]: Sendable<T[Index]> };
