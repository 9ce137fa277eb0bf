/**
 * Answers of routes with a `response` schema. Keys that the schema does not name are left out, so
 * that no field of a database row escapes by accident; in development answers are checked too.
 * `JSON.stringify` writes them: code that was compiled from the schema to write JSON takes two and
 * a half times as long for a list (`bench/micro/schemas.ts`).
 */
import { PreparedAnswer } from "../answer.ts";
import { ChopinError } from "../errors.ts";
import { kind } from "../native/abi.ts";
import type { RequestContext } from "../request-context.ts";
import { compileTypeBox, validatorOf } from "./compile.ts";
import { type Finding, Refusal } from "./finding.ts";
import { isTypeBox } from "./node.ts";
import type { Responses, Schema } from "./types.ts";

/** What becomes of a body of one status; it may refuse, now or later. */
type Rule = (body: unknown) => unknown;

/** Statuses of answers without content (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
export const bodiless: readonly number[] = [204, 205, 304];

export class AnswerRules {
  readonly #byStatus: ReadonlyMap<number, Rule>;
  /** Of a schema alone: it is that of every success. */
  readonly #success: Rule | undefined;
  /** Method, path and place of the route. */
  readonly #route: string;

  /** @throws ChopinError `invalid_route` for a schema that cannot be compiled. */
  constructor(responses: NonNullable<Responses>, development: boolean, route: string) {
    this.#route = route;
    const schemas = schemasByStatus(responses);
    const { success, byStatus } = schemas;
    this.#success = success === undefined ? undefined : ruleOf(success, development);
    this.#byStatus = new Map(
      [...byStatus].map(([status, schema]) => [status, ruleOf(schema, development)]),
    );
  }

  /** The answer that a handler gave, or its promise, as its schema wants it. */
  finish(ctx: RequestContext, value: unknown): unknown {
    if (!(value instanceof Promise)) return this.#apply(ctx, value);
    // An async handler that awaited nothing is answered in the batch that brought the request.
    if (Bun.peek.status(value) === "fulfilled") return this.#apply(ctx, Bun.peek(value));
    return value.then((settled) => this.#apply(ctx, settled));
  }

  #apply(ctx: RequestContext, value: unknown): unknown {
    if (value instanceof PreparedAnswer) {
      if (value.kind !== kind.json && value.kind !== kind.text) return value;
      const rule = this.#ruleFor(value.statusOver(ctx));
      if (rule === undefined) return value;
      const answer = value.bind(ctx);
      const give = (body: unknown): PreparedAnswer => {
        // As it is when nothing was left out: a string that is sent as JSON stays JSON.
        if (body !== answer.body) answer.body = body;
        return answer;
      };
      return this.#ruled(rule, answer.body, give);
    }
    if (!isBody(value)) return value;
    const empty = value === undefined || value === null;
    const status = ctx.draftStatus || (empty ? 204 : 200);
    const rule = empty && bodiless.includes(status) ? undefined : this.#ruleFor(status);
    return rule === undefined ? value : this.#ruled(rule, value, (body) => body);
  }

  #ruleFor(status: number): Rule | undefined {
    const rule = this.#byStatus.get(status);
    return rule === undefined && status >= 200 && status < 300 ? this.#success : rule;
  }

  #ruled<Result>(rule: Rule, body: unknown, give: (body: unknown) => Result): unknown {
    const ruled = rule(body);
    if (ruled instanceof Promise) return ruled.then((value) => give(this.#checked(value)));
    return give(this.#checked(ruled));
  }

  #checked(value: unknown): unknown {
    if (!(value instanceof Refusal)) return value;
    const wrong = value.findings.map(textOf).join("; ");
    throw new ChopinError(
      "invalid_answer",
      `The answer of ${this.#route} does not fit its response schema: ${wrong}.`,
    );
  }
}

/** Schemas of a `response` option: by status, or one for every success. */
export function schemasByStatus(responses: NonNullable<Responses>): {
  readonly success: Schema | undefined;
  readonly byStatus: ReadonlyMap<number, Schema>;
} {
  const alone = isTypeBox(responses) || "~standard" in responses;
  if (alone) return { success: responses as unknown as Schema, byStatus: new Map() };
  const byStatus = new Map<number, Schema>();
  for (const [status, schema] of Object.entries(responses)) {
    if (!/^[2-5]\d\d$/.test(status)) {
      throw new ChopinError("invalid_route", `a response has a status from 200 to 599: ${status}`);
    }
    if (schema !== null) byStatus.set(Number(status), schema as Schema);
  }
  return { success: undefined, byStatus };
}

function ruleOf(schema: Schema, development: boolean): Rule {
  // Other libraries leave keys out only by validating.
  if (!isTypeBox(schema)) return validatorOf(schema, "answer");
  const { shape, check, explainer } = compileTypeBox(schema, "answer");
  const shaped: Rule = shape ?? ((body) => body);
  if (!development) return shaped;
  return (body) => {
    const plain = withoutMethods(body);
    return check(plain) ? shaped(body) : new Refusal(explainer.explain(plain));
  };
}

/** What JSON makes of an object that says so itself. */
function withoutMethods(body: unknown): unknown {
  const own = body as { readonly toJSON?: unknown } | null | undefined;
  if (typeof own !== "object" || own === null || typeof own.toJSON !== "function") return body;
  return own instanceof Date ? own : own.toJSON();
}

/** Whether a handler's value is sent as text or JSON, and not in a form of its own. */
function isBody(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype || prototype === null) {
    return true;
  }
  return !isSpecial(value);
}

function isSpecial(value: object): boolean {
  return (
    value instanceof Response ||
    value instanceof Error ||
    value instanceof Blob ||
    value instanceof FormData ||
    value instanceof URLSearchParams ||
    value instanceof ReadableStream ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    Symbol.asyncIterator in value
  );
}

function textOf({ at, fault }: Finding): string {
  const pointer = at + fault.pointer;
  return pointer === "" ? `the body ${fault.message}` : `${pointer} ${fault.message}`;
}
