/** Who may come, by address. */
import { HTTPError } from "../errors.ts";
import {
  contains,
  hasHostBits,
  type Network,
  parseAddress,
  parseNetwork,
} from "./support/ip-address.ts";
import type { AnyContext, AnyMiddleware } from "./support/middleware.ts";
import { checkOptions, invalidOption } from "./support/options.ts";

/** Options of `ipRestriction`; at least one list is given. */
export interface IpRestrictionOptions {
  /** Addresses and networks ("10.0.0.0/8", "2001:db8::/32", "::1") that may come; nobody else. */
  readonly allow?: readonly string[];
  /** Addresses and networks that may not come, even if they are allowed. */
  readonly deny?: readonly string[];
  /** The client's address; `ctx.ip` unless told. */
  readonly address?: (ctx: AnyContext) => string;
}

/**
 * Refuses clients by their address with 403 `address_refused`. One without a readable address, as
 * over a unix socket, is refused too. Behind a proxy `ctx.ip` is the proxy's address,
 * unless `trustProxy` names it.
 *
 * @throws ChopinError `invalid_option`, also for "10.1.2.3/8", which has bits behind its prefix.
 * @example
 * app.layerPath("/admin", ipRestriction({ allow: ["10.0.0.0/8", "::1", "127.0.0.1"] }));
 */
export function ipRestriction(options: IpRestrictionOptions): AnyMiddleware {
  checkOptions("ipRestriction", options, ["allow", "deny", "address"]);
  const { address = (ctx: AnyContext) => ctx.ip } = options;
  if (options.allow === undefined && options.deny === undefined) {
    throw invalidOption("ipRestriction", "allow or deny is missing");
  }
  if (typeof address !== "function") {
    throw invalidOption("ipRestriction", "address is a function");
  }
  const allowed = options.allow === undefined ? undefined : networks("allow", options.allow);
  const denied = networks("deny", options.deny ?? []);
  return (ctx, next) => {
    const client = parseAddress(address(ctx));
    const isIn = (list: readonly Network[]) =>
      client !== undefined && list.some((network) => contains(network, client));
    if (client === undefined || isIn(denied) || (allowed !== undefined && !isIn(allowed))) {
      throw new HTTPError(403, "address_refused");
    }
    return next();
  };
}

function networks(name: "allow" | "deny", list: readonly string[]): readonly Network[] {
  if (!Array.isArray(list)) throw invalidOption("ipRestriction", `${name} is a list`);
  return list.map((text) => {
    const network = typeof text === "string" ? parseNetwork(text) : undefined;
    if (network === undefined) {
      const given = JSON.stringify(text);
      throw invalidOption("ipRestriction", `${given} in ${name} is no address or network`);
    }
    if (hasHostBits(network)) {
      throw invalidOption("ipRestriction", `${text} in ${name} has bits behind its prefix`);
    }
    return network;
  });
}
