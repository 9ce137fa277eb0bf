/** Fields that make browsers stricter with what an application sends. */

import { addMissing, fixedFields } from "./support/answer-head.ts";
import { type AnyMiddleware, after } from "./support/middleware.ts";
import { checkFlag, checkOptions, checkWhole, invalidOption } from "./support/options.ts";

/**
 * Directives of a Content-Security-Policy: a list of sources, or true for directives that have
 * none. The source `'nonce'` stands for a fresh nonce, which is `ctx.state.cspNonce`.
 */
export type ContentSecurityPolicy = Readonly<Record<string, readonly string[] | true>>;

/** Options of Strict-Transport-Security (RFC 6797). */
export interface StrictTransportSecurity {
  /** Seconds for which browsers use HTTPS only: 31,536,000 (a year) unless told. */
  readonly maxAgeSeconds?: number;
  /** Hosts below this one too; true unless told. */
  readonly includeSubDomains?: boolean;
  /** Asks for the list in browsers; takes a year and the hosts below. False unless told. */
  readonly preload?: boolean;
}

/** Options of `secureHeaders`. False leaves a field out, a string is its value. */
export interface SecureHeadersOptions {
  /** None unless told: no policy fits every application. */
  readonly contentSecurityPolicy?: ContentSecurityPolicy | false;
  /** A policy that is only reported, to try one out. None unless told. */
  readonly contentSecurityPolicyReportOnly?: ContentSecurityPolicy | false;
  /** Sent over TLS only: browsers ignore it elsewhere (RFC 6797 7.2). A year unless told. */
  readonly strictTransportSecurity?: StrictTransportSecurity | false;
  /** "nosniff" unless told: browsers do not guess another Content-Type. */
  readonly contentTypeOptions?: "nosniff" | false;
  /** "no-referrer" unless told: paths and queries stay here. */
  readonly referrerPolicy?: string | false;
  /** "SAMEORIGIN" unless told: against clickjacking where no CSP says `frame-ancestors`. */
  readonly frameOptions?: "DENY" | "SAMEORIGIN" | false;
  /** "same-origin" unless told: windows of other origins cannot reach ours. */
  readonly crossOriginOpenerPolicy?: string | false;
  /** "same-origin" unless told; say "cross-origin" where other sites may embed what you serve. */
  readonly crossOriginResourcePolicy?: string | false;
  /** None unless told: it keeps a page from embedding what does not ask for it. */
  readonly crossOriginEmbedderPolicy?: string | false;
  /** "?1" unless told: the origin gets a process of its own. */
  readonly originAgentCluster?: "?1" | false;
  /** "none" unless told: PDF readers load nothing from here by themselves. */
  readonly permittedCrossDomainPolicies?: string | false;
  /** Features and who may use them: `{ camera: [], geolocation: ["self"] }`. None unless told. */
  readonly permissionsPolicy?: Readonly<Record<string, readonly string[]>> | false;
}

/** State of `secureHeaders` with a nonce in its policy. */
export interface SecureHeadersState {
  /** For `<script nonce="…">`; fresh for each request. */
  cspNonce: string;
}

const yearSeconds = 31_536_000;
const noncePlaceholder = "'nonce'";

/** Option, field and default of those that have one plain value. */
const plainFields = [
  ["contentTypeOptions", "X-Content-Type-Options", "nosniff"],
  ["referrerPolicy", "Referrer-Policy", "no-referrer"],
  ["frameOptions", "X-Frame-Options", "SAMEORIGIN"],
  ["crossOriginOpenerPolicy", "Cross-Origin-Opener-Policy", "same-origin"],
  ["crossOriginResourcePolicy", "Cross-Origin-Resource-Policy", "same-origin"],
  ["crossOriginEmbedderPolicy", "Cross-Origin-Embedder-Policy", false],
  ["originAgentCluster", "Origin-Agent-Cluster", "?1"],
  ["permittedCrossDomainPolicies", "X-Permitted-Cross-Domain-Policies", "none"],
] as const satisfies readonly (readonly [keyof SecureHeadersOptions, string, string | false])[];

/**
 * Sets the fields of its options on every answer, but for those that the handler set itself.
 * X-XSS-Protection and X-Download-Options are left out: no browser in use obeys them.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * app.layer(secureHeaders({
 *   contentSecurityPolicy: { "default-src": ["'self'"], "script-src": ["'self'", "'nonce'"] },
 * }));
 */
