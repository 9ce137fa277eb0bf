/**
 * How far a server believes what proxies say about a request: the option `trustProxy`. Read once at
 * start; `request-context.ts` asks for each request whose address, scheme or host is wanted.
 */
import { ChopinError } from "./errors.ts";
import {
  addressText,
  elementsFromRight,
  hostText,
  isSecureScheme,
  itemsFromRight,
  nodeAddress,
} from "./forwarded.ts";
import {
  contains,
  hasHostBits,
  type Network,
  parseAddress,
  parseNetwork,
} from "./middleware/support/ip-address.ts";

/**
 * Which proxies are believed: how many there are between client and server, or their addresses:
 * "10.0.0.0/8", "::1", "loopback" (also any unix socket), "private" (RFC 1918 and 4193).
 */
export type TrustedHops = number | string | readonly string[];

/**
 * False believes nobody. With `fields: "forwarded"` the field of RFC 7239 is read, and otherwise
 * `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. Never both: proxies write one kind
 * and pass on what a client wrote in the other.
 */
export type TrustProxy =
  | false
  | TrustedHops
  | { readonly hops: TrustedHops; readonly fields?: "x-forwarded" | "forwarded" };

/** What is known of a request by its trusted proxies. */
export interface Origin {
  /** The client, or the last one that is known on the way to it; canonical text. */
  readonly ip: string;
  /** Undefined when no trusted proxy said how the client came. */
  readonly secure: boolean | undefined;
  /** Undefined when no trusted proxy said what the client asked for. */
  readonly host: string | undefined;
}

/** The lines of a field, in order. */
export type FieldLines = (name: string) => readonly string[];

/** More than any chain that was built on purpose. */
const hopsMost = 32;

const named: ReadonlyMap<string, readonly string[]> = new Map([
  ["loopback", ["127.0.0.0/8", "::1"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]],
]);

/** Follows the way of a request back, from the socket towards the client. */
export class ProxyTrust {
  readonly #count: number;
  readonly #networks: readonly Network[] | undefined;
  readonly #unixSocket: boolean;
  readonly #standard: boolean;

  /** @throws ChopinError `invalid_option`. */
  constructor(given: Exclude<TrustProxy, false>) {
    const whole = typeof given === "object" && "hops" in given ? given : { hops: given };
    const { hops, fields = "x-forwarded" } = whole;
    if (fields !== "x-forwarded" && fields !== "forwarded") {
      throw invalid(`fields is "x-forwarded" or "forwarded", not ${JSON.stringify(fields)}`);
    }
    this.#standard = fields === "forwarded";
    const counted = typeof hops === "number";
    if (counted && !(Number.isInteger(hops) && hops >= 1 && hops <= hopsMost)) {
      throw invalid(`a number of hops is 1 to ${hopsMost}, not ${hops}`);
    }
    this.#count = counted ? hops : hopsMost;
    const list = counted ? [] : typeof hops === "string" ? [hops] : hops;
    this.#networks = counted ? undefined : networksOf(list);
    this.#unixSocket = counted || list.includes("loopback");
  }

  /** What may be believed about a request that came from `socketIp`. */
  follow(socketIp: string, lines: FieldLines): Origin {
    return this.#standard
      ? this.#followForwarded(socketIp, lines)
      : this.#followCustom(socketIp, lines);
  }

  /** A proxy adds whom it had the request from, so the right end is what the nearest one says. */
  #followCustom(socketIp: string, lines: FieldLines): Origin {
    const items = itemsFromRight(lines("x-forwarded-for"));
    let ip = socketIp;
    let hops = 0;
    while (this.#trusts(ip, hops)) {
      hops++;
      const item = items.next();
      const address = item.done ? undefined : nodeAddress(item.value, true);
      if (address === undefined) break;
      ip = address;
    }
    return {
      ip,
      secure: isSecureScheme(outermost(lines("x-forwarded-proto"), hops)),
      host: hostText(outermost(lines("x-forwarded-host"), hops)),
    };
  }

  /** Of scheme and host the one that the outermost trusted proxy saw is what the client used. */
  #followForwarded(socketIp: string, lines: FieldLines): Origin {
    const elements = elementsFromRight(lines("forwarded"));
    let ip = socketIp;
    let secure: boolean | undefined;
    let host: string | undefined;
    for (let hops = 0; this.#trusts(ip, hops); hops++) {
      const element = elements.next();
      if (element.done || element.value === undefined) break;
      secure = isSecureScheme(element.value.get("proto")) ?? secure;
      host = hostText(element.value.get("host")) ?? host;
      const address = nodeAddress(element.value.get("for") ?? "", false);
      if (address === undefined) break;
      ip = address;
    }
    return { ip, secure, host };
  }

  /** Whether the node at this distance from the socket is a proxy that is believed. */
  #trusts(ip: string, distance: number): boolean {
    if (distance >= this.#count) return false;
    if (this.#networks === undefined) return true;
    if (ip === "") return this.#unixSocket;
    const address = parseAddress(ip);
    return address !== undefined && this.#networks.some((network) => contains(network, address));
  }
}

/**
 * The item that the outermost of so many proxies wrote. One that replaces the field instead of
 * adding to it leaves fewer: then the leftmost is the one.
 */
function outermost(lines: readonly string[], hops: number): string | undefined {
  let found: string | undefined;
  let seen = 0;
  for (const item of itemsFromRight(lines)) {
    if (seen === hops) break;
    found = item;
    seen++;
  }
  return found;
}

function networksOf(list: readonly string[]): readonly Network[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw invalid("it is false, a number of hops, an address or a list of addresses");
  }
  return list.flatMap((text) => (named.get(text) ?? [text]).map(networkOf));
}

function networkOf(text: string): Network {
  const network = typeof text === "string" ? parseNetwork(text) : undefined;
  if (network === undefined) {
    throw invalid(`${JSON.stringify(text)} is no address, network, "loopback" or "private"`);
  }
  if (hasHostBits(network)) {
    const { address, prefixBits } = network;
    throw invalid(`${addressText(address)}/${prefixBits} has bits behind its prefix`);
  }
  return network;
}

/**
 * The trust that a program or its environment asks for: CHOPIN_TRUST_PROXY is a number of hops, or
 * addresses with commas between them.
 *
 * @throws ChopinError `invalid_option` or `invalid_environment`.
 */
export function trustOf(
  given: TrustProxy | undefined,
  variable: string | undefined,
): ProxyTrust | undefined {
  if (given === false) return undefined;
  if (given !== undefined) return new ProxyTrust(given);
  if (variable === undefined || variable === "" || variable === "0") return undefined;
  const hops = /^\d+$/.test(variable) ? Number(variable) : variable.split(",").map((a) => a.trim());
  try {
    return new ProxyTrust(hops);
  } catch (error) {
    const { message } = error as ChopinError;
    const told = message.replace("trustProxy", "CHOPIN_TRUST_PROXY");
    throw new ChopinError("invalid_environment", told);
  }
}

function invalid(what: string): ChopinError {
  return new ChopinError("invalid_option", `trustProxy: ${what}.`);
}
