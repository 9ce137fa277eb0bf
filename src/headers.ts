/** The fields of a request as users read them. */

/** Where the fields are: native memory or a Web Request. */
export interface FieldSource {
  /** The `nth` value of a field, by its lower-case name; undefined when there is none. */
  fieldValue(name: string, nth: number): string | undefined;
  /** All lines in the order in which they were sent, names in lower case. */
  fieldLines(): readonly (readonly [name: string, value: string])[];
}

/**
 * Fields of a request, read-only. Names are case-insensitive; values have one character for each
 * byte, as everywhere on the Web.
 *
 * @example
 * ctx.headers.get("Accept");
 * for (const [name, value] of ctx.headers) console.log(name, value);
 */
export class RequestHeaders implements Iterable<readonly [name: string, value: string]> {
  readonly #source: FieldSource;

  constructor(source: FieldSource) {
    this.#source = source;
  }

  /**
   * The value; several lines of one name joined by ", " (cookies by "; "). Null when there is none.
   */
  get(name: string): string | null {
    const key = name.toLowerCase();
    const first = this.#source.fieldValue(key, 0);
    if (first === undefined) return null;
    let joined = first;
    for (let nth = 1; ; nth++) {
      const next = this.#source.fieldValue(key, nth);
      if (next === undefined) return joined;
      joined += (key === "cookie" ? "; " : ", ") + next;
    }
  }

  /** Every line of this name, in the order in which they were sent. */
  getAll(name: string): string[] {
    const key = name.toLowerCase();
    const values: string[] = [];
    for (let nth = 0; ; nth++) {
      const value = this.#source.fieldValue(key, nth);
      if (value === undefined) return values;
      values.push(value);
    }
  }

  has(name: string): boolean {
    return this.#source.fieldValue(name.toLowerCase(), 0) !== undefined;
  }

  /** All lines as sent, repeated names each for itself, names in lower case. */
  entries(): IterableIterator<readonly [name: string, value: string]> {
    return this.#source.fieldLines()[Symbol.iterator]();
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  forEach(callback: (value: string, name: string, headers: RequestHeaders) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    return this.entries();
  }

  /** As an object without prototype, several lines of one name joined as `get` does. */
  toJSON(): Record<string, string> {
    const fields: Record<string, string> = Object.create(null);
    for (const name of this.keys()) fields[name] ??= this.get(name)!;
    return fields;
  }
}
