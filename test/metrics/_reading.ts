/** The metrics of a server, by name and labels. */
type Labels = Readonly<Record<string, string>>;

interface Line {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export class Reading {
  readonly text: string;
  readonly lines: readonly Line[];

  constructor(text: string) {
    this.text = text;
    this.lines = text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map(lineOf);
  }

  static async of(url: string): Promise<Reading> {
    return new Reading(await (await fetch(new URL("/metrics", url))).text());
  }

  /** One sample; NaN when there is none. */
  value(name: string, labels: Labels = {}): number {
    const found = this.lines.find((line) => line.name === name && same(line.labels, labels));
    return found?.value ?? Number.NaN;
  }
}

function lineOf(text: string): Line {
  const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(text) ?? [];
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = "", content = ""]) => [label, content])),
    value: Number(value.replace("Inf", "Infinity")),
  };
}

function same(one: Labels, other: Labels): boolean {
  const names = Object.keys(one);
  const equal = names.every((name) => one[name] === other[name]);
  return equal && names.length === Object.keys(other).length;
}
