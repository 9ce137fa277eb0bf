/** Runs the extractors of a route, each once for a request, those that others build on first. */
import type { Context } from "../context.ts";
import type { ExtractedParts, Extractor, Extractors } from "../extract.ts";
import { Refused } from "../refused.ts";
import type { RequestContext } from "../request-context.ts";
import { Parts, queryNamesOf, type Taker } from "./parts.ts";
import type { Part } from "./types.ts";

/** What the handler or an extractor gets: names, and where in the list of values each lies. */
type Names = readonly (readonly [name: string, at: number])[];

interface Node {
  readonly extractor: Extractor<unknown>;
  readonly parts: Parts;
  readonly names: Names;
}

type Values = unknown[];
type RunParts = ExtractedParts<Part, Part, Part, Part, Extractors>;

export class Extraction {
  readonly #nodes: readonly Node[];
  readonly #names: Names;

  /** @throws ChopinError `invalid_route` for a schema that cannot be compiled. */
  constructor(extractors: Extractors, queryNames: readonly string[]) {
    const order = inOrder(extractors);
    this.#nodes = order.map((extractor) => ({
      extractor,
      parts: new Parts(extractor.options, queryNames),
      names: namesIn(extractor.options.extract, order),
    }));
    this.#names = namesIn(extractors, order);
  }

  /** What the extractors found, by name; `Refused` by one that does not get its parts. */
  run(ctx: RequestContext): unknown | Refused {
    return this.#from(ctx, [], 0);
  }

  #from(ctx: RequestContext, values: Values, start: number): unknown | Refused {
    for (let at = start; at < this.#nodes.length; at++) {
      const found = runOne(this.#nodes[at]!, ctx, values);
      if (found instanceof Refused) return found;
      if (found instanceof Promise) {
        return found.then((value: unknown) => {
          if (value instanceof Refused) return value;
          values[at] = value;
          return this.#from(ctx, values, at + 1);
        });
      }
      values[at] = found;
    }
    return named(this.#names, values);
  }
}

/** Every extractor once, behind those that it builds on. */
export function inOrder(extractors: Extractors | undefined): Extractor<unknown>[] {
  const order = new Set<Extractor<unknown>>();
  for (const extractor of Object.values(extractors ?? {})) {
    for (const inner of inOrder(extractor.options.extract)) order.add(inner);
    order.add(extractor);
  }
  return [...order];
}

/** Names of the query that the extractors of a route speak of. */
export function extractedQueryNames(extractors: Extractors | undefined): readonly string[] {
  return inOrder(extractors).flatMap(({ options }) => queryNamesOf(options));
}

function runOne(node: Node, ctx: RequestContext, values: Values): unknown {
  return node.parts.take(ctx, { node, values }, oneTaker);
}

const oneTaker: Taker<{ readonly node: Node; readonly values: Values }> = {
  use: (ctx, own, { node, values }) => {
    const given = { ...node.parts.named(own), extracted: named(node.names, values) };
    return node.extractor.run(given as unknown as RunParts, ctx as Context);
  },
  refuse: (_, refused) => refused,
};

function namesIn(extractors: Extractors | undefined, order: readonly unknown[]): Names {
  return Object.entries(extractors ?? {}).map(([name, one]) => [name, order.indexOf(one)]);
}

function named(names: Names, values: Values): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, at] of names) found[name] = values[at];
  return found;
}
