/**
 * Source text of functions of one value, the constants that they use, and what they call. Filled by
 * `shape.ts`.
 */

export class Source {
  readonly #lines: string[] = [];
  readonly #constants: unknown[] = [];
  #names = 0;

  /** The function of a name, with all that it calls. */
  compile(name: string): (value: unknown) => unknown {
    const text = `"use strict";\n${this.#lines.join("\n")}\nreturn ${name};`;
    return new Function("constants", text)(this.#constants) as (value: unknown) => unknown;
  }

  /** Adds a function of `v`; its name. */
  add(lines: readonly string[], name = this.name()): string {
    this.#lines.push(`function ${name}(v) {\n${lines.join("\n")}\n}`);
    return name;
  }

  /** The name under which functions see a value. */
  constant(value: unknown): string {
    const at = this.#constants.push(value) - 1;
    this.#lines.push(`const c${at} = constants[${at}];`);
    return `c${at}`;
  }

  /** A name that no function has yet. */
  name(): string {
    this.#names++;
    return `shape${this.#names}`;
  }
}

/** Copies the keys that no property names; `__proto__` as a key like all others. */
export function copyRest(
  target: Record<string, unknown>,
  source: Record<string, unknown>,
  taken: ReadonlySet<string>,
  shape: ((value: unknown) => unknown) | undefined,
): void {
  for (const key of Object.keys(source)) {
    if (taken.has(key)) continue;
    const value = shape === undefined ? source[key] : shape(source[key]);
    if (key !== "__proto__") target[key] = value;
    else
      Object.defineProperty(target, key, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
}