export function secureHeaders(options: SecureHeadersOptions = {}): AnyMiddleware {
  checkOptions("secureHeaders", options, [
    ...plainFields.map(([name]) => name),
    "contentSecurityPolicy",
    "contentSecurityPolicyReportOnly",
    "strictTransportSecurity",
    "permissionsPolicy",
  ]);
  const policies: [name: string, value: string][] = [];
  const pairs: [name: string, value: string][] = [];
  const { contentSecurityPolicy: policy, contentSecurityPolicyReportOnly: reported } = options;
  if (policy) policies.push(["Content-Security-Policy", policyText(policy)]);
  if (reported) policies.push(["Content-Security-Policy-Report-Only", policyText(reported)]);
  for (const [option, name, otherwise] of plainFields) {
    const value = options[option] ?? otherwise;
    if (value === false) continue;
    if (typeof value !== "string" || value === "") {
      throw invalidOption("secureHeaders", `${option} is a text or false`);
    }
    pairs.push([name, value]);
  }
  if (options.permissionsPolicy) {
    pairs.push(["Permissions-Policy", permissionsText(options.permissionsPolicy)]);
  }
  const nonced = policies.some(([, value]) => value.includes(noncePlaceholder));
  const clear = fixedFields(nonced ? pairs : [...policies, ...pairs]);
  const transport = options.strictTransportSecurity;
  const secure =
    transport === false
      ? clear
      : [...clear, ...fixedFields([["Strict-Transport-Security", transportText(transport ?? {})]])];

  return (ctx, next) => {
    const fields = ctx.secure ? secure : clear;
    if (!nonced) return after(next(), (answer) => addMissing(ctx, answer, fields));
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
    (ctx.state as SecureHeadersState).cspNonce = nonce;
    return after(next(), (answer) => {
      addMissing(ctx, answer, fields);
      const source = `'nonce-${nonce}'`;
      const pairsOfPolicies = policies.map(
        ([name, value]) => [name, value.replaceAll(noncePlaceholder, source)] as const,
      );
      addMissing(ctx, answer, fixedFields(pairsOfPolicies));
    });
  };
}

function policyText(policy: ContentSecurityPolicy): string {
  const directives = Object.entries(policy).map(([name, sources]) => {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) {
      throw invalidOption("secureHeaders", `${JSON.stringify(name)} is no directive of a policy`);
    }
    if (sources === true) return name;
    const wrong = Array.isArray(sources)
      ? sources.find((source) => typeof source !== "string" || !/^[\x21-\x7e]+$/.test(source))
      : sources;
    // A semicolon or comma would begin another directive or policy (CSP 3, 2.2).
    if (wrong !== undefined || sources.some((source) => /[;,]/.test(source))) {
      throw invalidOption("secureHeaders", `${name} is true or a list of sources, each a word`);
    }
    return [name, ...sources].join(" ");
  });
  if (directives.length === 0) {
    throw invalidOption("secureHeaders", "a policy without directives allows everything");
  }
  return directives.join("; ");
}

function transportText(options: StrictTransportSecurity): string {
  const name = "secureHeaders";
  checkOptions(name, options, ["maxAgeSeconds", "includeSubDomains", "preload"]);
  const { maxAgeSeconds = yearSeconds, includeSubDomains = true, preload = false } = options;
  checkWhole(name, "maxAgeSeconds", maxAgeSeconds, 0, 10 * yearSeconds);
  checkFlag(name, "includeSubDomains", includeSubDomains);
  checkFlag(name, "preload", preload);
  // What the list of browsers asks of its members.
  if (preload && (maxAgeSeconds < yearSeconds || !includeSubDomains)) {
    throw invalidOption(name, "preload takes includeSubDomains and at least a year");
  }
  const parts = [`max-age=${maxAgeSeconds}`];
  if (includeSubDomains) parts.push("includeSubDomains");
  if (preload) parts.push("preload");
  return parts.join("; ");
}

function permissionsText(policy: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(policy)
    .map(([feature, allowed]) => {
      if (!/^[a-z][a-z0-9-]*$/.test(feature) || !Array.isArray(allowed)) {
        const text = `permissionsPolicy has a list for each feature, not for ${feature}`;
        throw invalidOption("secureHeaders", text);
      }
      if (allowed.length === 1 && allowed[0] === "*") return `${feature}=*`;
      const members = allowed.map((one) => (/^(?:self|src)$/.test(one) ? one : `"${one}"`));
      if (allowed.some((one) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one))) {
        throw invalidOption("secureHeaders", `${feature} is allowed to "*", "self" or origins`);
      }
      return `${feature}=(${members.join(" ")})`;
    })
    .join(", ");
}
