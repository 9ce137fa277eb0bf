/** Lists in fields (RFC 9110 5.6.1). */

/** The items of all lines of a field, in order; empty ones mean nothing. */
export function listItems(lines: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    for (const part of line.split(",")) {
      const item = part.trim();
      if (item !== "") items.push(item);
    }
  }
  return items;
}
