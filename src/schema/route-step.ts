/**
 * The step of a route whose options have schemas or extractors: extracts, validates, calls the
 * handler, finishes its answer. Loaded by `compile.ts` with the first such route.
 */
import { failed, nearest, type Scope, type Step } from "../compose.ts";
import { ChopinError } from "../errors.ts";
import { Refused } from "../refused.ts";
import type { RequestContext } from "../request-context.ts";
import { captureNames, type RouteDeclaration } from "../route.ts";
import { AnswerRules } from "./answers.ts";
import { Extraction, extractedQueryNames, inOrder } from "./extraction.ts";
import { ValidationError } from "./issue.ts";
import { Misfit } from "./misfit.ts";
import { isOptional } from "./node.ts";
import { type PartSchemas, Parts, propertiesOf, queryNamesOf, type Taker } from "./parts.ts";

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
  const { declaration, path } = route;
  const named = `${declaration.method} ${path} (${declaration.place})`;
  try {
    return compileStep(route, named, handler);
  } catch (error) {
    if (!(error instanceof ChopinError)) throw error;
    throw new ChopinError(error.code, `${named}: ${error.message}.`, { cause: error });
  }
}

function compileStep(
  { declaration, path, scope }: PlacedRoute,
  named: string,
  handler: ExtractedStep,
): Step {
  const { options } = declaration;
  const { extract, response } = options;
  for (const schemas of [options, ...inOrder(extract).map((one) => one.options)]) {
    checkCaptures(path, schemas);
  }
  const queryNames = [...queryNamesOf(options), ...extractedQueryNames(extract)];
  const parts = new Parts(options, queryNames);
  const rules =
    response === undefined ? undefined : new AnswerRules(response, scope.development, named);
  const refuse = refuserOf(scope);
  const taker: Taker<unknown> = {
    use: (ctx, values, extracted) => {
      parts.give(ctx, values);
      const value = handler(ctx, extracted);
      return rules === undefined ? value : rules.finish(ctx, value);
    },
    refuse,
  };
  const answer: ExtractedStep = (ctx, extracted) => parts.take(ctx, extracted, taker);
  if (extract === undefined) return (ctx) => answer(ctx, noExtracts);
  return extracting(new Extraction(extract, queryNames), answer, refuse);
}

/** Runs the extractors first; one that does not get its parts refuses for the route. */
function extracting(extraction: Extraction, answer: ExtractedStep, refuse: Refuse): Step {
  const goOn: ExtractedStep = (ctx, found) =>
    found instanceof Refused ? refuse(ctx, found) : answer(ctx, found);
  const caught = (ctx: RequestContext, error: unknown): unknown => {
    if (error instanceof ValidationError) return refuse(ctx, error);
    throw error;
  };
  return (ctx) => {
    let found: unknown;
    try {
      found = extraction.run(ctx);
    } catch (error) {
      return caught(ctx, error);
    }
    if (!(found instanceof Promise)) return goOn(ctx, found);
    return found.then(
      (value: unknown) => goOn(ctx, value),
      (error: unknown) => caught(ctx, error),
    );
  };
}

type Refuse = (ctx: RequestContext, refused: Refused | ValidationError) => unknown;

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

/** Who answers a request that does not fit: `onInvalid`, or who answers for all errors. */
function refuserOf(scope: Scope): Refuse {
  const usual: Refuse = (ctx, refused) => failed(ctx, refused, scope);
  const hook = nearest(scope, "onInvalid");
  if (hook === undefined) return usual;
  return (ctx, refused) => {
    if (!(refused instanceof Misfit || refused instanceof ValidationError)) {
      return usual(ctx, refused);
    }
    const drafted = ctx.draftStatus;
    ctx.draftStatus = refused.status;
    const orUsual = (value: unknown): unknown => {
      if (value !== undefined) return value;
      ctx.draftStatus = drafted;
      return usual(ctx, refused);
    };
    const value = hook(refused.issues, ctx);
    return value instanceof Promise ? value.then(orUsual) : orUsual(value);
  };
}
