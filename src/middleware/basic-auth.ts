/** User names and passwords that a browser asks for (RFC 7617). */
import { HTTPError } from "../errors.ts";
import { credentialsOf, equalFingerprints, fingerprint } from "./support/credentials.ts";
import { type AnyContext, type AnyMiddleware, whenReady } from "./support/middleware.ts";
import { checkOptions, invalidOption, quoted } from "./support/options.ts";

/** One who may come. */
export interface BasicAuthUser {
  readonly username: string;
  readonly password: string;
}

/** Options of `basicAuth`: either `users` or `verify`. */
export interface BasicAuthOptions {
  /** Those who may come. They are compared in constant time. */
  readonly users?: readonly BasicAuthUser[];
  /** Says whether these may come, for example with `Bun.password.verify`. */
  readonly verify?: (
    username: string,
    password: string,
    ctx: AnyContext,
  ) => boolean | Promise<boolean>;
  /** What the client is told the password is for; "Restricted" unless told. */
  readonly realm?: string;
}

/** State of `basicAuth`. */
export interface BasicAuthState {
  /** Who came in. */
  username: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Asks for a name and a password; who has none that count gets 401 `unauthorized`. Use it over TLS
 * only: the password is readable.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const users = [{ username: "kim", password: "correct horse" }];
 * app.layerPath("/admin", basicAuth({ users, realm: "Admin" }));
 */
export function basicAuth(options: BasicAuthOptions): AnyMiddleware {
  checkOptions("basicAuth", options, ["users", "verify", "realm"]);
  const { users, verify } = options;
  if ((users === undefined) === (verify === undefined)) {
    throw invalidOption("basicAuth", "there is either users or verify");
  }
  if (verify !== undefined && typeof verify !== "function") {
    throw invalidOption("basicAuth", "verify is a function");
  }
  const accepts = verify ?? listed(users ?? []);
  const realm = quoted("basicAuth", "realm", options.realm ?? "Restricted");
  const challenge = `Basic realm=${realm}, charset="UTF-8"`;
  const refuse = (ctx: AnyContext): never => {
    ctx.header("WWW-Authenticate", challenge, { append: true });
    throw new HTTPError(401, "unauthorized");
  };
  return (ctx, next) => {
    const given = parse(credentialsOf(ctx, "basic"));
    if (given === undefined) return refuse(ctx);
    return whenReady(accepts(given.username, given.password, ctx), (accepted) => {
      if (accepted !== true) return refuse(ctx);
      (ctx.state as BasicAuthState).username = given.username;
      return next();
    });
  };
}

/** Every user is compared, found or not, so that time does not tell which names exist. */
function listed(users: readonly BasicAuthUser[]): (username: string, password: string) => boolean {
  if (!Array.isArray(users) || users.length === 0) {
    throw invalidOption("basicAuth", "users is a list that is not empty");
  }
  const known = users.map(({ username, password }) => {
    if (typeof username !== "string" || /[:\0-\x1f\x7f]/.test(username)) {
      throw invalidOption("basicAuth", "a username has no colon and no control character");
    }
    if (typeof password !== "string" || password === "") {
      throw invalidOption("basicAuth", `the password of ${username} is empty`);
    }
    return fingerprint(`${username}:${password}`);
  });
  return (username, password) => {
    const given = fingerprint(`${username}:${password}`);
    let found = false;
    for (const one of known) found = equalFingerprints(one, given) || found;
    return found;
  };
}

/** Name and password; undefined when they are missing or malformed (RFC 7617 2). */
function parse(credentials: string | undefined): BasicAuthUser | undefined {
  if (credentials === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return undefined;
  let text: string;
  try {
    text = decoder.decode(Buffer.from(credentials, "base64"));
  } catch {
    // Not UTF-8, which the challenge asks for.
    return undefined;
  }
  const colon = text.indexOf(":");
  if (colon === -1 || /[\0-\x1f\x7f]/.test(text)) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
