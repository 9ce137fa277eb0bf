/**
 * Says what is wrong with a value that a schema refused, field by field. A client that sends wrong
 * values must not cost more than one that sends right ones, so that what does not depend on the
 * value is prepared, and the time is in proportion to the value however deep it is.
 */
import { type Finding, faultOf, findingsMax, pointerTo } from "./finding.ts";
import type { SchemaNode } from "./node.ts";
import { type Place, type Plan, Plans, type Variants } from "./plan.ts";
import type { CheckOf } from "./shape.ts";

const unknown = faultOf("", "is not known");

export class Explainer {
  readonly #plans: Plans;

  /** `definitions` are the schemas that references lead to, by `$id`. */
  constructor(schema: SchemaNode, checkOf: CheckOf, definitions: ReadonlyMap<string, SchemaNode>) {
    this.#plans = new Plans(schema, checkOf, definitions);
  }

  /** Of a value that does not fit: at most `findingsMax` findings, and at least one. */
  explain(value: unknown): Finding[] {
    const found: Finding[] = [];
    this.#say(this.#plans.at(this.#plans.root), value, "", found);
    return found;
  }

  #visit(place: Place, value: unknown, at: string, found: Finding[]): void {
    const plan = this.#plans.at(place);
    const start = place.isReference ? at + place.pointer : at;
    if (plan.isRecursive || !plan.check(value)) this.#say(plan, value, start, found);
  }

  /** Pointers of the plan begin behind `at`. Unless it is recursive, the value does not fit. */
  #say(plan: Plan, value: unknown, at: string, found: Finding[]): void {
    const before = found.length;
    if (typeof value === "object" && value !== null) {
      if (Array.isArray(value)) this.#visitItems(plan, value, at, found);
      else this.#visitKeys(plan, value as Record<string, unknown>, at, found);
    }
    // Nothing below is wrong: then it is the value itself, if anything.
    if (found.length > before || (plan.isRecursive && plan.check(value))) return;
    found.push({ at, fault: plan.fault });
  }

  #visitItems(
    { fault, item, members }: Plan,
    values: readonly unknown[],
    at: string,
    found: Finding[],
  ): void {
    for (let index = 0; index < values.length && found.length < findingsMax; index++) {
      const place = item ?? members?.[index];
      if (place === undefined) return;
      const start = item === undefined ? at : `${at}${fault.pointer}/${index}`;
      this.#visit(place, values[index], start, found);
    }
  }

  #visitKeys(
    { fault, known, properties, variants }: Plan,
    value: Readonly<Record<string, unknown>>,
    at: string,
    found: Finding[],
  ): void {
    if (variants !== undefined) this.#visitVariants(variants, value, at, found);
    if (properties === undefined) return;
    for (const { name, place, missing } of properties) {
      if (found.length >= findingsMax) return;
      const own = Object.hasOwn(value, name) ? value[name] : undefined;
      if (own !== undefined) this.#visit(place, own, at, found);
      else if (missing !== undefined) found.push({ at, fault: missing });
    }
    if (known === undefined) return;
    for (const name of Object.keys(value)) {
      if (known.has(name)) continue;
      if (found.length >= findingsMax) return;
      found.push({ at: at + fault.pointer + pointerTo(name), fault: unknown });
    }
  }

  /** Only the variant that the value says it is. */
  #visitVariants(
    { tag, tags, places, fault }: Variants,
    value: Readonly<Record<string, unknown>>,
    at: string,
    found: Finding[],
  ): void {
    const place = places[tags.indexOf(value[tag])];
    if (place === undefined) found.push({ at, fault });
    else this.#visit(place, value, at, found);
  }
}
