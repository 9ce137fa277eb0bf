/** The fields of a request whose body a middleware replaced: some are other ones, some are gone. */
import type { FieldSource } from "./headers.ts";

/** Lower-case names and what is there instead; undefined: nothing. */
export type Replacements = Readonly<Record<string, string | undefined>>;

export class ReplacedFields implements FieldSource {
  readonly #source: FieldSource;
  readonly #replacements: Replacements;

  constructor(source: FieldSource, replacements: Replacements) {
    this.#source = source;
    this.#replacements = replacements;
  }

  fieldValue(name: string, nth: number): string | undefined {
    if (!Object.hasOwn(this.#replacements, name)) return this.#source.fieldValue(name, nth);
    return nth === 0 ? this.#replacements[name] : undefined;
  }

  fieldLines(): readonly (readonly [name: string, value: string])[] {
    const kept = this.#source
      .fieldLines()
      .filter(([name]) => !Object.hasOwn(this.#replacements, name));
    const added = Object.entries(this.#replacements).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    return [...kept, ...added];
  }
}
