/** A text as an editor holds it: found places, edits, and where they are by line and column. */

/** Both count from zero; columns are UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What stands between two places is replaced. */
export interface Edit {
  readonly start: Place;
  readonly end: Place;
  readonly text: string;
}

export class Document {
  readonly path: string;
  #text: string;
  #version = 1;

  constructor(path: string, text: string) {
    this.path = path;
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  /** One more with every edit. */
  get version(): number {
    return this.#version;
  }

  /**
   * Where the last of these texts begins.
   *
   * @throws Error where there is none.
   */
  last(text: string): number {
    const at = this.#text.lastIndexOf(text);
    if (at < 0) throw new Error(`${this.path} does not hold ${text}`);
    return at;
  }

  placeOf(offset: number): Place {
    const before = this.#text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    return { line: before.split("\n").length - 1, column: offset - lineStart };
  }

  /** The edit that a server is told of; it has been made here already. */
  replace(offset: number, length: number, text: string): Edit {
    const edit = { start: this.placeOf(offset), end: this.placeOf(offset + length), text };
    this.#text = this.#text.slice(0, offset) + text + this.#text.slice(offset + length);
    this.#version += 1;
    return edit;
  }
}
