/**
 * The step of a route whose options have schemas or extractors: extracts, validates, calls the
 * handler, finishes its answer. Loaded by `compile.ts` with the first such route.
 */
import { nearest, type Scope, type Step } from "../compose.ts";
import { ChopinError } from "../errors.ts";
import type { RequestContext } from "../request-context.ts";
import { captureNames, type RouteDeclaration } from "../route.ts";
import { AnswerRules } from "./answers.ts";
import { Extraction, extractedQueryNames, inOrder } from "./extraction.ts";
import { ValidationError } from "./issue.ts";
import { isOptional } from "./node.ts";
import { type PartSchemas, Parts, propertiesOf, queryNamesOf } from "./parts.ts";

/** A handler, called with what the extractors found. */
export type ExtractedStep = (ctx: RequestContext, extracted: unknown) => unknown;

/** A route and where it stands. */
export interface PlacedRoute {
  readonly declaration: RouteDeclaration;
  readonly path: string;
  readonly scope: Scope;
}

/**
 * The step around a handler.
 *
 * @throws ChopinError `invalid_route` with the route's place for what cannot be compiled.
 */
export function schemaStep(route: PlacedRoute, handler: ExtractedStep): Step {
  const { declaration, path, scope } = route;
  const named = `${declaration.method} ${path} (${declaration.place})`;
  try {
    const step = compileStep(route, named, handler);
    const hook = nearest(scope, "onInvalid");
    return hook === undefined ? step : withHook(step, hook);
  } catch (error) {
    if (!(error instanceof ChopinError)) throw error;
    throw new ChopinError(error.code, `${named}: ${error.message}.`, { cause: error });
  }
}

function compileStep(route: PlacedRoute, named: string, handler: ExtractedStep): Step {
  const { options } = route.declaration;
  for (const schemas of [options, ...inOrder(options.extract).map((one) => one.options)]) {
    checkCaptures(route.path, schemas);
  }
  const queryNames = [...queryNamesOf(options), ...extractedQueryNames(options.extract)];
  const parts = new Parts(options, queryNames);
  const rules =
    options.response === undefined
      ? undefined
      : new AnswerRules(options.response, route.scope.development, named);
  const answer = (ctx: RequestContext, extracted: unknown): unknown =>
    parts.take(ctx, (values) => {
      parts.give(ctx, values);
      const value = handler(ctx, extracted);
      return rules === undefined ? value : rules.finish(ctx, value);
    });
  if (options.extract === undefined) return (ctx) => answer(ctx, noExtracts);
  const extraction = new Extraction(options.extract, queryNames);
  return (ctx) => {
    const extracted = extraction.run(ctx);
    if (!(extracted instanceof Promise)) return answer(ctx, extracted);
    return extracted.then((found: unknown) => answer(ctx, found));
  };
}

const noExtracts = Object.freeze({});

/** A schema that asks for a capture that the path does not have would refuse every request. */
function checkCaptures(path: string, { params }: PartSchemas): void {
  const { names } = captureNames(path);
  for (const [name, node] of Object.entries(propertiesOf(params) ?? {})) {
    if (names.includes(name) || isOptional(node) || node.default !== undefined) continue;
    throw new ChopinError(
      "invalid_route",
      `the schema of params asks for ${name}, the path has none`,
    );
  }
}

/** Lets `onInvalid` answer for requests that do not fit. */
function withHook(step: Step, hook: NonNullable<Scope["onInvalid"]>): Step {
  const answerFor = (ctx: RequestContext, error: unknown): unknown => {
    if (!(error instanceof ValidationError)) throw error;
    const drafted = ctx.draftStatus;
    ctx.draftStatus = error.status;
    const orThrow = (value: unknown): unknown => {
      if (value !== undefined) return value;
      ctx.draftStatus = drafted;
      throw error;
    };
    const value = hook(error.issues, ctx);
    return value instanceof Promise ? value.then(orThrow) : orThrow(value);
  };
  return (ctx) => {
    try {
      const value = step(ctx);
      if (!(value instanceof Promise)) return value;
      return value.catch((error: unknown) => answerFor(ctx, error));
    } catch (error) {
      return answerFor(ctx, error);
    }
  };
}
