/** Addresses and networks (RFC 4291, 4632), as `ipRestriction` and `rateLimit` compare them. */

/** An address as four words; of IPv4 only the last is used. */
export interface Address {
  readonly version: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

/** All addresses whose first bits are those of `address`. */
export interface Network {
  readonly address: Address;
  readonly prefixBits: number;
}

/**
 * An address from its text, with or without a zone; undefined when it is none. IPv4 inside of IPv6
 * (`::ffff:10.0.0.1`) is that IPv4 address, or a rule for one could be walked round as the other.
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) {
    const word = parseVersion4(text);
    return word === undefined ? undefined : { version: 4, words: [0, 0, 0, word] };
  }
  const zone = text.indexOf("%");
  const groups = parseGroups(zone === -1 ? text : text.slice(0, zone));
  if (groups === undefined) return undefined;
  const word = (at: number) => ((groups[at]! << 16) | groups[at + 1]!) >>> 0;
  const words = [word(0), word(2), word(4), word(6)] as const;
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    return { version: 4, words: [0, 0, 0, words[3]] };
  }
  return { version: 6, words };
}

/** A network such as "10.0.0.0/8" or a single address; undefined when it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [given = "", length, ...rest] = text.split("/");
  const address = parseAddress(given);
  if (address === undefined || rest.length > 0 || given.includes("%")) return undefined;
  // A prefix of an IPv4 address that was written as IPv6 counts from the start of the IPv6 one.
  const mapped = address.version === 4 && given.includes(":") ? 96 : 0;
  const most = address.version === 4 ? 32 : 128;
  if (length === undefined) return { address, prefixBits: most };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefixBits = Number(length) - mapped;
  return prefixBits < 0 || prefixBits > most ? undefined : { address, prefixBits };
}

/** Whether an address is in a network; one of IPv4 never is in one of IPv6. */
export function contains(network: Network, address: Address): boolean {
  if (network.address.version !== address.version) return false;
  let bits = network.prefixBits;
  for (let at = address.version === 4 ? 3 : 0; at < 4 && bits > 0; at++) {
    const mask = bits >= 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits);
    if (((network.address.words[at]! ^ address.words[at]!) & mask) !== 0) return false;
    bits -= 32;
  }
  return true;
}

/** Whether bits behind the prefix are set, which makes "10.1.2.3/8" a likely mistake. */
export function hasHostBits({ address, prefixBits }: Network): boolean {
  let bits = prefixBits;
  for (let at = address.version === 4 ? 3 : 0; at < 4; at++) {
    const hostMask = bits >= 32 ? 0 : bits <= 0 ? 0xffff_ffff : 0xffff_ffff >>> bits;
    if ((address.words[at]! & hostMask) !== 0) return true;
    bits -= 32;
  }
  return false;
}

/** Decimal only: "010.0.0.1" is octal to some and decimal to others (RFC 6943 3.1.1). */
function parseVersion4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    word = word * 256 + Number(part);
  }
  return word;
}

/** The eight groups of 16 bits. */
function parseGroups(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing < 1 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Groups between colons; the last may be an IPv4 address where the text ends with it. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    if (last && at === parts.length - 1 && part.includes(".")) {
      const word = parseVersion4(part);
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
