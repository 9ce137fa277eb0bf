/** Tokens in Authorization (RFC 6750). */
import { HTTPError } from "../errors.ts";
import { credentialsOf, equalFingerprints, fingerprint } from "./support/credentials.ts";
import { type AnyContext, type AnyMiddleware, whenReady } from "./support/middleware.ts";
import { checkOptions, invalidOption, quoted } from "./support/options.ts";

/** Options of `bearerAuth`: either `tokens` or `verify`. */
export interface BearerAuthOptions {
  /** Tokens that count. They are compared in constant time. */
  readonly tokens?: readonly string[];
  /**
   * Says what a token stands for: claims, a user, or true. False, null and undefined refuse it,
   * `insufficientScope` says that it does not reach that far.
   */
  readonly verify?: (token: string, ctx: AnyContext) => unknown;
  /** What the token is for; none unless told. */
  readonly realm?: string;
}

/** State of `bearerAuth`; `Claims` is what `verify` gives. */
export interface BearerAuthState<Claims = unknown> {
  bearer: Claims;
}

/** What `verify` returns for a token that counts, but not for this. */
export interface InsufficientScope {
  readonly insufficientScope: string;
}

/** RFC 6750 2.1. */
const tokenText = /^[A-Za-z0-9\-._~+/]+=*$/;
/** RFC 6750 3: scope tokens between single spaces. */
const scopeText = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

const scopes = new WeakSet<object>();

/**
 * Makes `verify` refuse with 403 `insufficient_scope`, naming the scope that is needed.
 *
 * @throws ChopinError `invalid_option` for what is no scope.
 * @example
 * verify: (token) => (mayWrite(token) ? claimsOf(token) : insufficientScope("orders:write"))
 */
export function insufficientScope(scope: string): InsufficientScope {
  if (typeof scope !== "string" || !scopeText.test(scope)) {
    throw invalidOption("insufficientScope", `${JSON.stringify(scope)} is no scope`);
  }
  const refusal = { insufficientScope: scope };
  scopes.add(refusal);
  return refusal;
}

/**
 * Asks for a token. Without one the answer is 401 `unauthorized`, with a wrong one 401
 * `invalid_token`, with a malformed field 400 `invalid_request`, with one of too little scope 403
 * `insufficient_scope`. What `verify` gave is `ctx.state.bearer`.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const app = new Chopin<BearerAuthState<User>>();
 * app.layerPath("/api", bearerAuth({ verify: (token) => users.byToken(token) }));
 */
export function bearerAuth(options: BearerAuthOptions): AnyMiddleware {
  checkOptions("bearerAuth", options, ["tokens", "verify", "realm"]);
  const { tokens, verify } = options;
  if ((tokens === undefined) === (verify === undefined)) {
    throw invalidOption("bearerAuth", "there is either tokens or verify");
  }
  if (verify !== undefined && typeof verify !== "function") {
    throw invalidOption("bearerAuth", "verify is a function");
  }
  const accepts = verify ?? listed(tokens ?? []);
  const refuse = refusal(options.realm);
  return (ctx, next) => {
    const token = credentialsOf(ctx, "bearer");
    if (token === undefined) return refuse(ctx, 401, "unauthorized");
    if (!tokenText.test(token)) return refuse(ctx, 400, "invalid_request");
    return whenReady(accepts(token, ctx), (claims) => {
      if (claims === undefined || claims === null || claims === false) {
        return refuse(ctx, 401, "invalid_token");
      }
      if (typeof claims === "object" && scopes.has(claims)) {
        const scope = (claims as InsufficientScope).insufficientScope;
        return refuse(ctx, 403, "insufficient_scope", scope);
      }
      (ctx.state as BearerAuthState).bearer = claims;
      return next();
    });
  };
}

/** The challenges of RFC 6750 3; who sent no token is not told of an error (3.1). */
function refusal(realm: string | undefined) {
  const named = realm === undefined ? "" : ` realm=${quoted("bearerAuth", "realm", realm)}`;
  return (ctx: AnyContext, status: number, code: string, scope?: string): never => {
    let challenge = `Bearer${named}`;
    if (code !== "unauthorized") challenge += `${named === "" ? "" : ","} error="${code}"`;
    if (scope !== undefined) challenge += `, scope="${scope}"`;
    ctx.header("WWW-Authenticate", challenge, { append: true });
    throw new HTTPError(status, code);
  };
}

/** Every token is compared, found or not. */
function listed(tokens: readonly string[]): (token: string) => boolean {
  if (!Array.isArray(tokens) || tokens.length === 0) {
    throw invalidOption("bearerAuth", "tokens is a list that is not empty");
  }
  const known = tokens.map((token) => {
    if (typeof token !== "string" || !tokenText.test(token)) {
      throw invalidOption("bearerAuth", "a token has letters, digits and -._~+/ only");
    }
    return fingerprint(token);
  });
  return (token) => {
    const given = fingerprint(token);
    let found = false;
    for (const one of known) found = equalFingerprints(one, given) || found;
    return found;
  };
}
