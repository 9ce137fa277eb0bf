/** Cross-origin requests: which other sites' pages may read answers (Fetch standard, 3.3). */
import { isToken } from "../answer-fields.ts";
import { addVary } from "./support/answer-head.ts";
import { type AnyContext, type AnyMiddleware, after, whenReady } from "./support/middleware.ts";
import {
  checkFlag,
  checkOptions,
  checkTokens,
  checkWhole,
  invalidOption,
} from "./support/options.ts";

/** An origin such as "https://example.com", or a pattern that matches a whole origin. */
export type CorsOrigin = string | RegExp;

/** Options of `cors`. */
export interface CorsOptions {
  /**
   * Who may read answers: "*" (unless told) is everyone, without credentials. A list, patterns or
   * a function allow single origins. A pattern has to match the whole origin, so that
   * `/https:\/\/example\.com/` does not let `https://example.com.evil.test` in.
   */
  readonly origin?:
    | CorsOrigin
    | readonly CorsOrigin[]
    | ((origin: string, ctx: AnyContext) => boolean | Promise<boolean>);
  /** Cookies and other credentials may be sent; not with origin "*". False unless told. */
  readonly credentials?: boolean;
  /** Methods beyond the simple ones; GET, HEAD, PUT, PATCH, POST and DELETE unless told. */
  readonly methods?: readonly string[];
  /** Request fields that may be sent; those that a preflight asks for unless told. */
  readonly allowedHeaders?: readonly string[];
  /** Answer fields that pages may read beyond the safelisted ones; none unless told. */
  readonly exposedHeaders?: readonly string[];
  /**
   * Seconds for which a browser keeps the answer to a preflight: 600 unless told, which saves
   * most of them and soon forgets a wrong setting. Browsers cut it at 7,200 or 86,400.
   */
  readonly maxAgeSeconds?: number;
  /** Pages of public sites may reach this server in a private network. False unless told. */
  readonly privateNetwork?: boolean;
}

const methodsDefault = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"];
const maxAgeDefault = 600;
/** A day, the most that any browser keeps a preflight for. */
const maxAgeMost = 86_400;

/** How one origin is judged: the same answer for all, or by the origin. */
type Judge =
  | { readonly fixed: string }
  | { readonly allows: (origin: string, ctx: AnyContext) => boolean | Promise<boolean> };

/**
 * Lets pages of other origins read answers, and answers their preflights with 204. Register it
 * before authentication: preflights carry no credentials.
 *
 * @throws ChopinError `invalid_option`, also for "*" together with credentials.
 * @example
 * app.layer(cors({ origin: ["https://example.com"], credentials: true }));
 */
export function cors(options: CorsOptions = {}): AnyMiddleware {
  checkCorsOptions(options);
  const { origin = "*", credentials = false, exposedHeaders = [] } = options;
  const judge = judgeOf(origin);
  const dynamic = !("fixed" in judge);
  const preflight = preflightOf(options, dynamic);
  const exposed = exposedHeaders.join(", ");

  const judged = (ctx: AnyContext, sent: string | undefined) => {
    if ("fixed" in judge) return judge.fixed;
    if (sent === undefined) return undefined;
    return whenReady(judge.allows(sent, ctx), (allowed) => (allowed === true ? sent : undefined));
  };
  return (ctx, next) => {
    const sent = ctx.header("origin");
    const allowed = judged(ctx, sent);
    const wanted =
      ctx.method === "OPTIONS" && sent !== undefined
        ? ctx.header("access-control-request-method")
        : undefined;
    if (wanted !== undefined) {
      return whenReady(allowed, (granted) => preflight(ctx, granted));
    }
    return whenReady(allowed, (granted) =>
      after(next(), (answer) => {
        if (dynamic) addVary(ctx, answer, "Origin");
        if (granted === undefined) return;
        answer.headers.set("Access-Control-Allow-Origin", granted);
        if (credentials) answer.headers.set("Access-Control-Allow-Credentials", "true");
        if (exposed !== "") answer.headers.set("Access-Control-Expose-Headers", exposed);
      }),
    );
  };
}

