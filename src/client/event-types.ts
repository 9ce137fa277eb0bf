/** Events as a client gets them. Read by the compiler alone; `events.ts` makes the values. */
import type { Wire } from "./wire.ts";

/** How the data of events is read. */
export type EventsAs = "json" | "text";

/** One server-sent event. */
export interface ClientEvent<Name extends string = string, Data = unknown> {
  /** Type of the event; "message" unless the server said. */
  readonly event: Name;
  /**
   * What JSON makes of the text; the text itself where it is no JSON, and with `as: "text"`. A text
   * such as "42" is therefore a number, unless it is asked for as text.
   */
  readonly data: Data;
  /** The data as it was sent. */
  readonly text: string;
  /** The last id that the server sent, with this event or before. */
  readonly id: string | undefined;
}

/** The events of an entry of the flat map. */
export type EventsOf<Entry, As extends EventsAs> = Entry extends { readonly events: infer Sent }
  ? [Sent] extends [never]
    ? ClientEvent<string, As extends "text" ? string : unknown>
    : EventOf<Sent, As>
  : ClientEvent<string, As extends "text" ? string : unknown>;

type EventOf<Sent, As extends EventsAs> = Sent extends string
  ? ClientEvent<"message", As extends "text" ? string : unknown>
  : [TypeOf<Sent, "event"> | TypeOf<Sent, "data">] extends [never]
    ? never
    : ClientEvent<NameOf<TypeOf<Sent, "event">>, As extends "text" ? string : DataOf<Sent>>;

/** Of a member that may be missing; a comment alone has none, and is no event to clients. */
type TypeOf<Sent, Name extends string> =
  Sent extends Readonly<Partial<Record<Name, infer Value>>>
    ? Name extends keyof Sent
      ? Exclude<Value, undefined>
      : never
    : never;

type NameOf<Name> = [Name] extends [never] ? "message" : Name extends string ? Name : string;

/** Text may be JSON by chance, so nothing is promised of it. */
type DataOf<Sent> = Sent extends { readonly data: infer Data }
  ? [Extract<Data, string | undefined>] extends [never]
    ? Wire<Data>
    : unknown
  : unknown;
