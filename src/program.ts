/**
 * An application compiled for serving: its routes in the native router, its chains composed. Made
 * once by `compile.ts`, read by the dispatch and by `fetch.ts`.
 */
import { compose, type Ring, type Scope, type Step } from "./compose.ts";
import type { FlatScope } from "./definition.ts";
import { ChopinError } from "./errors.ts";
import type { Router } from "./native/router.ts";
import type { CaptureNames } from "./request-context.ts";
import type { Endpoint } from "./websocket/endpoint.ts";

/** A ring and the bit of its prefix in a request's coverage. */
export interface CoveredRing extends Ring {
  readonly bit: number;
}

export interface CoveredScope {
  readonly scope: FlatScope;
  readonly bit: number;
}

/** The bit of what covers every path. */
export const everywhere = -1;

/** Something that requests end at: a route, or the answer for a path or method without one. */
export class Target implements CaptureNames {
  readonly names: readonly string[];
  readonly wildcard: boolean;
  readonly route: string;
  readonly #chainFor: (coverage: number) => Chain;
  readonly #chains = new Map<number, Chain>();
  #lastCoverage: number;
  #lastChain: Chain;

  constructor(captures: CaptureNames, coverage: number, chainFor: (coverage: number) => Chain) {
    this.names = captures.names;
    this.wildcard = captures.wildcard;
    this.route = captures.route;
    this.#chainFor = chainFor;
    this.#lastCoverage = coverage;
    this.#lastChain = chainFor(coverage);
    this.#chains.set(coverage, this.#lastChain);
  }

  /**
   * What runs for a request that these prefixes cover. Few sets of prefixes exist, so all are kept.
   */
  chain(coverage: number): Chain {
    if (coverage === this.#lastCoverage) return this.#lastChain;
    let chain = this.#chains.get(coverage);
    if (chain === undefined) {
      chain = this.#chainFor(coverage);
      this.#chains.set(coverage, chain);
    }
    this.#lastCoverage = coverage;
    this.#lastChain = chain;
    return chain;
  }
}

/** A composed chain, or a handler alone; and who answers for its errors. */
export interface Chain {
  readonly step: Step;
  readonly scope: Scope;
}

export class Program {
  readonly router: Router;
  readonly targets: readonly Target[];
  /** Method and path of each target. */
  readonly names: readonly string[];
  /** By path: `bun --hot` brings new ones to WebSockets that are open. */
  readonly websockets = new Map<string, Endpoint>();
  readonly #specials: ReadonlyMap<number, Target>;

  constructor(
    router: Router,
    targets: readonly Target[],
    specials: ReadonlyMap<number, Target>,
    names: readonly string[],
  ) {
    this.router = router;
    this.targets = targets;
    this.names = names;
    this.#specials = specials;
  }

  /** Where the router sent a request; `handler` is an index or one of `special`. */
  target(handler: number): Target {
    const target = this.targets[handler] ?? this.#specials.get(handler);
    if (target === undefined) {
      throw new ChopinError(
        "native_failure",
        `The router named a handler that does not exist: ${handler}.`,
      );
    }
    return target;
  }
}

/** The chain for one coverage: the rings that cover it, then the route's own, then its handler. */
export function chainOver(
  rings: readonly CoveredRing[],
  coverage: number,
  own: readonly Ring[],
  handler: Step,
  scope: Scope,
): Chain {
  const around = [...rings.filter((ring) => covers(ring.bit, coverage)), ...own];
  return { step: around.length === 0 ? handler : compose(around, handler, scope), scope };
}

export function covers(bit: number, coverage: number): boolean {
  return bit === everywhere || ((coverage >>> bit) & 1) === 1;
}