/** Answers preflights. A refused origin gets 204 too, but without a grant: the browser refuses. */
function preflightOf(
  options: CorsOptions,
  dynamic: boolean,
): (ctx: AnyContext, granted: string | undefined) => null {
  const { allowedHeaders, credentials = false, privateNetwork = false } = options;
  const methods = (options.methods ?? methodsDefault).join(", ");
  const maxAge = String(options.maxAgeSeconds ?? maxAgeDefault);
  const vary = [
    ...(dynamic ? ["Origin"] : []),
    ...(allowedHeaders === undefined ? ["Access-Control-Request-Headers"] : []),
    ...(privateNetwork ? ["Access-Control-Request-Private-Network"] : []),
  ].join(", ");
  return (ctx, granted) => {
    if (vary !== "") ctx.header("Vary", vary, { append: true });
    ctx.status(204);
    if (granted === undefined) return null;
    ctx.header("Access-Control-Allow-Origin", granted);
    ctx.header("Access-Control-Allow-Methods", methods);
    ctx.header("Access-Control-Max-Age", maxAge);
    if (credentials) ctx.header("Access-Control-Allow-Credentials", "true");
    const fields = allowedHeaders?.join(", ") ?? requestedFields(ctx);
    if (fields !== "") ctx.header("Access-Control-Allow-Headers", fields);
    if (privateNetwork && ctx.header("access-control-request-private-network") === "true") {
      ctx.header("Access-Control-Allow-Private-Network", "true");
    }
    return null;
  };
}

/** The fields that a preflight asks for; "" when they are no list of names. */
function requestedFields(ctx: AnyContext): string {
  const asked = ctx.header("access-control-request-headers") ?? "";
  const names = asked.split(",").map((name) => name.trim());
  return names.every(isToken) ? names.join(", ") : "";
}

function judgeOf(origin: NonNullable<CorsOptions["origin"]>): Judge {
  if (origin === "*") return { fixed: "*" };
  if (typeof origin === "function") return { allows: origin };
  // The same for everyone, so that a cache needs no Vary (Fetch standard, 3.3.5).
  if (typeof origin === "string") return { fixed: checkOrigin(origin) };
  const rules = Array.isArray(origin) ? (origin as readonly CorsOrigin[]) : [origin as RegExp];
  if (rules.length === 0) throw invalidOption("cors", "origin is an empty list, nobody is allowed");
  const names = new Set<string>();
  const patterns: RegExp[] = [];
  for (const rule of rules) {
    if (rule instanceof RegExp) patterns.push(wholePattern(rule));
    else names.add(checkOrigin(rule));
  }
  return { allows: (sent) => names.has(sent) || patterns.some((pattern) => pattern.test(sent)) };
}

/** Without `g` and `y`, which would make `test` remember the last match. */
function wholePattern(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replaceAll(/[gmy]/g, ""));
}

function checkOrigin(origin: string): string {
  const given = JSON.stringify(origin);
  if (typeof origin !== "string" || origin === "*") {
    throw invalidOption("cors", `origin ${given} is allowed alone only, not in a list`);
  }
  const plain = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s@]+$/.test(origin);
  const parsed = URL.canParse(origin) ? new URL(origin).origin : "null";
  if (!plain || (parsed !== "null" && parsed !== origin)) {
    throw invalidOption(
      "cors",
      `origin is as browsers send it, such as "https://example.com" without a path, not ${given}`,
    );
  }
  return origin;
}

function checkCorsOptions(options: CorsOptions): void {
  checkOptions("cors", options, [
    "origin",
    "credentials",
    "methods",
    "allowedHeaders",
    "exposedHeaders",
    "maxAgeSeconds",
    "privateNetwork",
  ]);
  for (const name of ["credentials", "privateNetwork"] as const) {
    checkFlag("cors", name, options[name] ?? false);
  }
  for (const name of ["methods", "allowedHeaders", "exposedHeaders"] as const) {
    const list = checkTokens("cors", name, options[name] ?? []);
    // With credentials a browser takes "*" as a name, not as all names (Fetch standard, 3.3.5).
    if (options.credentials === true && list.includes("*")) {
      throw invalidOption("cors", `${name} "*" means nothing with credentials: name them`);
    }
  }
  if (options.credentials === true && (options.origin ?? "*") === "*") {
    throw invalidOption("cors", 'origin "*" is refused with credentials: name the origins');
  }
  checkWhole("cors", "maxAgeSeconds", options.maxAgeSeconds ?? maxAgeDefault, 0, maxAgeMost);
}
