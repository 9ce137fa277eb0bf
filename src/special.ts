/**
 * The answers for paths and methods without a route, as middleware and `notFound` see them: the
 * same that native code gives by itself where nothing covers the path. Called by `compile.ts`.
 */
import { PreparedAnswer } from "./answer.ts";
import type { Scope, Step } from "./compose.ts";
import type { FlatScope } from "./definition.ts";
import { type ProblemCode, problemBody, problems } from "./errors.ts";
import { kind, special } from "./native/abi.ts";
import { type CoveredRing, type CoveredScope, chainOver, covers, Target } from "./program.ts";
import type { CaptureNames, RequestContext } from "./request-context.ts";

/** The targets for ids of `special`, by id. */
export function specialTargets(
  rings: readonly CoveredRing[],
  scopes: readonly CoveredScope[],
): ReadonlyMap<number, Target> {
  const captures: CaptureNames = { names: [], wildcard: false, route: "" };
  const target = (handlerIn: (scope: FlatScope) => Step): Target =>
    new Target(captures, 0, (coverage) => {
      const scope = innermost(scopes, coverage);
      return chainOver(rings, coverage, [], handlerIn(scope), scope);
    });
  const notFound = specialStep("not_found");
  return new Map([
    [special.notFound, target((scope) => customNotFound(scope) ?? notFound)],
    [special.methodNotAllowed, target(() => specialStep("method_not_allowed"))],
    [special.notImplemented, target(() => specialStep("not_implemented"))],
    [special.options, target(() => optionsStep)],
  ]);
}

/**
 * The handler for unknown paths, with the status that such an answer has unless it says otherwise.
 */
export function customNotFound(scope: FlatScope): Step | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const { notFound } = at;
    if (notFound === undefined) continue;
    return (ctx) => {
      if (ctx.draftStatus === 0) ctx.draftStatus = 404;
      return notFound(ctx);
    };
  }
  return undefined;
}

/** The application with the longest prefix that covers the path. */
function innermost(scopes: readonly CoveredScope[], coverage: number): FlatScope {
  let found = scopes[0]!.scope;
  for (const { scope, bit } of scopes) {
    if (covers(bit, coverage) && scope.prefix.length >= found.prefix.length) found = scope;
  }
  return found;
}

/** The same answer as native code gives, for middleware to see. */
function specialStep(code: ProblemCode): Step {
  const [status] = problems[code];
  const body = problemBody(status, code);
  return (ctx) => {
    const answer = new PreparedAnswer(kind.problem, body, status, undefined);
    if (status === 405) allow(answer, ctx);
    answer.native = true;
    return answer;
  };
}

const optionsStep: Step = (ctx) => {
  const answer = new PreparedAnswer(kind.none, null, 204, undefined);
  allow(answer, ctx);
  answer.native = true;
  return answer;
};

function allow(answer: PreparedAnswer, ctx: RequestContext): void {
  answer.fields = [{ name: "allow", key: "allow", value: ctx.allow, appended: false }];
}
